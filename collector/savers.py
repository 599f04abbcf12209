"""Storages of checkpoints that events refer to, by the key the probe gave them."""

from __future__ import annotations

from dataclasses import dataclass
from sqlite3 import Cursor

from sqlalchemy import Connection

from statemeter import events
from storage import inserts

_COLUMNS = ("backend", "class_name", "layout", "label", "serializer", "database")
_INSERT = inserts.insert_sql("savers")
_UPDATE = inserts.update_sql("savers", _COLUMNS)


@dataclass(slots=True)
class SaverState:
    """One row of ``savers``."""

    id: int
    key: str
    backend: str = "other"
    class_name: str = ""
    layout: str = "unknown"
    label: str = ""
    serializer: str = ""
    database: str = ""


class Savers:
    """All savers in memory: there are few."""

    def __init__(self, cursor: Cursor) -> None:
        names = ", ".join(("id", "key", *_COLUMNS))
        rows = cursor.execute(f"SELECT {names} FROM savers").fetchall()
        self.states: dict[str, SaverState] = {row[1]: SaverState(*row) for row in rows}
        self._next_id = max((row[0] for row in rows), default=0) + 1

    def introduce(
        self, connection: Connection, event: events.Saver, only_new: bool = False
    ) -> None:
        """Store what a process told of a saver.

        Args:
            connection: of the transaction.
            event: what it told.
            only_new: nothing changes where something is known: by a probe, which knows more.
        """
        state = self.get(connection, event.key)
        if only_new and state.class_name:
            return
        told = (
            event.backend, event.class_name, event.layout, event.label, event.serializer,
            event.database,
        )  # fmt: skip
        if told != (
            state.backend, state.class_name, state.layout, state.label, state.serializer,
            state.database,
        ):  # fmt: skip
            self.states[event.key] = SaverState(state.id, event.key, *told)
            connection.exec_driver_sql(_UPDATE, (*told, state.id))

    def get(self, connection: Connection, key: str) -> SaverState:
        """A saver; one that no process told of yet is stored by its key alone."""
        state = self.states.get(key)
        if state is None:
            state = self.states[key] = SaverState(self._next_id, key)
            self._next_id += 1
            row = (
                state.id, key, state.backend, state.class_name, state.layout, state.label,
                state.serializer, state.database,
            )  # fmt: skip
            connection.exec_driver_sql(_INSERT, row)
        return state
