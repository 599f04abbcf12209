"""One thread: its checkpoints step by step, its largest elements, its nodes and its runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from sqlalchemy import Engine, text

from storage.queries import IntArray, fetch, reading

STEPS_READ = 5_000
"""Checkpoints read of a thread, the newest: 10 times what a chart can show."""

_parse = msgspec.json.Decoder().decode


@dataclass(frozen=True)
class Steps:
    """The newest checkpoints of a thread, oldest first."""

    table: pd.DataFrame
    """A row for each checkpoint: id, at_us, namespace (see ``plain_namespace``), ns (as it is),
    step (missing where unknown), source, nodes (list of names that ran in this step),
    checkpoint_bytes (document and all channel blobs), change_bytes (to the checkpoint before in
    the same ns, missing for the first), written_bytes, metadata_bytes, bookkeeping_bytes, changed
    (list of channels; missing: all), pending_bytes (pending writes kept under the checkpoint),
    duration_us, serde_us (missing: unknown), error, checkpoint, parent."""
    channels: pd.DataFrame
    """A column for each channel, most bytes first: its live bytes at each row of ``table``."""
    elements: pd.DataFrame
    """The largest elements of list channels as they were last written, most bytes first:
    namespace, channel, elements (count), index, type, bytes, share (of the channel, 0 to 1)."""
    stored: IntArray
    """Stored bytes of the thread, all namespaces, after each call that changed them, oldest
    first."""
    complete: bool
    """False: there are older checkpoints that were not read."""


def plain_namespace(ns: str) -> str:
    """A checkpoint namespace without task ids: ``agent:1f0…|tools:2a…`` → ``agent|tools``."""
    return re.sub(r":[^|]*", "", ns)


def steps(engine: Engine, thread_key: int, limit: int = STEPS_READ) -> Steps:
    """The newest ``limit`` checkpoints of the thread in this row of ``threads``."""
    with reading(engine) as connection:
        puts = fetch(
            connection,
            "SELECT id, process_id, run, at_us, ns, checkpoint, parent, step, source, "
            "payload_bytes AS written_bytes, live_bytes AS checkpoint_bytes, metadata_bytes, "
            "bookkeeping_bytes, duration_us, serde_us, error, channels, changed, lists "
            "FROM operations WHERE thread_key = :key AND operation = 'put' "
            "ORDER BY at_us DESC, id DESC LIMIT :limit",
            key=thread_key,
            limit=limit + 1,
        )
        complete = len(puts) <= limit
        puts = puts.iloc[:limit][::-1].reset_index(drop=True)
        since = int(puts["at_us"].min()) if len(puts) else 0
        pending = fetch(
            connection,
            "SELECT checkpoint, ns, sum(payload_bytes) AS pending_bytes FROM operations "
            "WHERE thread_key = :key AND operation = 'put_writes' AND at_us >= :since "
            "AND error = '' GROUP BY checkpoint, ns",
            key=thread_key,
            since=since,
        )
        writers = fetch(
            connection,
            "SELECT DISTINCT ns, checkpoint, node FROM operations WHERE thread_key = :key "
            "AND operation = 'put_writes' AND duration_us < 0 AND node <> '' AND at_us >= :since "
            "ORDER BY node",
            key=thread_key,
            since=since,
        )
        changes = fetch(
            connection,
            "SELECT stored_delta_bytes FROM operations WHERE thread_key = :key "
            "AND stored_delta_bytes <> 0 ORDER BY at_us DESC, id DESC LIMIT :limit",
            key=thread_key,
            limit=limit,
        )
        stored = connection.execute(
            text("SELECT stored_bytes FROM threads WHERE id = :key"), {"key": thread_key}
        ).scalar()
        nodes = fetch(
            connection,
            "SELECT process_id, run, ns, step, node FROM node_runs WHERE thread_key = :key "
            "AND at_us >= :since AND step >= 0 ORDER BY at_us, id",
            key=thread_key,
            # A node starts before the checkpoint that it led to; the oldest row may miss its own.
            since=since,
        )
    return Steps(
        table=_table(puts, pending, nodes, writers),
        channels=_channels(puts),
        elements=_elements(puts),
        stored=_stored(stored or 0, changes["stored_delta_bytes"].to_numpy(np.int64)),
        complete=complete,
    )


def node_summary(engine: Engine, thread_key: int, limit: int = 20_000) -> pd.DataFrame:
    """How often and how long each node ran: node, namespace, runs, cached, errors (counts),
    p50_us, p95_us, total_us of those that ran, longest in all first."""
    with reading(engine) as connection:
        rows = fetch(
            connection,
            "SELECT ns, node, duration_us, error, cached FROM node_runs WHERE thread_key = :key "
            "ORDER BY at_us DESC LIMIT :limit",
            key=thread_key,
            limit=limit,
        )
    rows["namespace"] = [plain_namespace(ns) for ns in rows["ns"]]
    table = []
    for (namespace, node), part in rows.groupby(["namespace", "node"]):
        ran = part.loc[part["cached"] == 0, "duration_us"].to_numpy(np.int64)
        table.append(
            {
                "node": node,
                "namespace": namespace,
                "runs": len(ran),
                "cached": int((part["cached"] == 1).sum()),
                # An interrupt leaves the node by an exception, but is no failure.
                "errors": int((~part["error"].isin(["", "GraphInterrupt"])).sum()),
                "p50_us": float(np.quantile(ran, 0.5, method="inverted_cdf")) if len(ran) else None,
                "p95_us": float(np.quantile(ran, 0.95, method="inverted_cdf"))
                if len(ran)
                else None,
                "total_us": int(ran.sum()),
            }
        )
    columns = ["node", "namespace", "runs", "cached", "errors", "p50_us", "p95_us", "total_us"]
    return pd.DataFrame(table, columns=columns).sort_values(
        "total_us", ascending=False, ignore_index=True
    )


def runs(engine: Engine, thread_key: int, limit: int = 50) -> pd.DataFrame:
    """The newest runs of the thread: at_us, duration_us, graph, run_id, status, error."""
    with reading(engine) as connection:
        return fetch(
            connection,
            "SELECT at_us, duration_us, graph, run_id, status, error FROM runs "
            "WHERE thread_key = :key ORDER BY at_us DESC, id DESC LIMIT :limit",
            key=thread_key,
            limit=limit,
        )


def _json(value: str, default: Any) -> Any:
    """The value, or the default where the column is empty or was damaged."""
    try:
        return _parse(value) if value else default
    except msgspec.DecodeError:
        return default


def _stored(now: int, newest_first: IntArray) -> IntArray:
    """Levels after each change: today's less all that came later."""
    later: IntArray = np.concatenate([np.zeros(1, np.int64), np.cumsum(newest_first)[:-1]])
    return (now - later)[::-1] if len(newest_first) else later[:0]


