"""Times, bytes and fidelity of all candidates, over the steps of one thread.

A candidate is a format and what is put around its bytes; each part is timed by itself, all parts in
turn, round after round, so that noise hits all alike. A candidate's time in a round is the sum of
its parts' in that round. Of the rounds of a step the median counts, which what else the machine
does then seldom reaches, and the quartiles are its spread; a candidate has the means of its steps.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from collector.whatif.fidelity import MOST_VALUES, Comparison
from collector.whatif.formats import Format, Typed, formats, layers
from statemeter.serializers.compressed import MIN_BYTES
from storage.serializer_trials import AES, CODECS, FORMATS, Candidate, Change

SHORTEST_NS = 200_000
"""What takes less is repeated within a round: clocks and caches have grains."""
MOST_REPEATS = 50
TIMED_STEPS = 8
"""Steps that are timed; of further ones, bytes and changes are taken alone."""
MOST_CHANGES = 20

Part = tuple[str, str, bool]
"""Format, what is put around it (``zstd``, ``aes``, ``zstd+aes``; empty: nothing), whether it is
written."""

BOTH = f"zstd+{AES}"
"""Encrypted after it was compressed, which is the one order that saves anything."""


@dataclass
class _Ready:
    """A part, ready to be timed."""

    part: Part
    call: Callable[[Any], Any]
    inputs: list[Any]
    repeats: int = 1

    def time_ns(self) -> float:
        """Of the processor: what else the machine does meanwhile is not in it."""
        call, inputs = self.call, self.inputs
        start = time.thread_time_ns()
        for _ in range(self.repeats):
            for one in inputs:
                call(one)
        return (time.thread_time_ns() - start) / self.repeats


@dataclass
class Bench:
    """Sums over the steps measured so far."""

    hook: Callable[[int, bytes], Any]
    rounds: int
    steps: int = 0
    timed: int = 0
    """Steps of which there are times."""
    values: int = 0
    times: dict[Part, list[list[float]]] = field(default_factory=dict)
    """ns, by step and round."""
    sizes: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._formats = formats(self.hook)
        self._layers, self.missing = layers()
        self._sealed = next(
            (len(layer.pack(b"")) for layer in self._layers if layer.name == AES), 0
        )
        self._compared: defaultdict[str, Comparison] = defaultdict(Comparison)

    def step(self, objects: list[Any]) -> None:
        """Measure the values of one step."""
        ready = [part for one in self._formats for part in self._prepare(one, objects)]
        self.steps += 1
        self.values += len(objects)
        if self.timed >= TIMED_STEPS:
            return
        self.timed += 1
        with _without_gc():
            for one in ready:
                took = one.time_ns()
                one.repeats = int(min(MOST_REPEATS, max(1, SHORTEST_NS // max(took, 1))))
            for one in ready:
                self.times.setdefault(one.part, []).append([])
            for number in range(self.rounds):
                for one in ready if number % 2 else reversed(ready):
                    self.times[one.part][-1].append(one.time_ns())

    def candidates(self) -> list[Candidate]:
        """All that was measured, and what could not be; of a step, the mean."""
        found = []
        for name in FORMATS:
            for around in ("", *CODECS, AES, BOTH):
                found.append(self._candidate(name, around))
        return found

    def _prepare(self, one: Format, objects: list[Any]) -> Iterator[_Ready]:
        """The parts of a format for these values; nothing where it cannot take them."""
        if one.name in self.failed:
            return
        try:
            dumped = [one.dump(obj) for obj in objects]
            for typed in dumped:
                one.load(typed)
            compared = self._compared[one.name]
            compared.left = MOST_VALUES
            for obj, typed in zip(objects, dumped, strict=True):
                compared.compare(obj, one.back(typed))
        except MemoryError:
            raise
        except Exception as error:  # its class alone: its text may hold a value
            self.failed[one.name] = type(error).__name__
            return
        yield _Ready((one.name, "", True), one.dump, objects)
        yield _Ready((one.name, "", False), one.load, dumped)
        yield from self._around(one.name, dumped)

    def _around(self, name: str, dumped: list[Typed]) -> Iterator[_Ready]:
        plain = [bytes(data) for _, data in dumped]
        total = sum(map(len, plain))
        self.sizes[name, ""] += total
        left = plain
        for layer in self._layers:
            if layer.name == AES:
                continue
            inputs = [data for data in plain if len(data) >= MIN_BYTES]
            made = [layer.pack(data) for data in inputs]
            # As a CompressedSerializer does: what does not shrink stays as it is.
            packed = [
                new for new, old in zip(made, inputs, strict=True) if len(new) < len(old)
            ]  # fmt: skip
            stays = [data for data in plain if len(data) < MIN_BYTES] + [
                old for new, old in zip(made, inputs, strict=True) if len(new) >= len(old)
            ]
            self.sizes[name, layer.name] += sum(map(len, packed)) + sum(map(len, stays))
            yield _Ready((name, layer.name, True), layer.pack, inputs)
            yield _Ready((name, layer.name, False), layer.unpack, packed)
            if layer.name == "zstd":
                left = packed + stays
        cipher = next((layer for layer in self._layers if layer.name == AES), None)
        if cipher is None:
            return
        for around, inputs in ((AES, plain), (BOTH, left)):
            # A cipher adds the same to each value, whatever its length.
            self.sizes[name, around] += sum(map(len, inputs)) + self._sealed * len(inputs)
            yield _Ready((name, around, True), cipher.pack, inputs)
            if self.timed < TIMED_STEPS:
                made = [cipher.pack(data) for data in inputs]
                yield _Ready((name, around, False), cipher.unpack, made)

    def _candidate(self, name: str, around: str) -> Candidate:
        codec = "zstd" if around == BOTH else around if around in CODECS else ""
        made = Candidate(
            name="+".join(filter(None, (name, around))), format=name, codec=codec,
            encrypted=around in (AES, BOTH), failed=self.failed.get(name, ""),
        )  # fmt: skip
        needs = [self.missing[one] for one in around.split("+") if one in self.missing]
        made.install = needs[0] if needs else ""
        if not made.measured or not self.steps:
            return made
        parts = [""] if not around else ["", around] if around != BOTH else ["", "zstd", BOTH]
        dump, load = (self._rounds(name, parts, written=written) for written in (True, False))
        both = [
            [a + b for a, b in zip(*pair, strict=True)] for pair in zip(dump, load, strict=True)
        ]
        made.dump_us, made.load_us = _mean(dump, 0.5), _mean(load, 0.5)
        made.low_us, made.high_us = _mean(both, 0.25), _mean(both, 0.75)
        made.bytes = self.sizes[name, around] / self.steps
        made.changes = self._changes(name)
        return made

    def _rounds(self, name: str, parts: list[str], *, written: bool) -> list[list[float]]:
        """ns of each round of each step, all parts together."""
        by_step = zip(*(self.times[name, part, written] for part in parts), strict=True)
        return [[sum(times) for times in zip(*step, strict=True)] for step in by_step]

    def _changes(self, name: str) -> list[Change]:
        found = self._compared[name]
        return [
            Change(type=kind, became=became, count=count, of=found.seen.get(kind, 0))
            for (kind, became), count in found.changes.most_common(MOST_CHANGES)
        ]


def _mean(steps: list[list[float]], share: float) -> float:
    """µs of a step: the mean of what ``share`` of a step's rounds stay below."""
    taken = [sorted(rounds)[round(share * (len(rounds) - 1))] for rounds in steps]
    return statistics.fmean(taken) / 1000


@contextmanager
def _without_gc() -> Iterator[None]:
    """A collection would hit whoever runs then."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
