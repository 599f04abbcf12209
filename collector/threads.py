"""Threads while their events are stored: a bounded memory of rows of ``threads``.

A state is loaded from its row on first touch and written back once a batch. It also remembers the
checkpoints seen last (``entries``), so that most events need no look-up to know what they replace.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from collector.held import Entry, is_time_ordered
from collector.savers import SaverState
from storage import inserts

ENTRIES_KEPT = 16
"""Checkpoints remembered for each thread between batches; older ones are looked up."""

WEIGHT_KEPT = 150_000
"""Bound of the memory: a thread weighs ``_BASE_WEIGHT``, one for each channel, and two or more for
each entry; a unit takes about 300 bytes."""
_BASE_WEIGHT = 10
_CHUNK = 500

MINUTE_US = 60_000_000

ChannelSums = list[Any]
"""[live bytes, written bytes, writes, list elements or None]."""

_COLUMNS = (
    "application", "graph", "backend", "steps", "operations", "errors", "live_bytes",
    "stored_bytes", "written_bytes", "metadata_bytes", "duration_us", "serde_us",
    "first_seen_us", "last_seen_us", "checkpoint", "newest", "deleted_us", "partial",
)  # fmt: skip
_ALL = ("id", "saver_id", "thread_id", *_COLUMNS, "channels")
_TABLE = inserts.table("threads")
_INSERT = inserts.insert_sql("threads")
_UPDATE = inserts.update_sql("threads", (*_COLUMNS, "channels"))
_ADD_MINUTE = (
    "INSERT INTO thread_minutes "
    "(thread_key, minute_us, live_bytes, stored_bytes, written_bytes, operations) "
    "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (thread_key, minute_us) DO UPDATE SET "
    "live_bytes = excluded.live_bytes, stored_bytes = excluded.stored_bytes, "
    "written_bytes = thread_minutes.written_bytes + excluded.written_bytes, "
    "operations = thread_minutes.operations + excluded.operations"
)
_TAKE_FROM_MINUTE = (
    "UPDATE thread_minutes SET written_bytes = written_bytes - ?, operations = operations - ? "
    "WHERE thread_key = ? AND minute_us = ?"
)

_encode = msgspec.json.Encoder().encode
_decode_channels = msgspec.json.Decoder(dict[str, dict[str, list[int | None]]]).decode


class ThreadState:
    """One row of ``threads``, with what is needed to change it."""

    __slots__ = (
        "application", "backend", "channels", "checkpoint", "complete", "counted",
        "deleted_us", "dirty", "duration_us", "entries", "errors", "first_seen_us", "graph",
        "heads", "id", "known", "last_seen_us", "live_bytes", "metadata_bytes",
        "minute_operations", "minute_us", "minute_written_bytes", "new", "newest",
        "operations", "partial", "saver_id", "serde_us", "steps", "stored_bytes",
        "thread_id", "weight", "written_bytes",
    )  # fmt: skip

    id: int
    saver_id: int
    thread_id: str
    application: str
    graph: str
    backend: str
    steps: int
    operations: int
    errors: int
    live_bytes: int
    stored_bytes: int
    written_bytes: int
    metadata_bytes: int
    duration_us: int
    serde_us: int
    first_seen_us: int
    last_seen_us: int
    checkpoint: str
    newest: str
    deleted_us: int
    partial: int

    def __init__(self, row: tuple[Any, ...], channels: dict[str, dict[str, ChannelSums]]) -> None:
        for name, value in zip(_ALL[:-1], row, strict=True):
            setattr(self, name, value)
        self.channels = channels
        """Plain namespace → channel → sums."""
        self.entries: dict[tuple[str, str], Entry] = {}
        """(namespace, checkpoint id) → what the backend holds of it."""
        self.known = self.newest
        """Largest time-ordered id that the backend may hold and that is not in ``entries``."""
        self.complete = False
        """Whether ``entries`` is all that the backend holds."""
        self.heads: dict[str, str] = {}
        """Namespace → checkpoint put last."""
        self.new = False
        self.dirty = False
        self.weight = 0
        self.minute_us = self.minute_written_bytes = self.minute_operations = 0
        self.counted = not self.deleted_us and (self.steps > 0 or self.written_bytes > 0)
        """Whether it counts as a thread that exists: something was put, and not deleted since."""

    def row(self) -> inserts.Row:
        """The values of ``_COLUMNS`` and the channels."""
        return (
            self.application, self.graph, self.backend, self.steps, self.operations, self.errors,
            self.live_bytes, self.stored_bytes, self.written_bytes, self.metadata_bytes,
            self.duration_us, self.serde_us, self.first_seen_us, self.last_seen_us,
            self.checkpoint, self.newest, self.deleted_us, self.partial,
            _encode(self.channels).decode(),
        )  # fmt: skip

    def clear(self, at_us: int) -> None:
        """The backend holds nothing of the thread any more."""
        self.stored_bytes = self.live_bytes = 0
        self.checkpoint = self.newest = self.known = ""
        self.entries = {}
        self.complete = True
        self.heads = {}
        self.counted = False
        self.deleted_us = at_us
        for sums in self.channels.values():
            for channel in sums.values():
                channel[0] = 0

    def measure(self) -> int:
        """How much memory the state takes, in units of ``WEIGHT_KEPT``."""
        weight = _BASE_WEIGHT + 2 * len(self.entries)
        for channels in self.channels.values():
            weight += len(channels)
        for entry in self.entries.values():
            if entry.sizes:
                weight += len(entry.sizes) // 3
        return weight

    def forget_oldest(self) -> None:
        """Bound the entries; what is dropped may still be held, so it raises ``known``."""
        surplus = len(self.entries) - ENTRIES_KEPT
        if surplus > 0:
            self.complete = False
            for key in list(self.entries)[:surplus]:
                del self.entries[key]
                if is_time_ordered(key[1]):
                    self.known = max(self.known, key[1])
        if len(self.heads) > ENTRIES_KEPT:
            self.heads = dict(list(self.heads.items())[-ENTRIES_KEPT:])


class Threads:
    """The states in memory, those used last at the end."""

    def __init__(self) -> None:
        self.states: dict[tuple[str, str], ThreadState] = {}
        """(key of the saver, thread id) → state."""
        self._dirty: dict[tuple[str, str], ThreadState] = {}
        self._minutes: list[inserts.Row] = []
        self._next_id = 0
        self._weight = 0

    def load(self, connection: Connection, saver: SaverState, thread_ids: Iterable[str]) -> None:
        """Have the states of these threads in memory, new ones where the store has none."""
        wanted = sorted({t for t in thread_ids if (saver.key, t) not in self.states})
        for begin in range(0, len(wanted), _CHUNK):
            chosen = select(*(_TABLE.c[name] for name in _ALL)).where(
                _TABLE.c.saver_id == saver.id,
                _TABLE.c.thread_id.in_(wanted[begin : begin + _CHUNK]),
            )
            for *row, channels in connection.execute(chosen):
                state = ThreadState(tuple(row), _decode_channels(channels))
                self.states[saver.key, state.thread_id] = state
        for thread_id in wanted:
            if (saver.key, thread_id) not in self.states:
                self.states[saver.key, thread_id] = self._create(connection, saver, thread_id)

    def mark(self, saver: str, state: ThreadState) -> None:
        """Note that the state changes, so that it is written back."""
        state.dirty = True
        self._dirty[saver, state.thread_id] = state

    def save(self, connection: Connection) -> None:
        """Write back all that changed."""
        created, changed = [], []
        for state in self._dirty.values():
            if state.new:
                created.append((state.id, state.saver_id, state.thread_id, *state.row()))
            else:
                changed.append((*state.row(), state.id))
            self.end_minute(state)
        inserts.run(connection, _INSERT, created)
        inserts.run(connection, _UPDATE, changed)
        inserts.run(connection, _ADD_MINUTE, self._minutes)

    def saved(self) -> None:
        """What ``save`` wrote is committed: bound the memory."""
        self._minutes = []
        for key, state in self._dirty.items():
            state.new = state.dirty = False
            state.minute_us = 0
            if len(state.entries) > ENTRIES_KEPT or len(state.heads) > ENTRIES_KEPT:
                state.forget_oldest()
            weight = state.measure()
            self._weight += weight - state.weight
            state.weight = weight
            del self.states[key]
            self.states[key] = state
        self._dirty = {}
        while self._weight > WEIGHT_KEPT:
            oldest = next(iter(self.states))
            self._weight -= self.states.pop(oldest).weight

    def withdraw(
        self, connection: Connection, state: ThreadState, at_us: int, written: int, operations: int
    ) -> None:
        """Take written bytes and operations out of the minute of a time."""
        minute_us = at_us - at_us % MINUTE_US
        if minute_us == state.minute_us:
            state.minute_written_bytes -= written
            state.minute_operations -= operations
            return
        inserts.run(connection, _ADD_MINUTE, self._minutes)
        self._minutes = []
        connection.exec_driver_sql(_TAKE_FROM_MINUTE, (written, operations, state.id, minute_us))

    def end_minute(self, state: ThreadState) -> None:
        """Make the row of the minute that a thread was used in."""
        if state.minute_us and state.minute_operations:
            self._minutes.append((
                state.id, state.minute_us, state.live_bytes, state.stored_bytes,
                state.minute_written_bytes, state.minute_operations,
            ))  # fmt: skip
        state.minute_written_bytes = state.minute_operations = 0

    def _create(self, connection: Connection, saver: SaverState, thread_id: str) -> ThreadState:
        if not self._next_id:
            top = connection.exec_driver_sql("SELECT max(id) FROM threads").scalar_one()
            self._next_id = (top or 0) + 1
        blank = ("", "", saver.backend, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, "", "", 0, 0)
        state = ThreadState((self._next_id, saver.id, thread_id, *blank), {})
        state.new = state.complete = True
        self._next_id += 1
        return state
