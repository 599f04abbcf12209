"""Stores, caches of nodes and embeddings: calls, hits, time, and what hits saved.

Read from ``access_rollups`` (sums by time) and ``cache_keys``. An application narrows the calls;
keys of a cache belong to all applications that share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine, text

from storage.models_resources import FOLDED
from storage.queries import ALL, SECOND_US, Grid, Scope, fetch, grid_for, now_us, reading
from storage.queries_backends import HISTOGRAMS, share, unhex, with_quantiles

ROWS = 500
"""Most rows of a list, those with the most calls."""

SUMS = (
    "count", "errors", "items", "asked", "hits", "payload_bytes", "unsized", "duration_us",
    "waited_us", "characters", "saved_us", "unknown_hits",
)  # fmt: skip
SLOT_SUMS = (
    "count", "errors", "items", "asked", "hits", "payload_bytes", "duration_us", "saved_us",
    "unknown_hits",
)  # fmt: skip


@dataclass(frozen=True)
class Calls:
    """Resources of one kind over a window, read in one transaction.

    Sums are those of ``storage.models_resources.AccessRollup``, with hit_rate = hits / asked (0 to
    1; missing where nothing was asked), misses, per_second, and p50, p95, p99 in µs.
    """

    grid: Grid
    seconds: float
    """Length of the window that the sums cover."""
    resources: pd.DataFrame
    """A row for each resource of the kind, those called most in the window first: resource_id,
    backend, class_name, label, database, facts (JSON), last_seen_us, then its sums."""
    methods: pd.DataFrame
    """A row for each resource_id and method, with its sums."""
    parts: pd.DataFrame
    """A row for each resource_id, method and part (namespace prefix, node), with its sums; at most
    ``ROWS``, most calls first."""
    over_time: pd.DataFrame
    """A row for each slot, resource_id and method with calls: at_us, then count, errors, items,
    asked, hits, payload_bytes, duration_us, saved_us, unknown_hits, hit_rate."""
    folded: int
    """Calls of parts beyond the bound of an hour, summed under "…", count."""


@dataclass(frozen=True)
class Caches(Calls):
    """Caches of nodes; a part is a node."""

    nodes: pd.DataFrame
    """A row for each cache and node of the window or with keys: resource_id, node, gets, sets,
    clears (calls), asked, hits, misses (keys), hit_rate, written_bytes, saved_us, unknown_hits
    (hits whose saving is unknown, as the node was never seen to run), get_p50, get_p95 (µs), then
    what is known of its keys since they are kept: keys (count), dropped_keys, untold_keys (count;
    see ``CacheNode``), unhit_keys (written and never hit, dropped ones included), key_bytes (as
    last written; expired ones included), ttl_min_seconds, ttl_max_seconds (missing: none has one),
    endless_keys (without TTL)."""
    hits_over_time: pd.DataFrame
    """A row for each slot, resource_id and node that was asked: at_us, asked, hits, hit_rate,
    saved_us."""


def stores(engine: Engine, window_s: int, scope: Scope = ALL, at_us: int | None = None) -> Calls:
    """Stores over the last ``window_s`` seconds."""
    return _read(engine, "store", window_s, scope, at_us)


def embeddings(
    engine: Engine, window_s: int, scope: Scope = ALL, at_us: int | None = None
) -> Calls:
    """Embeddings over the last ``window_s`` seconds: items are texts, hits those that the process
    had embedded before, so that hit_rate is the share of duplicates."""
    return _read(engine, "embeddings", window_s, scope, at_us)


def caches(engine: Engine, window_s: int, scope: Scope = ALL, at_us: int | None = None) -> Caches:
    """Caches of nodes over the last ``window_s`` seconds."""
    at_us = now_us() if at_us is None else at_us
    with reading(engine) as connection:
        calls = read_calls(connection, "cache", window_s, scope, at_us)
        if calls is None:
            return Caches(**_nothing(window_s, at_us), nodes=_NO_NODES, hits_over_time=_NO_SLOTS)
        slots = _over_time(connection, calls.grid, "cache", scope, "part", " AND method = 'get'")
        keys = _keys(connection, scope)
    columns = ["at_us", "resource_id", "node", "asked", "hits", "hit_rate", "saved_us"]
    return Caches(
        **vars(calls),
        nodes=_nodes(calls.parts, keys),
        hits_over_time=slots.rename(columns={"part": "node"})[columns],
    )


def _read(engine: Engine, kind: str, window_s: int, scope: Scope, at_us: int | None) -> Calls:
    at_us = now_us() if at_us is None else at_us
    with reading(engine) as connection:
        calls = read_calls(connection, kind, window_s, scope, at_us)
    return calls or Calls(**_nothing(window_s, at_us))


def has_tables(connection: Connection, since: int = 2) -> bool:
    """Whether the store has the tables of a schema change, by default those of resources: an older
    one gains them from its collector."""
    version = connection.execute(text("SELECT max(version) FROM migrations")).scalar()
    return (version or 0) >= since


def read_calls(
    connection: Connection, kind: str, window_s: int, scope: Scope, at_us: int
) -> Calls | None:
    """Calls of the resources of a kind; None where the store is too old to have any."""
    if not has_tables(connection):
        return None
    grid = grid_for(connection, window_s, at_us, "access_rollups")
    seconds = max(at_us - grid.start_us, SECOND_US) / SECOND_US
    finest = _sums(connection, grid, kind, scope)
    whole, methods, parts = (
        _joined(finest, ["resource_id", *by]) for by in ((), ("method",), ("method", "part"))
    )
    folded = connection.execute(
        text(f"SELECT sum(a.count) {_calls(scope)} AND a.part = :folded"),
        _bound(grid, kind, scope) | {"folded": FOLDED},
    ).scalar()
    for table in (whole, methods, parts):
        table["per_second"] = table["count"] / seconds
    # Where an application is chosen, a resource counts as its own if it was called by it.
    only = " AND r.backend = :backend" if scope.backend is not None else ""
    known = fetch(
        connection,
        "SELECT id AS resource_id, backend, class_name, label, database, facts, last_seen_us "
        f"FROM resources AS r WHERE kind = :kind{only} ORDER BY last_seen_us DESC LIMIT :limit",
        **scope.values(),
        kind=kind,
        limit=ROWS,
    )
    how = "inner" if scope.application is not None else "left"
    resources = known.merge(whole, on="resource_id", how=how)
    counted = ["misses", *SUMS]
    resources[counted] = resources[counted].astype(float).fillna(0).astype(np.int64)
    resources["per_second"] = resources["per_second"].astype(float).fillna(0.0)
    resources = resources.sort_values("count", ascending=False, kind="stable", ignore_index=True)
    over_time = _over_time(connection, grid, kind, scope, "method")
    return Calls(grid, seconds, resources, methods, parts, over_time, int(folded or 0))


def _sums(connection: Connection, grid: Grid, kind: str, scope: Scope) -> pd.DataFrame:
    """Sums of the window by resource, method and part, with their histograms."""
    sums = ", ".join(f"sum(a.{name}) AS {name}" for name in SUMS)
    table = fetch(
        connection,
        f"SELECT a.resource_id, a.method, a.part, {sums}, {HISTOGRAMS} {_calls(scope)} "
        "GROUP BY a.resource_id, a.method, a.part",
        **_bound(grid, kind, scope),
    )
    table[list(SUMS)] = table[list(SUMS)].astype(np.int64)
    return unhex(table)


def _joined(finest: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Sums and quantiles by some keys, most calls first."""
    table = finest.groupby(keys, as_index=False)[list(SUMS)].sum()
    table = table.sort_values(["count", *keys], ascending=[False, *(True for _ in keys)])
    table = table.head(ROWS).reset_index(drop=True)
    table["misses"] = table["asked"] - table["hits"]
    table["hit_rate"] = share(table["hits"], table["asked"])
    return with_quantiles(table, finest, keys)


