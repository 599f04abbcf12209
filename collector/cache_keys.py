"""Keys of node caches: which are asked for again, and which never."""

from __future__ import annotations

from sqlalchemy import Connection

from statemeter import events
from storage import inserts

KEYS_KEPT = 1_000
"""Most keys of a node in a cache; the oldest make room, and are counted."""

_PLACES = 500
_SAVE = (
    inserts.insert_sql("cache_keys").replace(" (", " AS k (", 1)
    + " ON CONFLICT (resource_id, node, key) DO UPDATE SET "
    "last_seen_us = max(k.last_seen_us, excluded.last_seen_us), "
    "hits = k.hits + excluded.hits, misses = k.misses + excluded.misses, "
    "sets = k.sets + excluded.sets, "
    "value_bytes = CASE WHEN excluded.sets > 0 THEN excluded.value_bytes ELSE k.value_bytes END, "
    "ttl_seconds = CASE WHEN excluded.sets > 0 THEN excluded.ttl_seconds ELSE k.ttl_seconds END"
)
_SAVE_NODE = (
    inserts.insert_sql("cache_nodes").replace(" (", " AS n (", 1)
    + " ON CONFLICT (resource_id, node) DO UPDATE SET "
    "kept = n.kept + excluded.kept, dropped = n.dropped + excluded.dropped, "
    "dropped_unhit = n.dropped_unhit + excluded.dropped_unhit, "
    "untold = n.untold + excluded.untold, "
    "last_seen_us = max(n.last_seen_us, excluded.last_seen_us)"
)
_KNOWN = "SELECT key FROM cache_keys WHERE resource_id = ? AND node = ? AND key IN ({places})"
_KEPT = "SELECT kept FROM cache_nodes WHERE resource_id = ? AND node = ?"
_TRIM = (
    "DELETE FROM cache_keys WHERE resource_id = ? AND node = ? AND key IN (SELECT key FROM "
    "cache_keys WHERE resource_id = ? AND node = ? ORDER BY last_seen_us, key LIMIT ?) "
    "RETURNING hits, sets"
)
_CLEAR = "UPDATE cache_keys SET value_bytes = 0 WHERE resource_id = ?"

Node = tuple[int, str]
"""(row of the cache, node)."""


class _Use:
    """What was done with a key since the rows were written."""

    __slots__ = ("first_us", "hits", "last_us", "misses", "sets", "ttl_seconds", "value_bytes")

    def __init__(self, at_us: int) -> None:
        self.first_us = self.last_us = at_us
        self.hits = self.misses = self.sets = 0
        self.value_bytes: int | None = None
        self.ttl_seconds: int | None = None


class CacheKeys:
    """Uses of keys that are not written yet."""

    def __init__(self) -> None:
        self._nodes: dict[Node, dict[str, _Use]] = {}
        self._untold: dict[Node, tuple[int, int]] = {}

    def note(
        self, connection: Connection, resource_id: int, node: str, event: events.Access
    ) -> None:
        """A call of a cache."""
        if event.error:
            return
        if event.method == "clear":
            self._clear(connection, resource_id, node)
            return
        at_us, keys = event.at_us, event.keys
        untold = max(event.items - len(keys), 0)
        if not keys and not untold:
            return
        uses = self._nodes.setdefault((resource_id, node), {})
        before, _ = self._untold.get((resource_id, node), (0, 0))
        self._untold[resource_id, node] = (before + untold, at_us)
        for number, key in enumerate(keys):
            use = uses.get(key)
            if use is None:
                use = uses[key] = _Use(at_us)
            use.first_us = min(use.first_us, at_us)
            use.last_us = max(use.last_us, at_us)
            if event.method == "set":
                use.sets += 1
                # A call that sets several tells their bytes together; LangGraph sets one at a time.
                use.value_bytes = event.bytes // max(event.items, 1) if event.bytes >= 0 else None
                use.ttl_seconds = event.numbers.get("ttl_seconds")
            elif number < event.hits:
                use.hits += 1
            else:
                use.misses += 1

    def save(self, connection: Connection) -> None:
        """Write what was noted, and drop the oldest keys beyond the bound."""
        nodes, self._nodes = self._nodes, {}
        untold, self._untold = self._untold, {}
        for (resource_id, node), uses in nodes.items():
            new = len(uses) - _count_known(connection, resource_id, node, list(uses))
            inserts.run(connection, _SAVE, [
                (resource_id, node, key, use.first_us, use.last_us, use.hits, use.misses,
                 use.sets, use.value_bytes, use.ttl_seconds)
                for key, use in uses.items()
            ])  # fmt: skip
            kept = connection.exec_driver_sql(_KEPT, (resource_id, node)).scalar() or 0
            dropped = unhit = 0
            surplus = kept + new - KEYS_KEPT
            if surplus > 0:
                rows = connection.exec_driver_sql(
                    _TRIM, (resource_id, node, resource_id, node, surplus)
                ).all()
                dropped = len(rows)
                unhit = sum(sets > 0 and not hits for hits, sets in rows)
            count, at_us = untold[resource_id, node]
            connection.exec_driver_sql(
                _SAVE_NODE, (resource_id, node, new - dropped, dropped, unhit, count, at_us)
            )

    def _clear(self, connection: Connection, resource_id: int, node: str) -> None:
        """The cache was emptied, of a node or of all."""
        self.save(connection)
        if node:
            connection.exec_driver_sql(_CLEAR + " AND node = ?", (resource_id, node))
        else:
            connection.exec_driver_sql(_CLEAR, (resource_id,))


def _count_known(connection: Connection, resource_id: int, node: str, keys: list[str]) -> int:
    known = 0
    for begin in range(0, len(keys), _PLACES):
        part = keys[begin : begin + _PLACES]
        sql = _KNOWN.format(places=", ".join("?" * len(part)))
        known += len(connection.exec_driver_sql(sql, (resource_id, node, *part)).all())
    return known
