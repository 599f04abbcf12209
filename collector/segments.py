"""Positions: how far each segment was read, kept in the transaction that stores what was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine

from collector.errors import Fenced
from collector.reader import Slice
from storage.store import plain

Key = tuple[str, int]
"""(incarnation, number)."""

_SELECT = "SELECT incarnation, number, position, size, sealed FROM segments"
_INSERT = (
    "INSERT INTO segments (incarnation, number, position, size, sealed, deleted) "
    "VALUES (?, ?, 0, 0, 0, 0)"
)
_MOVE = (
    "UPDATE segments SET position = ?, size = ?, sealed = ? "
    "WHERE incarnation = ? AND number = ? AND position = ?"
)


@dataclass(slots=True)
class SegmentState:
    """One row of ``segments``."""

    incarnation: str
    number: int
    position: int = 0
    """Bytes read and stored."""
    size: int = 0
    """Bytes when last read."""
    sealed: bool = False
    """Nothing will be added."""
    stored: bool = False
    """The row exists."""


class Segments:
    """The segments that were met; a memory of what is committed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        with plain(engine) as cursor:
            rows = cursor.execute(f"{_SELECT} WHERE deleted = 0").fetchall()
        self.states = {(row[0], row[1]): _stored(row) for row in rows}

    def get(self, key: Key) -> SegmentState:
        """A segment; one that was deleted and came back has the position it had."""
        state = self.states.get(key)
        if state is None:
            with plain(self._engine) as cursor:
                sql = f"{_SELECT} WHERE incarnation = ? AND number = ?"
                row = cursor.execute(sql, key).fetchone()
            state = self.states[key] = SegmentState(*key) if row is None else _stored(row)
        return state

    def move(self, connection: Connection, part: Slice, sealed: bool) -> None:
        """Move a position from the start of a slice to its end.

        Raises:
            Fenced: it is no longer where the slice starts.
        """
        key = (part.incarnation, part.number)
        state = self.get(key)
        state.sealed = state.sealed or sealed
        if not state.stored:
            connection.exec_driver_sql(_INSERT, key)
        moved = connection.exec_driver_sql(
            _MOVE, (part.end, part.size, int(state.sealed), *key, part.start)
        )
        if moved.rowcount != 1:
            raise Fenced(
                f"The position of segment {part.incarnation}-{part.number:06} is no longer "
                f"{part.start}: another collector reads this spool."
            )
        state.position, state.size, state.stored = part.end, part.size, True

    def forget(self, connection: Connection, keys: list[Key]) -> None:
        """Note that the files of these segments are gone."""
        for key in keys:
            connection.exec_driver_sql(
                "UPDATE segments SET deleted = 1, sealed = 1 WHERE incarnation = ? AND number = ?",
                key,
            )
            self.states.pop(key, None)


def _stored(row: tuple[Any, ...]) -> SegmentState:
    return SegmentState(row[0], row[1], row[2], row[3], bool(row[4]), stored=True)
