"""Stores, caches, embeddings, pools that events refer to, by the key the probe gave them."""

from __future__ import annotations

from dataclasses import dataclass
from sqlite3 import Cursor

import msgspec
from sqlalchemy import Connection

from statemeter import events
from storage import inserts
from storage.models_resources import FOLDED

RESOURCES_KEPT = 5_000
"""Most rows. Beyond it, those that were silent for long make room; where there are none, as an
application makes a cache for each request, new ones are summed as one a kind, labelled "…"."""
SILENT_US = 30 * 86_400_000_000

_DEPENDENT = ("access_rollups", "cache_keys", "cache_nodes", "gauge_samples")

_TOLD = ("kind", "backend", "class_name", "label", "database", "facts")
_ALL = ("id", "key", *_TOLD, "first_seen_us", "last_seen_us")
_INSERT = inserts.insert_sql("resources")
_UPDATE = inserts.update_sql("resources", (*_TOLD, "first_seen_us", "last_seen_us"))


@dataclass(slots=True)
class ResourceState:
    """One row of ``resources``."""

    id: int
    key: str
    kind: str = ""
    backend: str = "other"
    class_name: str = ""
    label: str = ""
    database: str = ""
    facts: str = "{}"
    first_seen_us: int = 0
    last_seen_us: int = 0


class Resources:
    """All resources in memory, new and changed ones until they are saved."""

    def __init__(self, cursor: Cursor) -> None:
        rows = cursor.execute(f"SELECT {', '.join(_ALL)} FROM resources").fetchall()
        self._states: dict[str, ResourceState] = {row[1]: ResourceState(*row) for row in rows}
        self._next_id = max((row[0] for row in rows), default=0) + 1
        self._new: dict[int, ResourceState] = {}
        self._changed: dict[int, ResourceState] = {}
        self._dropped: list[inserts.Row] = []

    def introduce(self, event: events.Resource) -> None:
        """Take what a process told of a resource."""
        state = self.get(event.key, event.at_us, event.kind)
        if state.key != event.key:
            return  # one of those beyond the bound: they share a row
        state.kind = event.kind
        state.backend = event.backend
        state.class_name = event.class_name
        state.label = event.label
        state.database = event.database
        state.facts = msgspec.json.encode(event.facts).decode()
        self._changed[state.id] = state

    def get(self, key: str, at_us: int, kind: str = "") -> ResourceState:
        """The resource of an event; one that no process told of yet is known by its key alone."""
        state = self._states.get(key) or self._create(key, at_us, kind)
        if at_us > state.last_seen_us:
            state.last_seen_us = at_us
            self._changed[state.id] = state
        return state

    def _create(self, key: str, at_us: int, kind: str) -> ResourceState:
        label = ""
        if len(self._states) >= RESOURCES_KEPT and not self._make_room(at_us):
            key, label = FOLDED + kind, FOLDED
            if key in self._states:
                return self._states[key]
        state = ResourceState(self._next_id, key, kind, label=label, first_seen_us=at_us)
        self._next_id += 1
        self._states[key] = state
        self._new[state.id] = state
        return state

    def _make_room(self, at_us: int) -> bool:
        silent = [s for s in self._states.values() if s.last_seen_us < at_us - SILENT_US]
        for state in silent:
            del self._states[state.key]
            self._new.pop(state.id, None)
            self._changed.pop(state.id, None)
            self._dropped.append((state.id,))
        return bool(silent)

    def save(self, connection: Connection) -> None:
        """Write what is new and what changed."""
        changed = [state for state in self._changed.values() if state.id not in self._new]
        inserts.run(connection, _INSERT, [_row(state) for state in self._new.values()])
        inserts.run(connection, _UPDATE, [(*_row(state)[2:], state.id) for state in changed])
        for table in _DEPENDENT:
            inserts.run(connection, f"DELETE FROM {table} WHERE resource_id = ?", self._dropped)
        inserts.run(connection, "DELETE FROM resources WHERE id = ?", self._dropped)
        self._new, self._changed, self._dropped = {}, {}, []


def _row(state: ResourceState) -> inserts.Row:
    return tuple(getattr(state, name) for name in _ALL)
