"""Two checkpoints of a thread side by side, and one channel through time, by bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from storage.history_told import Told
from storage.history_told import read as read_told
from storage.history_tree import NOWHERE, way_between, way_up
from storage.history_writes import START, Task, Writes, read
from storage.queries import reading
from storage.queries_history import BEFORE_US, History

KINDS = ("added", "removed", "changed", "rewritten", "same", "delta")
"""``rewritten``: written on the way or on the branch that is left, and as large as before, so that
its value may differ. ``same``: written nowhere between. ``delta``: a ``DeltaChannel``, whose value
is not in its checkpoints; its change is what was written to it, less what going back undoes."""

_INTERNAL = ("branch:to:", "join:", "__")


@dataclass(frozen=True)
class Difference:
    """What differs between two checkpoints of a namespace, by sizes."""

    table: pd.DataFrame
    """A row for each channel of either: channel, kind (see ``KINDS``), before_bytes, after_bytes
    (missing where it has none), change_bytes, nodes (list of those that wrote it on the way to the
    second), writes (checkpoints on that way that it was written for, count), internal (whether it
    is one of LangGraph's own); those that changed most first."""
    before_bytes: float
    """The whole first checkpoint, document and all channel blobs."""
    after_bytes: float
    way: list[str]
    """Checkpoint ids from the first to the second, both included, through their ancestor."""
    ancestor: str
    """Their nearest common ancestor, one of the two where it is the other's; empty: none is
    known, so that nodes are those of all that is known of the second's ancestors."""
    unknown: str
    """Why channels of one of them are missing (``encrypted``, ``pickle``, …), empty: none is."""


@dataclass(frozen=True)
class _Step:
    """One checkpoint on the way."""

    sizes: Told
    tasks: list[Task]
    """Those that wrote under its parent."""
    authors: list[str]
    """Who made it, where no write says who wrote a channel."""

    def by(self, channel: str) -> list[Task]:
        """The tasks that wrote to a channel."""
        return [task for task in self.tasks if channel in task.channels]

    def wrote(self, channel: str, delta: bool) -> bool:
        """Whether the step wrote a channel; a delta channel's value is told by its tasks alone."""
        return channel in self.sizes.written or (delta and bool(self.by(channel)))

    def bytes_to(self, channel: str) -> int:
        """Of its tasks' writes to a channel."""
        return sum(task.channels[channel] for task in self.by(channel))


def is_internal(channel: str) -> bool:
    """Whether a channel is LangGraph's own: triggers, joins, input, tasks."""
    return channel.startswith(_INTERNAL)


def difference(
    engine: Engine, thread_key: int, found: History, before: int, after: int
) -> Difference:
    """Between two rows of ``found.table``, by their places; of one namespace."""
    table = found.table
    way, ancestor = way_between(found.parents, before, after)
    # What was written on the branch of the first is undone by going back to the ancestor; what was
    # written from there on led to the second.
    forth, back = way_up(found.parents, after)[::-1], way_up(found.parents, before)
    if ancestor != NOWHERE:
        forth = forth[forth.index(ancestor) + 1 :]
        back = back[: back.index(ancestor)]
    with reading(engine) as connection:
        sizes = read_told(connection, found, [before, after, *forth, *back])
        since = int(table["at_us"].iloc[way].min()) - BEFORE_US
        writes = read(connection, thread_key, since) if forth or back else Writes()
    first, second = sizes[before], sizes[after]
    steps, undone = (
        _steps(table.iloc[part], [sizes[place] for place in part], writes) for part in (forth, back)
    )
    told = (first, second, *(step.sizes for step in (*steps, *undone)))
    deltas = frozenset().union(*(one.deltas for one in told))
    names = dict.fromkeys([*second.channels, *first.channels, *sorted(deltas)])
    rows = [_row(name, first, second, steps, undone, name in deltas) for name in names]
    columns = [
        "channel", "kind", "before_bytes", "after_bytes", "change_bytes", "nodes", "writes",
        "internal",
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    order = np.lexsort((frame["channel"], -frame["change_bytes"].abs().fillna(0).astype(float)))
    return Difference(
        table=frame.iloc[order].reset_index(drop=True),
        before_bytes=float(table["checkpoint_bytes"].iloc[before]),
        after_bytes=float(table["checkpoint_bytes"].iloc[after]),
        way=table["checkpoint"].iloc[way].tolist(),
        ancestor="" if ancestor == NOWHERE else str(table["checkpoint"].iloc[ancestor]),
        unknown=first.unknown or second.unknown,
    )


def channels_at(engine: Engine, found: History, place: int) -> pd.DataFrame:
    """The channels of a checkpoint, most bytes first: channel, bytes, share (of the checkpoint, 0
    to 1), written (by its step), elements (of a list that it wrote; missing where unknown),
    internal."""
    with reading(engine) as connection:
        told = read_told(connection, found, [place])[place]
    whole = float(found.table["checkpoint_bytes"].iloc[place]) or np.nan
    rows = [
        (name, size, size / whole, name in told.written, _elements(told, name), is_internal(name))
        for name, size in told.channels.items()
    ]
    columns = ["channel", "bytes", "share", "written", "elements", "internal"]
    return pd.DataFrame(rows, columns=columns).sort_values(
        ["bytes", "channel"], ascending=[False, True], ignore_index=True
    )


def channel_curve(
    engine: Engine, found: History, places: Sequence[int], channel: str
) -> pd.DataFrame:
    """One channel through time: a row for each of these rows of ``found.table``, in their order:
    checkpoint, step, source, at_us, nodes, bytes (missing where it has none), change_bytes (to the
    row before; missing where either is), elements (of a list; missing where it is not known),
    written (whether this step wrote it), delta (whether it is a ``DeltaChannel`` without a value
    here)."""
    part = found.table.iloc[list(places)]
    with reading(engine) as connection:
        sizes = read_told(connection, found, places)
    told = [sizes[place] for place in places]
    curve = part[["checkpoint", "step", "source", "at_us", "nodes"]].reset_index(drop=True)
    curve["bytes"] = [float(one.channels.get(channel, np.nan)) for one in told]
    curve["change_bytes"] = curve["bytes"].diff()
    curve["written"] = [channel in one.written for one in told]
    elements = pd.Series([_elements(one, channel) for one in told], dtype=float)
    # What no step wrote is as it was; what is not there has no elements.
    unwritten = ~curve["written"] & curve["bytes"].notna()
    curve["elements"] = elements.where(~unwritten, elements.ffill()).where(curve["bytes"].notna())
    curve["delta"] = [channel in one.deltas for one in told]
    return curve


def largest_elements(engine: Engine, found: History, place: int) -> pd.DataFrame:
    """The largest elements of the list channels of a checkpoint, as they were last written on the
    way to it: channel, index, type, bytes, elements (count in the list), checkpoint (that wrote
    it). Empty where no list was told."""
    table = found.table
    way = way_up(found.parents, place)
    with reading(engine) as connection:
        sizes = read_told(connection, found, way)
    there = sizes[place].channels
    rows: list[tuple[Any, ...]] = []
    seen: set[str] = set()
    for one in way:
        for channel, told in sizes[one].lists.items():
            if channel in seen or channel not in there:
                continue
            seen.add(channel)
            count, largest = told
            checkpoint = table["checkpoint"].iloc[one]
            rows += [(channel, *element, count, checkpoint) for element in largest]
        if seen.issuperset(there):
            break
    columns = ["channel", "index", "type", "bytes", "elements", "checkpoint"]
    return pd.DataFrame(rows, columns=columns).sort_values(
        "bytes", ascending=False, ignore_index=True
    )


def _elements(told: Told, channel: str) -> float:
    return float(told.lists[channel][0]) if channel in told.lists else np.nan


def _steps(table: pd.DataFrame, sizes: Iterable[Told], writes: Writes) -> list[_Step]:
    parts = zip(table["ns"], table["parent"], table["nodes"], table["source"], sizes, strict=True)
    return [
        # Where no write tells the author of an update, it is whoever called for it.
        _Step(one, list(writes.tasks.get((ns, parent), {}).values()), nodes or [f"({source})"])
        for ns, parent, nodes, source, one in parts
    ]


def _row(  # noqa: PLR0917 (the two checkpoints and what lies between)
    name: str, first: Told, second: Told, steps: list[_Step], undone: list[_Step], delta: bool
) -> tuple[Any, ...]:
    wrote = [step for step in steps if step.wrote(name, delta)]
    left = [step for step in undone if step.wrote(name, delta)]
    count = len(wrote)
    by: dict[str, None] = {}
    for step in wrote:
        # The input is written by a node of LangGraph's own, which calls itself nothing.
        by |= dict.fromkeys([task.node or START for task in step.by(name)] or step.authors)
    if delta:
        added, taken = (sum(step.bytes_to(name) for step in part) for part in (wrote, left))
        return (name, "delta", np.nan, np.nan, float(added - taken), list(by), count, False)
    old, new = first.channels.get(name), second.channels.get(name)
    kind = (
        "added" if old is None
        else "removed" if new is None
        else "changed" if old != new
        else "rewritten" if wrote or left
        else "same"
    )  # fmt: skip
    return (
        name, kind, np.nan if old is None else float(old), np.nan if new is None else float(new),
        float((new or 0) - (old or 0)), list(by), count, is_internal(name),
    )  # fmt: skip
