"""Other state designs for a recorded thread: what each would write, hold and read, and its price.

A prediction is worked out from the sizes that the store has, see ``design_thread``; nothing is run.
``collector.designs`` measures one by replaying the thread. docs/designs.md says how, and how far
predictions were off where the change was really made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import msgspec

from storage import design_advice
from storage.design_advice import Advice
from storage.design_changes import delta, exit_, reference
from storage.design_lists import Summary, summarize, trim
from storage.design_sums import Sums, sums
from storage.design_thread import Recorded, runs_of
from storage.history_sizes import is_internal

LISTS, REFERRED = 2, 2
"""Channels that designs are worked out for, those with most bytes first."""

LEAST_SHARE = 0.02
"""Of all that channels take in the documents, from which on a list is worth a design."""

LARGE_BYTES = 2_000
"""Smallest value that is worth a reference: an item of a store is a read of its own."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """With which parameters designs are worked out."""

    frequencies: tuple[int, ...] = (10, 50, 100)
    """Of snapshots of a ``DeltaChannel``: updates between two."""
    lengths: tuple[int, ...] = (10, 20, 50)
    """Elements that a trimmed list keeps."""
    summary: tuple[int, int, int] = (20, 800, 4)
    """A list is summarized from so many elements on, to so many bytes, beside so many newest."""
    kept: tuple[int, ...] = (1, 10)
    """Checkpoints that pruning keeps."""


class Design(msgspec.Struct, frozen=True, kw_only=True):
    """A change of the state, of its durability, or of what is kept."""

    id: str
    """Such as ``delta-messages-50``: the same for every thread."""
    kind: str
    """``today``, ``delta``, ``trim``, ``summarize``, ``reference``, ``exit``, ``prune`` or
    ``trim+exit``."""
    name: str
    channel: str = ""
    number: int = 0
    """Its parameter: frequency, length, checkpoints."""


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """A thread under a design, beside what it is today."""

    design: Design
    written_bytes: int | None = None
    """None in all of these: the design cannot be had here, see ``why_not``."""
    stored_bytes: int | None = None
    elsewhere_bytes: int = 0
    """Held by a store in its place."""
    saved_bytes: int | None = None
    """Of stored bytes, with those elsewhere; negative: it costs."""
    live_bytes: int | None = None
    checkpoints: int | None = None
    duration_us: float | None = None
    """Of all puts and pending writes; None: nobody saw them. Of today measured, else from the line
    through its calls."""
    step_us: float | None = None
    """The same for one of today's checkpoints."""
    read_bytes: int | None = None
    """To load the newest checkpoint."""
    ancestors: int = 0
    """Walked for it."""
    most_read_bytes: int | None = None
    most_ancestors: int = 0
    curve: list[tuple[int, int]] = []
    """(checkpoint of today, stored bytes after it)."""
    why_not: str = ""
    """Why the design cannot be had with this saver, graph or version; empty: it can."""
    gives_up: list[str] = []
    code: str = ""


@dataclass(frozen=True)
class Predicted:
    """All that is said of a thread."""

    thread: Recorded
    today: Prediction | None
    """None: see ``thread.problem``."""
    others: list[Prediction]
    """Those that save most first; those that cannot be had last."""
    notes: list[str]


@dataclass(frozen=True)
class _Way:
    design: Design
    change: Callable[[Recorded], Recorded]


def predict(thread: Recorded, settings: Settings | None = None) -> Predicted:
    """Every design that says something about a thread."""
    settings = settings or Settings()
    if thread.problem:
        return Predicted(thread, None, [], list(thread.notes))
    before = sums(thread)
    today = _prediction(Design(id="today", kind="today", name="Today"), thread, before, thread,
                        before, Advice())  # fmt: skip
    others = [_predict(way, thread, before) for way in _ways(thread, settings)]
    others.sort(key=lambda one: (one.why_not != "", -(one.saved_bytes or 0), one.design.id))
    notes = list(thread.notes)
    if before.stored_bytes != thread.store_bytes[1]:
        notes.append(
            f"The calls known here add up to {before.stored_bytes:,} stored bytes, the thread's "
            f"sum is {thread.store_bytes[1]:,}: single calls are kept for some days only, or a "
            "removal was not seen. Savings are of what is known."
        )
    if not others:
        notes.append("No list, no large channel, one checkpoint: there is nothing to design.")
    return Predicted(thread, today, others, notes)


def changed(thread: Recorded, design: Design, settings: Settings | None = None) -> Recorded | None:
    """The thread under a design; None where it is none of those that ``predict`` gives."""
    for way in _ways(thread, settings or Settings()):
        if way.design.id == design.id:
            return way.change(thread)
    return None


def _predict(way: _Way, thread: Recorded, before: Sums) -> Prediction:
    advice = design_advice.of(way.design.kind, way.design.channel, way.design.number, thread)
    if advice.why_not:
        return Prediction(design=way.design, why_not=advice.why_not, gives_up=advice.gives_up)
    then = way.change(thread)
    return _prediction(way.design, then, sums(then), thread, before, advice)


