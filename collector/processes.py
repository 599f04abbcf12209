"""Instrumented processes: one row and one sequence of numbers for each incarnation."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection

from collector.sequence import Sequence
from statemeter import events
from storage import inserts

_COLUMNS = (
    "application", "host", "pid", "started_us", "python", "langgraph", "probe", "first_seen_us",
    "last_seen_us", "rss_bytes", "cpu_us", "threads", "emitted", "dropped", "failures", "ended",
    "kind",
)  # fmt: skip
_INSERT = inserts.insert_sql("processes")
_ORDER = inserts.columns_of("processes")
_UPDATE = inserts.update_sql("processes", (*_COLUMNS, "last_seq"))
_KEPT = 2_000
"""Incarnations in memory; most are dead, and come back from the store if a segment does."""

ATTACHED = "attached"
"""``kind`` of a process that reads a database."""
ENDED_IN_ORDER = 1


class ProcessState:
    """One row of ``processes``."""

    __slots__ = (
        "application",
        "dirty",
        "id",
        "incarnation",
        "new",
        "sampled_us",
        "sequence",
        "values",
    )

    def __init__(self, number: int, incarnation: str, values: dict[str, Any]) -> None:
        self.id = number
        self.incarnation = incarnation
        self.values = values
        """Column → value, of ``_COLUMNS``."""
        self.application: str = values["application"]
        """Name of the application; empty while no introduction was read."""
        self.sequence = Sequence()
        self.sampled_us = 0
        """Time of the newest sample."""
        self.new = False
        self.dirty = False

    def introduce(self, event: events.Process) -> None:
        """Take what the process told of itself."""
        self.application = event.application
        self.values |= {
            "application": event.application, "host": event.host, "pid": event.pid,
            "started_us": event.started_us, "python": event.python,
            "langgraph": event.langgraph, "probe": event.probe,
            "kind": event.kind,
        }  # fmt: skip

    def sample(self, event: events.Sample) -> inserts.Row:
        """Take a sample; the row of ``samples``, with the CPU used since the sample before."""
        values = self.values
        percent = None
        elapsed_us = event.at_us - self.sampled_us
        if self.sampled_us and values["cpu_us"] is not None and elapsed_us > 0:
            percent = max(0.0, 100 * (event.cpu_us - values["cpu_us"]) / elapsed_us)
        if elapsed_us > 0 or not self.sampled_us:
            self.sampled_us = event.at_us
        values |= {
            "rss_bytes": event.rss_bytes, "cpu_us": event.cpu_us, "threads": event.threads,
            "emitted": event.emitted, "failures": event.failures,
            "dropped": msgspec.json.encode(event.dropped).decode(),
        }  # fmt: skip
        return (self.id, event.at_us, event.rss_bytes, percent, event.threads)

    def see(self, at_us: int) -> None:
        """Note the time of an event."""
        values = self.values
        if not values["first_seen_us"] or at_us < values["first_seen_us"]:
            values["first_seen_us"] = at_us
        values["last_seen_us"] = max(values["last_seen_us"], at_us)


class Processes:
    """The incarnations in memory."""

    def __init__(self) -> None:
        self._states: dict[str, ProcessState] = {}
        self._next_id = 0

    def get(self, connection: Connection, incarnation: str) -> ProcessState:
        """An incarnation from memory or the store, a new one where neither has it."""
        state = self._states.get(incarnation)
        if state is None:
            state = self._load(connection, incarnation) or self._create(connection, incarnation)
            self._states[incarnation] = state
        return state

    def save(self, connection: Connection) -> None:
        """Write back all that changed."""
        for state in self._states.values():
            if not state.dirty:
                continue
            values = state.values | {
                "id": state.id,
                "incarnation": state.incarnation,
                "last_seq": state.sequence.last,
            }
            if state.new:
                connection.exec_driver_sql(_INSERT, tuple(values[name] for name in _ORDER))
            else:
                row = tuple(values[name] for name in (*_COLUMNS, "last_seq", "id"))
                connection.exec_driver_sql(_UPDATE, row)
            self._save_gaps(connection, state)

    def saved(self) -> None:
        """What ``save`` wrote is committed: bound the memory."""
        for state in self._states.values():
            state.new = state.dirty = False
        for incarnation in list(self._states)[: max(0, len(self._states) - _KEPT)]:
            del self._states[incarnation]

    def _save_gaps(self, connection: Connection, state: ProcessState) -> None:
        for first, last in state.sequence.take_changes().items():
            key = (state.incarnation, first)
            connection.exec_driver_sql(
                "DELETE FROM gaps WHERE incarnation = ? AND first_seq = ?", key
            )
            if last is not None:
                connection.exec_driver_sql(
                    "INSERT INTO gaps (incarnation, first_seq, last_seq, at_us) "
                    "VALUES (?, ?, ?, ?)",
                    (*key, last, state.values["last_seen_us"]),
                )

    def _load(self, connection: Connection, incarnation: str) -> ProcessState | None:
        row = connection.exec_driver_sql(
            f"SELECT id, last_seq, {', '.join(_COLUMNS)} FROM processes WHERE incarnation = ?",
            (incarnation,),
        ).one_or_none()
        if row is None:
            return None
        state = ProcessState(row[0], incarnation, dict(zip(_COLUMNS, row[2:], strict=True)))
        gaps = connection.exec_driver_sql(
            "SELECT first_seq, last_seq FROM gaps WHERE incarnation = ?", (incarnation,)
        )
        state.sequence = Sequence(row[1], [(first, last) for first, last in gaps])
        state.sampled_us = (
            connection.exec_driver_sql(
                "SELECT max(at_us) FROM samples WHERE process_id = ?", (state.id,)
            ).scalar_one()
            or 0
        )
        return state

    def _create(self, connection: Connection, incarnation: str) -> ProcessState:
        if not self._next_id:
            top = connection.exec_driver_sql("SELECT max(id) FROM processes").scalar_one()
            self._next_id = (top or 0) + 1
        blank = ("", "", 0, 0, "", "", "", 0, 0, None, None, None, 0, "{}", 0, 0, "")
        values = dict(zip(_COLUMNS, blank, strict=True))
        state = ProcessState(self._next_id, incarnation, values)
        state.new = True
        self._next_id += 1
        return state
