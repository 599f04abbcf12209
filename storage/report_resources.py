"""Reports of backends, stores, caches, embeddings and pools: see ``storage.report``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
from sqlalchemy import Connection

from storage import queries_backends, queries_gauges, queries_resources

if TYPE_CHECKING:
    from storage.report import Choice

Row = dict[str, Any]

_LATENCY = {"p50": "p50_us", "p95": "p95_us", "p99": "p99_us"}
_FRACTIONS = ("per_second", "rate", "share", "mean_us", "mean_wait_us", *_LATENCY.values())


def backends(connection: Connection, choice: Choice) -> list[Row]:
    """One row a backend, most stored bytes first, with its operations in the window."""
    found = queries_backends.backends(connection.engine, choice.window_s)
    names = ("backend", "savers", "threads", "live_bytes", "stored_bytes", "written_bytes",
             "operations", "operations_per_second", "errors", "window_written_bytes",
             "serde_share")  # fmt: skip
    told = dict.fromkeys((
        "backend", "operation", "count", "per_second", "errors", "payload_bytes", "serde_share",
        "mean_us",
    ))  # fmt: skip
    by_operation: dict[str, dict[str, Row]] = {}
    for row in _rows(found.operations, told | _LATENCY):
        by_operation.setdefault(row.pop("backend"), {})[row.pop("operation")] = row
    rows = _rows(found.totals, dict.fromkeys(names))
    for row in rows:
        row["by_operation"] = by_operation.get(row["backend"], {})
    return rows[: choice.limit]


def caches(connection: Connection, choice: Choice) -> list[Row]:
    """One row a node of a cache, and one a watched ``lru_cache``."""
    found = queries_resources.caches(connection.engine, choice.window_s)
    nodes = _with_names(found.nodes, found.resources, "cache")
    nodes["kind"] = "cache"
    lru = queries_gauges.lru_caches(connection.engine, choice.window_s).resources
    lru = lru.rename(columns={"label": "cache"}).assign(kind="lru", node="")
    both = pd.concat(
        [part.astype(object) for part in (nodes, lru) if len(part)] or [nodes], ignore_index=True
    )
    names = (
        "kind", "cache", "backend", "node", "gets", "asked", "hits", "misses", "hit_rate", "sets",
        "clears", "written_bytes", "saved_us", "unknown_hits", "keys", "dropped_keys",
        "untold_keys", "unhit_keys", "key_bytes", "ttl_min_seconds", "ttl_max_seconds",
        "endless_keys",
    )  # fmt: skip
    told = dict.fromkeys(names) | {"get_p50": "p50_us", "get_p95": "p95_us"}
    told |= {"size": "entries", "maximum": None}
    return _rows(both, told)[: choice.limit]


def stores(connection: Connection, choice: Choice) -> list[Row]:
    """One row a method and namespace prefix of a store, most calls first."""
    found = queries_resources.stores(connection.engine, choice.window_s)
    names = (
        "store", "backend", "method", "prefix", "count", "per_second", "errors", "items", "asked",
        "hits", "hit_rate", "payload_bytes", "unsized", "waited_us",
    )  # fmt: skip
    parts = _with_names(found.parts, found.resources, "store").rename(columns={"part": "prefix"})
    return _rows(parts, dict.fromkeys(names) | _LATENCY)[: choice.limit]


def embeddings(connection: Connection, choice: Choice) -> list[Row]:
    """One row a method of embeddings, most calls first."""
    found = queries_resources.embeddings(connection.engine, choice.window_s)
    told = dict.fromkeys(("embeddings", "backend", "method", "count", "per_second", "errors"))
    told |= {"items": "texts", "characters": None, "hits": "duplicates",
             "hit_rate": "duplicate_share", "duration_us": None}  # fmt: skip
    methods = _with_names(found.methods, found.resources, "embeddings")
    return _rows(methods, told | _LATENCY)[: choice.limit]


def pools(connection: Connection, choice: Choice) -> list[Row]:
    """One row a pool, the one seen last first."""
    found = queries_gauges.pools(connection.engine, choice.window_s)
    names = (
        "pool", "backend", "class_name", "processes", "size", "in_use", "waiting", "peak_size",
        "peak_in_use", "peak_waiting", "requests", "requests_per_second", "waited_us",
        "mean_wait_us", "timeouts", "lost",
    )  # fmt: skip
    rows = _rows(
        found.resources.rename(columns={"label": "pool"}), dict.fromkeys((*names, "facts"))
    )
    for row in rows:
        facts = json.loads(row.pop("facts"))
        row |= {name: facts.get(name) for name in ("minimum", "maximum")}
    return rows[: choice.limit]


def _with_names(table: pd.DataFrame, resources: pd.DataFrame, name: str) -> pd.DataFrame:
    """Adds the label of each resource under a name, and its backend."""
    about = resources[["resource_id", "label", "backend"]].rename(columns={"label": name})
    return table.merge(about, on="resource_id", how="left")


def _rows(table: pd.DataFrame, told: dict[str, str | None]) -> list[Row]:
    """Rows with these columns, under another name where one is given; missing values are null."""
    return [
        {new or name: _plain(new or name, row.get(name)) for name, new in told.items()}
        for row in table.to_dict("records")
    ]


def _plain(name: str, value: Any) -> Any:
    """A value as JSON has it: counts, bytes and sums are whole, also in a column with gaps."""
    if value is None or pd.isna(value):
        return None
    if isinstance(value, str):
        return value
    return round(float(value), 6) if name.endswith(_FRACTIONS) else int(value)


REPORTS = {
    "backends": backends,
    "caches": caches,
    "stores": stores,
    "embeddings": embeddings,
    "pools": pools,
}
"""Reports of a window; they name no thread."""