def _calls(scope: Scope) -> str:
    narrow = {"backend": " AND r.backend = :backend", "application": " AND a.application = "
              ":application"}  # fmt: skip
    return (
        "FROM access_rollups AS a JOIN resources AS r ON r.id = a.resource_id "
        "WHERE a.resolution_s = :resolution AND a.bucket_us >= :start AND r.kind = :kind"
        + "".join(narrow[name] for name in scope.values())
    )


def _bound(grid: Grid, kind: str, scope: Scope) -> dict[str, Any]:
    return {
        "resolution": grid.resolution_s, "start": grid.start_us, "kind": kind, **scope.values()
    }  # fmt: skip


def _over_time(  # noqa: PLR0917
    connection: Connection, grid: Grid, kind: str, scope: Scope, by: str, also: str = ""
) -> pd.DataFrame:
    sums = ", ".join(f"sum(a.{name}) AS {name}" for name in SLOT_SUMS)
    table = fetch(
        connection,
        # A clock ahead of ours puts calls behind the last slot: they count as made now.
        "SELECT min((a.bucket_us - :start) / :slot, :last) AS at_us, a.resource_id, "
        f"a.{by}, {sums} {_calls(scope)}{also} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        **_bound(grid, kind, scope),
        slot=grid.slot_us,
        last=len(grid.starts_us) - 1,
    )
    table[["at_us", *SLOT_SUMS]] = table[["at_us", *SLOT_SUMS]].astype(np.int64)
    table["at_us"] = grid.start_us + table["at_us"] * grid.slot_us
    table["hit_rate"] = share(table["hits"], table["asked"])
    return table


