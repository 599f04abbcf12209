"""The pending writes of a thread: which tasks wrote under which checkpoint, and how much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine

from statemeter.events import SPECIAL_WRITE_INDEX
from storage.history_tree import numbers
from storage.queries import IntArray, fetch, reading

START = "__start__"
"""LangGraph's name of the channel that has the input, and of the node that takes it."""

NO_TASK = "00000000-0000-0000-0000-000000000000"
"""Task id of what a caller wrote, such as ``Command(resume=…)``."""

_KINDS = {
    "__interrupt__": "interrupt", "__resume__": "resume", "__error__": "error",
    "__scheduled__": "scheduled",
}  # fmt: skip

_decode = msgspec.json.Decoder().decode

Key = tuple[str, str]
"""(namespace, checkpoint id)."""


def parsed(value: str, default: Any) -> Any:
    """JSON of a column; the default where it is empty, was damaged or is of another kind."""
    try:
        found = _decode(value) if value else default
    except msgspec.DecodeError:
        return default
    return found if isinstance(found, type(default)) else default


@dataclass
class Task:
    """One task of a super-step."""

    node: str = ""
    kinds: set[str] = field(default_factory=set)
    channels: dict[str, int] = field(default_factory=dict)
    """Channel → bytes of its writes, without special ones; -1: not seen."""
    finished: bool = False
    """Whether it wrote anything but an interrupt, an error or what it was resumed with."""


class Writes:
    """All pending writes of a thread, by the checkpoint they are kept under."""

    def __init__(self) -> None:
        self.tasks: dict[Key, dict[str, Task]] = {}
        """Checkpoint → task id → task, those that wrote first come first."""
        self.bytes: dict[Key, int] = {}
        self.counts: dict[Key, set[tuple[str, int]]] = {}
        self._under: dict[tuple[str, str], Key] = {}

    def add(self, row: Any) -> None:
        """One call of ``put_writes``: ns, checkpoint, task, node, channels, stored_delta_bytes."""
        key = (row.ns, row.checkpoint)
        task = self.tasks.setdefault(key, {}).setdefault(row.task, Task())
        task.node = task.node or row.node
        kept = self.counts.setdefault(key, set())
        for index, channel, size in _told(row):
            kept.add((row.task, index))
            if channel in _KINDS:
                task.kinds.add(_KINDS[channel])
            else:
                task.finished = True
                task.channels[channel] = task.channels.get(channel, 0) + max(size, 0)
        self.bytes[key] = self.bytes.get(key, 0) + row.stored_delta_bytes
        self._under[row.ns, row.task] = key

    def caller_of(self, ns: str) -> Key:
        """The checkpoint under which the task wrote that called a subgraph; ("", "") where it is
        not known (it has not finished, or the namespace outlives each call)."""
        outer, _, last = ns.rpartition("|")
        return self._under.get((outer, last.partition(":")[2]), ("", ""))

    def column(self, name: str, keys: Sequence[Key]) -> IntArray:
        """A column of ``History.table``: writes, pending_bytes, interrupts, resumes, errors."""
        if name == "writes":
            return numbers([len(self.counts.get(key, ())) for key in keys])
        if name == "pending_bytes":
            return numbers([self.bytes.get(key, 0) for key in keys])
        kind = name.removesuffix("s")
        return numbers([self._tasks_with(kind, key) for key in keys])

    def _tasks_with(self, kind: str, key: Key) -> int:
        tasks = [task for task, told in self.tasks.get(key, {}).items() if kind in told.kinds]
        # What a caller resumes with is written for no task first, then by the task it is for.
        return max(len([task for task in tasks if task != NO_TASK]), int(bool(tasks)))


def _told(row: Any) -> Iterator[tuple[int, str, int]]:
    """Index, channel and bytes of each write of a call."""
    # Of what was found in a database the index is told; of a call it follows from the place.
    indexes: Any = parsed(row.detail, {}).get("indexes") if row.detail != "{}" else None
    for place, (channel, size) in enumerate(parsed(row.channels, [])):
        known = isinstance(indexes, list) and place < len(indexes)
        yield (
            int(indexes[place]) if known else SPECIAL_WRITE_INDEX.get(channel, place),
            channel,
            size,
        )


def read(connection: Connection, thread_key: int, since_us: int = 0) -> Writes:
    """The pending writes that a thread was told of from a time on."""
    rows = fetch(
        connection,
        "SELECT ns, checkpoint, task, node, channels, detail, stored_delta_bytes FROM operations "
        "WHERE thread_key = :key AND operation = 'put_writes' AND at_us >= :since "
        "AND error = '' ORDER BY at_us, id",
        key=thread_key,
        since=since_us,
    )
    found = Writes()
    for row in rows.itertuples(index=False):
        found.add(row)
    return found


def writes_of(engine: Engine, thread_key: int, ns: str, checkpoint: str) -> pd.DataFrame:
    """The pending writes told of a checkpoint, in the order of their calls: task, node, at_us,
    index (under which savers keep them, negative for special channels), channel, bytes (missing
    where they were not seen), kind (``interrupt``, ``resume``, ``error``, ``scheduled``; empty: to
    a channel of the graph). One that a later call wrote again is there once, as written last."""
    with reading(engine) as connection:
        rows = fetch(
            connection,
            "SELECT task, node, at_us, channels, detail FROM operations WHERE thread_key = :key "
            "AND operation = 'put_writes' AND checkpoint = :checkpoint AND ns = :ns "
            "AND error = '' ORDER BY at_us, id",
            key=thread_key,
            checkpoint=checkpoint,
            ns=ns,
        )
    found: dict[tuple[str, int], tuple[Any, ...]] = {}
    for row in rows.itertuples(index=False):
        for index, channel, size in _told(row):
            known = float(size) if size >= 0 else np.nan
            kind = _KINDS.get(channel, "")
            found[row.task, index] = (row.task, row.node, row.at_us, index, channel, known, kind)
    columns = ["task", "node", "at_us", "index", "channel", "bytes", "kind"]
    return pd.DataFrame(list(found.values()), columns=columns)
