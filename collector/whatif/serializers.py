"""The job ``serializers``: a thread's own states under every serializer.

The states are read from the user's own database, one step at a time, and let go: what is kept are
sizes, times and names of types (``storage.serializer_trials``).
"""

from __future__ import annotations

import logging
import time
from collections import Counter

import msgspec
import psutil

from collector.inspection.errors import CouldNotLook
from collector.jobs.errors import CannotRun
from collector.jobs.kinds import Work
from collector.viewer import bounds
from collector.whatif import states
from collector.whatif.bench import Bench
from collector.whatif.objects import Maker
from statemeter import codecs, settings
from storage import serializer_trials as trials
from storage.jobs import Request
from storage.serializer_trials import Asked, Trial
from storage.sources import SourceError

GB = 1 << 30
MOST_MEMORY, LEAST_MEMORY = 2 * GB, GB // 2
MEMORY_SHARE = 0.5
"""Of the memory that is free, between those two: the kernel holds the job to it."""
CPU_SECONDS = 900
"""After which the kernel ends the job, whatever it is stuck in."""
MOST_REASONS = 20
"""Why values could not be measured: those that are told, the most frequent ones."""
MOST_NAMES = 50
"""Classes of stand-ins that are named, the most frequent ones."""

OFF = (
    "A what-if reads the values of the thread's states, which is off: start the dashboard (or the "
    "collector) with STATEMETER_SHOW_VALUES=1. They are measured and let go; nothing of them is "
    "stored."
)


def run(work: Work) -> None:
    """Measure. Raises CannotRun where nothing could be."""
    if not settings.get("STATEMETER_SHOW_VALUES"):
        raise CannotRun(OFF)
    try:
        asked = trials.asked(work.request.asked)
    except msgspec.ValidationError as error:
        raise CannotRun(f"The job cannot be understood: {error}.") from None
    # LangGraph logs each class that it does not load, by name: those are counted here.
    logging.getLogger("langgraph.checkpoint.serde.jsonplus").setLevel(logging.ERROR)
    bounds.set_limits(_memory())
    bounds.allow_cpu(CPU_SECONDS)
    _Run(work, asked).all()


def clean(request: Request, made: list[str]) -> None:
    """Nothing: the job creates nothing."""


class _Run:
    def __init__(self, work: Work, asked: Asked) -> None:
        self._work = work
        self._asked = asked
        self._spool = str(settings.spool_folder())
        self._maker = Maker()
        # What is read back is counted apart.
        self._bench = Bench(Maker().hook, asked.rounds)
        self._stored = 0
        self._gone = 0
        self._unread: Counter[str] = Counter()
        self._newest = (-1, "")

    def all(self) -> None:
        ends = time.monotonic() + self._asked.seconds
        steps = self._asked.steps
        for number, place in enumerate(states.spread(len(steps))):
            if number and time.monotonic() > ends:
                break
            self._work.tell(
                f"step {number + 1} of {len(steps)}", number / len(steps),
                self._trial(self._gone) if self._bench.steps else None,
            )  # fmt: skip
            self._step(place)
        if not self._bench.steps:
            raise CannotRun(self._why_not())
        self._work.tell("done", 1.0, self._trial(len(steps) - self._bench.steps))

    def _step(self, place: int) -> None:
        try:
            found = states.read(self._asked, self._spool, self._asked.steps[place], self._maker)
        except (CouldNotLook, SourceError) as error:
            raise CannotRun(str(error)) from None
        if found is None:
            self._gone += 1
            return
        self._unread.update(found.unread)
        if not found.objects:
            return
        if place > self._newest[0]:
            self._newest = (place, _written_by(found.tags, self._asked.serializer))
        self._stored += found.stored_bytes
        self._bench.step(found.objects)

    def _trial(self, skipped: int) -> Trial:
        asked, bench = self._asked, self._bench
        return Trial(
            backend=asked.backend, class_name=asked.class_name, layout=asked.layout,
            thread=asked.thread, graph=asked.graph, steps=bench.steps, of_steps=asked.of_steps,
            timed=bench.timed, skipped=skipped, values=bench.values,
            stored_bytes=self._stored / bench.steps, thread_bytes=asked.thread_bytes,
            rounds=bench.rounds, today=self._newest[1],
            stand_ins=dict(self._maker.stand_ins.most_common(MOST_NAMES)),
            unread=dict(self._unread.most_common(MOST_REASONS)), candidates=bench.candidates(),
        )  # fmt: skip

    def _why_not(self) -> str:
        if self._unread:
            reasons = ", ".join(f"{why} ({count})" for why, count in self._unread.most_common(5))
            return f"No value of this thread can be measured: {reasons}."
        return (
            "None of the checkpoints asked for is in the database any longer. Ask again, or take "
            "another thread."
        )


def _written_by(tags: dict[str, int], serializer: str) -> str:
    """The candidate that wrote values of these tags."""
    packed = [tag for tag in tags if codecs.split(tag)[0]]
    tag = packed[0] if packed else max(tags, key=tags.__getitem__, default="")
    codec, inner = codecs.split(tag)
    if inner != "msgpack":
        return ""
    name = "msgspec" if serializer == "MsgspecSerializer" else "msgpack"
    return f"{name}+{codec}" if codec else name


def _memory() -> int:
    free = int(psutil.virtual_memory().available * MEMORY_SHARE)
    return max(LEAST_MEMORY, min(MOST_MEMORY, free))