def _keys(connection: Connection, scope: Scope) -> pd.DataFrame:
    """What is known of the keys of each node of the caches."""
    only = " AND r.backend = :backend" if scope.backend is not None else ""
    return fetch(
        connection,
        "SELECT n.resource_id, n.node, n.kept AS keys, n.dropped AS dropped_keys, "
        "n.untold AS untold_keys, "
        "n.dropped_unhit + coalesce(sum(k.sets > 0 AND k.hits = 0), 0) AS unhit_keys, "
        "coalesce(sum(k.value_bytes), 0) AS key_bytes, min(k.ttl_seconds) AS ttl_min_seconds, "
        "max(k.ttl_seconds) AS ttl_max_seconds, "
        "coalesce(sum(k.sets > 0 AND k.ttl_seconds IS NULL), 0) AS endless_keys "
        "FROM cache_nodes AS n JOIN resources AS r ON r.id = n.resource_id "
        "LEFT JOIN cache_keys AS k ON k.resource_id = n.resource_id AND k.node = n.node "
        f"WHERE r.kind = 'cache'{only} GROUP BY n.resource_id, n.node "
        "ORDER BY n.last_seen_us DESC LIMIT :limit",
        **{name: value for name, value in scope.values().items() if name == "backend"},
        limit=ROWS,
    )


_KEY_SUMS = ("keys", "dropped_keys", "untold_keys", "unhit_keys", "key_bytes", "endless_keys")
_TTL = ("ttl_min_seconds", "ttl_max_seconds")
_COUNTED = ("gets", "sets", "clears", "asked", "hits", "misses", "written_bytes", "saved_us",
            "unknown_hits")  # fmt: skip
_NO_NODES = pd.DataFrame(
    columns=["resource_id", "node", *_COUNTED, "hit_rate", "get_p50", "get_p95", *_KEY_SUMS, *_TTL]
)
_NO_SLOTS = pd.DataFrame(
    columns=["at_us", "resource_id", "node", "asked", "hits", "hit_rate", "saved_us"]
)


def _nodes(parts: pd.DataFrame, keys: pd.DataFrame) -> pd.DataFrame:
    on = ["resource_id", "part"]
    get = {name: name for name in ("asked", "hits", "misses", "saved_us", "unknown_hits")}
    table = pd.DataFrame(columns=on)
    for method, columns in (
        ("get", get | {"count": "gets", "p50": "get_p50", "p95": "get_p95"}),
        ("set", {"count": "sets", "payload_bytes": "written_bytes"}),
        ("clear", {"count": "clears"}),
    ):
        chosen = parts[parts["method"] == method]
        table = table.merge(chosen[[*on, *columns]].rename(columns=columns), on=on, how="outer")
    table = table.rename(columns={"part": "node"})
    table = table.merge(keys, on=["resource_id", "node"], how="outer")
    counted = [*_COUNTED, *_KEY_SUMS]
    table[counted] = table[counted].astype(float).fillna(0).astype(np.int64)
    table["hit_rate"] = share(table["hits"], table["asked"])
    table[[*_TTL, "get_p50", "get_p95"]] = table[[*_TTL, "get_p50", "get_p95"]].astype(float)
    return table.sort_values(["gets", "resource_id", "node"], ascending=[False, True, True],
                             ignore_index=True)[list(_NO_NODES.columns)]  # fmt: skip


def _nothing(window_s: int, at_us: int) -> dict[str, Any]:
    slot_us = max(window_s // 60, 1) * SECOND_US
    start_us = at_us - window_s * SECOND_US
    sums = ["resource_id", *SUMS, "misses", "hit_rate", "p50", "p95", "p99", "per_second"]
    about = ["backend", "class_name", "label", "database", "facts", "last_seen_us"]
    slots = ["at_us", "resource_id", "method", *SLOT_SUMS, "hit_rate"]
    return {
        "grid": Grid(start_us, at_us, slot_us, 1), "seconds": float(window_s),
        "resources": pd.DataFrame(columns=[*about, *sums]),
        "methods": pd.DataFrame(columns=["method", *sums]),
        "parts": pd.DataFrame(columns=["method", "part", *sums]),
        "over_time": pd.DataFrame(columns=slots), "folded": 0,
    }  # fmt: skip