def _table(
    puts: pd.DataFrame, pending: pd.DataFrame, nodes: pd.DataFrame, writers: pd.DataFrame
) -> pd.DataFrame:
    ran: dict[tuple[int, int, str, int], list[str]] = {}
    for process, run, ns, step, node in nodes.itertuples(index=False):
        names = ran.setdefault((process, run, ns, step), [])
        if node not in names:
            names.append(node)
    bytes_of = {
        (row.ns, row.checkpoint): int(row.pending_bytes) for row in pending.itertuples(index=False)
    }
    table = puts.drop(columns=["channels", "lists", "process_id", "run"])
    table["namespace"] = [plain_namespace(ns) for ns in puts["ns"]]
    table["step"] = puts["step"].astype("Int64")
    # Of steps that nobody saw, the writes kept under the parent tell who ran.
    wrote: dict[tuple[str, str], list[str]] = {}
    for ns, checkpoint, node in writers.itertuples(index=False):
        wrote.setdefault((ns, checkpoint), []).append(node)
    table["nodes"] = [
        ran.get((row.process_id, row.run, row.ns, row.step))
        or (wrote.get((row.ns, row.parent), []) if row.duration_us < 0 else [])
        for row in puts.itertuples(index=False)
    ]
    if len(puts) and (puts["duration_us"] < 0).any():  # found in a database
        for name in ("duration_us", "serde_us"):
            table[name] = puts[name].astype(float).where(puts[name] >= 0)
    changed = [_json(value, 0) for value in puts["changed"]]
    table["changed"] = [value if isinstance(value, list) else None for value in changed]
    table["change_bytes"] = (
        puts.groupby("ns")["checkpoint_bytes"].diff() if len(puts) else pd.Series(dtype=float)
    )
    table["pending_bytes"] = [
        bytes_of.get(key, 0) for key in zip(puts["ns"], puts["checkpoint"], strict=True)
    ]
    return table


def _channels(puts: pd.DataFrame) -> pd.DataFrame:
    parsed = [_json(value, {}) for value in puts["channels"]]
    rows = [value if isinstance(value, dict) else {} for value in parsed]
    names: dict[str, int] = {}
    for row in rows:
        for name, size in row.items():
            names[name] = max(names.get(name, 0), size or 0)
    order = sorted(names, key=lambda name: (-names[name], name))
    place = {name: column for column, name in enumerate(order)}
    sizes: IntArray = np.zeros((len(rows), len(order)), dtype=np.int64)
    for number, row in enumerate(rows):
        for name, size in row.items():
            sizes[number, place[name]] = size or 0
    return pd.DataFrame(sizes, columns=order)


def _elements(puts: pd.DataFrame) -> pd.DataFrame:
    newest: dict[tuple[str, str], tuple[int, list[tuple[int, str, int]], int]] = {}
    for ns, lists, channels in zip(puts["ns"], puts["lists"], puts["channels"], strict=True):
        written = _json(lists, {})
        if not isinstance(written, dict) or not written:
            continue
        sizes = _json(channels, {})
        for channel, (count, largest) in written.items():
            size = sizes.get(channel) or 0
            newest[(plain_namespace(ns), channel)] = (count, largest, size)
    columns = ["namespace", "channel", "elements", "index", "type", "bytes", "share"]
    rows = [
        (namespace, channel, count, index, kind, size, size / total if total else None)
        for (namespace, channel), (count, largest, total) in newest.items()
        for index, kind, size in largest
    ]
    return pd.DataFrame(rows, columns=columns).sort_values(
        "bytes", ascending=False, ignore_index=True
    )
