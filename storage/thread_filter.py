"""Which threads a list has: conditions, and the SQL that keeps a million of them quick to search.

A part of an id, and a prefix, are looked for in the index of ids first. What few ids have is then
taken by row; what many have is met soon on the way through the list's own order.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, text

from storage.queries import ALL, Scope

MINUTE_US = 60_000_000

MATCHES = ("part", "prefix", "exact")
"""How ``Filter.search`` is meant."""

ORIGINS = ("instrumented", "attached")
"""Who told of a thread: a probe, or the reader of an attached database; it may be both."""

FEW = 10_000
"""Most ids that are taken by row."""

GAINED = (
    "(CASE WHEN t.last_seen_us < :begin THEN 0 WHEN t.first_seen_us >= :begin THEN t.stored_bytes "
    "ELSE t.stored_bytes - (SELECT m.stored_bytes FROM thread_minutes AS m WHERE "
    "m.thread_key = t.id AND m.minute_us < :begin ORDER BY m.minute_us DESC LIMIT 1) END)"
)
"""Stored bytes now less those when the window began; NULL where its minutes are kept no longer."""

_ORIGIN = {
    # What is found in a database took no time that is known.
    "instrumented": "t.duration_us > 0",
    "attached": "t.saver_id IN (SELECT s.id FROM savers AS s JOIN sources AS r ON r.key = s.key)",
}


@dataclass(frozen=True)
class Filter:
    """Which threads are listed: those that keep all that is set."""

    search: str = ""
    """Of a thread id, taken literally; empty: all."""
    scope: Scope = ALL
    used_after_us: int = 0
    errors_only: bool = False
    match: str = "part"
    """One of ``MATCHES``; a part is found in any case, the others as they are written."""
    used_before_us: int = 0
    """Last used before that; 0: whenever."""
    graph: str = ""
    saver: str = ""
    """Key or label of a storage."""
    stored_at_least: int = 0
    stored_at_most: int = 0
    """Bytes; 0: no limit."""
    live_at_least: int = 0
    live_at_most: int = 0
    gained_at_least: int = 0
    """Stored bytes gained since ``begin_us``; 0: whatever it gained."""
    begin_us: int = 0
    """When the window begins in which threads gain bytes, to the minute."""
    deleted: bool | None = None
    """Only deleted threads, only others, or (None) both."""
    origin: str = ""
    """One of ``ORIGINS``; empty: both."""
    keys: tuple[int, ...] | None = None
    """Rows of threads; None: all."""

    @property
    def begin_minute_us(self) -> int:
        """The minute in which the window begins."""
        return self.begin_us // MINUTE_US * MINUTE_US

    def where(self) -> str:
        """SQL over ``threads AS t``, without the search."""
        parts = ["1 = 1" + self.scope.where("t")]
        parts += [sql for sql, asked in (
            ("t.last_seen_us >= :used_after", self.used_after_us),
            ("t.last_seen_us < :used_before", self.used_before_us),
            ("t.errors > 0", self.errors_only),
            ("t.graph = :graph", self.graph),
            ("t.saver_id IN (SELECT id FROM savers WHERE key = :saver OR label = :saver)",
             self.saver),
            ("t.stored_bytes >= :stored_at_least", self.stored_at_least),
            ("t.stored_bytes <= :stored_at_most", self.stored_at_most),
            ("t.live_bytes >= :live_at_least", self.live_at_least),
            ("t.live_bytes <= :live_at_most", self.live_at_most),
            (f"t.last_seen_us >= :begin AND {GAINED} >= :gained_at_least", self.gained_at_least),
            ("t.deleted_us > 0 AND t.live_bytes = 0", self.deleted is True),
            ("NOT (t.deleted_us > 0 AND t.live_bytes = 0)", self.deleted is False),
            (_ORIGIN.get(self.origin, ""), self.origin),
            (_by_row("keys"), self.keys is not None),
        ) if asked]  # fmt: skip
        return " AND ".join(parts)

    def values(self) -> dict[str, str | int]:
        """What ``where()`` and ``GAINED`` name, and more."""
        names = (
            "graph", "saver", "stored_at_least", "stored_at_most", "live_at_least", "live_at_most",
            "gained_at_least",
        )  # fmt: skip
        return {
            **self.scope.values(),
            **{name: getattr(self, name) for name in names},
            "used_after": self.used_after_us,
            "used_before": self.used_before_us,
            "begin": self.begin_minute_us,
            "keys": json.dumps(self.keys or ()),
        }


EVERY = Filter()


def narrowed(connection: Connection, chosen: Filter) -> tuple[str, dict[str, str | int]]:
    """SQL over ``threads AS t`` with the search, and its values."""
    where, values = chosen.where(), chosen.values()
    if not chosen.search:
        return where, values
    sql, bound = _search(chosen.search, chosen.match)
    found = connection.execute(
        text(f"SELECT t.id FROM threads AS t WHERE {sql} LIMIT {FEW + 1}"), bound
    ).scalars().all()  # fmt: skip
    if len(found) <= FEW:
        return f"{where} AND {_by_row('found')}", values | {"found": json.dumps(found)}
    # The sign keeps the planner from the index of ids: it would sort all that it finds there.
    return f"{where} AND {sql.replace('t.thread_id', '+t.thread_id')}", values | bound


def _by_row(name: str) -> str:
    return f"t.id IN (SELECT value FROM json_each(:{name}))"


def _search(search: str, match: str) -> tuple[str, dict[str, str]]:
    if match == "exact":
        return "t.thread_id = :search", {"search": search}
    if match == "prefix":
        after = _after(search)
        if after is None:
            return "t.thread_id >= :search", {"search": search}
        return "t.thread_id >= :search AND t.thread_id < :after", {
            "search": search, "after": after,
        }  # fmt: skip
    literal = search
    for special in "!%_":
        literal = literal.replace(special, "!" + special)
    return "t.thread_id LIKE :search ESCAPE '!'", {"search": f"%{literal}%"}


def _after(prefix: str) -> str | None:
    """The first text that sorts after all that begin with the prefix; None: there is none.

    SQLite compares UTF-8 bytes, which have the order of code points.
    """
    while prefix:
        code = ord(prefix[-1]) + 1
        if code == 0xD800:
            code = 0xE000  # no text has the surrogates between them
        if code <= 0x10FFFF:
            return prefix[:-1] + chr(code)
        prefix = prefix[:-1]
    return None