def _prediction(  # noqa: PLR0917 (then and before, twice)
    design: Design, then: Recorded, found: Sums, thread: Recorded, before: Sums, advice: Advice
) -> Prediction:
    duration = None
    if found.duration_us is not None and thread.duration_us is not None:
        line = before.duration_us or 1.0
        duration = thread.duration_us * found.duration_us / line
    return Prediction(
        design=design, written_bytes=found.written_bytes, stored_bytes=found.stored_bytes,
        elsewhere_bytes=found.elsewhere_bytes,
        saved_bytes=before.stored_bytes - found.stored_bytes - found.elsewhere_bytes,
        live_bytes=found.live_bytes, checkpoints=found.checkpoints, duration_us=duration,
        step_us=None if duration is None else duration / max(len(thread.puts), 1),
        read_bytes=found.reads.bytes, ancestors=found.reads.ancestors,
        most_read_bytes=found.reads.most_bytes, most_ancestors=found.reads.most_ancestors,
        curve=list(found.curve), gives_up=advice.gives_up, code=advice.code,
    )  # fmt: skip


def _ways(thread: Recorded, settings: Settings) -> list[_Way]:
    lists = list_channels(thread)
    found = [way for channel in lists for way in _of_list(thread, channel, settings)]
    for channel in large_channels(thread, lists):
        name = f"{channel}: a reference"
        found.append(_way("reference", name, partial(reference, channel=channel), channel))
    if max(runs_of(thread.puts).values(), default=0) > 1:
        found.append(_way("exit", 'durability="exit"', exit_))
        found += [way for channel in lists[:1] for way in _trimmed_exit(thread, channel, settings)]
    roots = sum(not put.ns for put in thread.puts)
    for keep in settings.kept:
        if roots > keep:
            name = "prune: the newest checkpoint" if keep == 1 else f"prune: the newest {keep}"
            found.append(_way("prune", name, partial(replace, keep=keep), number=keep))
    return found


def _way(
    kind: str, name: str, change: Callable[[Recorded], Recorded], channel: str = "", number: int = 0
) -> _Way:
    told, _, more = kind.partition("+")
    key = "-".join(part for part in (told, channel, str(number or "")) if part)
    key += f"+{more}" if more else ""
    return _Way(Design(id=key, kind=kind, name=name, channel=channel, number=number), change)


def _of_list(thread: Recorded, channel: str, settings: Settings) -> list[_Way]:
    found = []
    for number in settings.frequencies:
        name = f"{channel}: DeltaChannel, snapshot every {number}"
        change = partial(delta, channel=channel, frequency=number)
        found.append(_way("delta", name, change, channel, number))
    longest = _longest(thread, channel)
    for number in settings.lengths:
        if number < longest:
            change = partial(trim, channel=channel, most=number)
            found.append(_way("trim", f"{channel}: the newest {number}", change, channel, number))
    every, to_bytes, keep = settings.summary
    if every <= longest:
        change = partial(summarize, channel=channel, how=Summary(every, to_bytes, keep))
        name = f"{channel}: summarized from {every} on"
        found.append(_way("summarize", name, change, channel, every))
    return found


def _trimmed_exit(thread: Recorded, channel: str, settings: Settings) -> list[_Way]:
    lengths = [number for number in settings.lengths if number < _longest(thread, channel)]
    if not lengths:
        return []
    number = lengths[len(lengths) // 2]
    name = f'{channel}: the newest {number}, and durability="exit"'
    return [_way("trim+exit", name, lambda one: exit_(trim(one, channel, number)), channel, number)]


def _longest(thread: Recorded, channel: str) -> int:
    return max(put.elements.get(channel, 0) for put in thread.puts)


def list_channels(thread: Recorded) -> list[str]:
    """Lists that grow and are rewritten whole, those with most bytes first."""
    longest: Counter[str] = Counter()
    sent: Counter[str] = Counter()
    for put in thread.puts:
        for name, count in put.elements.items():
            longest[name] = max(longest[name], count)
            sent[name] += put.values.get(name, 0)
    every = sum(sum(put.values.values()) for put in thread.puts)
    deltas = delta_channels(thread)
    names = [
        name
        for name in sent
        if longest[name] > 1
        and not is_internal(name)
        and name not in deltas
        and sum(put.values.get(name, 0) for put in thread.puts) >= LEAST_SHARE * every
    ]
    return sorted(names, key=lambda name: (-sent[name], name))[:LISTS]


def large_channels(thread: Recorded, lists: list[str]) -> list[str]:
    """Channels with a large value that are none of these lists, those with most bytes first."""
    most: Counter[str] = Counter()
    total: Counter[str] = Counter()
    deltas = delta_channels(thread)
    for put in thread.puts:
        for name, size in put.values.items():
            most[name] = max(most[name], size)
            total[name] += size
    names = [
        name
        for name in total
        if most[name] >= LARGE_BYTES
        and name not in lists
        and name not in deltas
        and not is_internal(name)
    ]
    return sorted(names, key=lambda name: (-total[name], name))[:REFERRED]


def delta_channels(thread: Recorded) -> set[str]:
    """Channels that are a ``DeltaChannel`` already."""
    return {name for put in thread.puts for name in put.walked}
