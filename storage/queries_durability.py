"""How the puts of a thread kept up with its runs: what LangGraph's durability costs and risks.

Nothing more is measured for this: a checkpoint id (UUIDv6) has the time at which LangGraph made the
checkpoint, and the put of it has its start and end. With ``async``, which is the default, puts of a
run wait for each other beside the steps; with ``sync`` each step waits for its put; with ``exit``
there is one put, at the end.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from storage.queries import IntArray, fetch, reading

RUNS_READ = 500
"""Runs read of a thread, the newest."""

_1582_TO_1970 = 0x01B21DD213814000
"""In units of 100 ns, the beginning of UUID time to that of ours (RFC 9562)."""


def made_us(checkpoint: str) -> int | None:
    """When a checkpoint was made, µs since 1970; None for an id that does not tell."""
    if len(checkpoint) != 36 or checkpoint[14] != "6":
        return None
    try:
        ticks = int(checkpoint[:8] + checkpoint[9:13] + checkpoint[15:18], 16)
    except ValueError:
        return None
    return (ticks - _1582_TO_1970) // 10


def durability(engine: Engine, thread_key: int, limit: int = RUNS_READ) -> pd.DataFrame:
    """A row for each of the newest ``limit`` runs of a thread that put something, oldest first.

    Columns:
        process_id, run, at_us, duration_us, status: the run.
        puts: checkpoints written, in all namespaces.
        most_pending: most checkpoints at one time that LangGraph had made and whose put had not
            returned: the backlog.
        waited_us: longest time from the making of a checkpoint to the start of its put.
        tail_us: from the last node's end to the last put's end (0: a put was not last).
        out_of_order: puts that began before the put of an earlier checkpoint of their namespace
            had returned.
        writes_first: calls of ``put_writes`` that began before the put of their checkpoint had
            returned; RedisSaver can lose such writes.
    """
    with reading(engine) as connection:
        runs = fetch(
            connection,
            "SELECT process_id, number AS run, at_us, duration_us, status FROM runs "
            "WHERE thread_key = :key ORDER BY at_us DESC, id DESC LIMIT :limit",
            key=thread_key,
            limit=limit,
        )[::-1]
        since = int(runs["at_us"].min()) if len(runs) else 0
        calls = fetch(
            connection,
            "SELECT process_id, run, operation, ns, checkpoint, at_us, "
            "at_us + duration_us AS end_us FROM operations "
            "WHERE thread_key = :key AND at_us >= :since AND run > 0 "
            "AND operation IN ('put', 'put_writes') AND error = '' ORDER BY at_us, id",
            key=thread_key,
            since=since,
        )
        nodes = fetch(
            connection,
            "SELECT process_id, run, max(at_us + duration_us) AS end_us FROM node_runs "
            "WHERE thread_key = :key AND at_us >= :since GROUP BY process_id, run",
            key=thread_key,
            since=since,
        )
    ends = {(row.process_id, row.run): row.end_us for row in nodes.itertuples()}
    by_run = {(p, r): part for (p, r), part in calls.groupby(["process_id", "run"])}
    rows = []
    for run in runs.to_dict("records"):
        key = (run["process_id"], run["run"])
        part = by_run.get(key)
        if part is not None and (part["operation"] == "put").any():
            rows.append(run | _of_run(part, ends.get(key)))
    return pd.DataFrame(rows, columns=[*runs.columns, *_FIGURES])


_FIGURES = ("puts", "most_pending", "waited_us", "tail_us", "out_of_order", "writes_first")


def _of_run(calls: pd.DataFrame, last_node_us: int | None) -> dict[str, int]:
    puts = calls[calls["operation"] == "put"]
    starts = puts["at_us"].to_numpy(np.int64)
    ends = puts["end_us"].to_numpy(np.int64)
    made = np.array([made_us(c) for c in puts["checkpoint"]], dtype=float)
    made = np.where(np.isnan(made) | (made > starts), starts, made).astype(np.int64)
    last = int(ends.max())
    return {
        "puts": len(puts),
        "most_pending": _most_at_once(made, ends),
        "waited_us": int((starts - made).max()),
        "tail_us": max(0, last - last_node_us) if last_node_us is not None else 0,
        "out_of_order": _out_of_order(puts),
        "writes_first": _writes_first(calls, puts),
    }


def _most_at_once(begins: IntArray, ends: IntArray) -> int:
    times = np.concatenate([begins, ends])
    changes = np.concatenate([np.ones_like(begins), -np.ones_like(ends)])
    order = np.lexsort((changes, times))  # what ends at a time ends before what begins then
    return int(changes[order].cumsum().max())


def _out_of_order(puts: pd.DataFrame) -> int:
    count = 0
    for _, part in puts.groupby("ns"):
        ordered = part.sort_values("checkpoint", kind="stable")
        earlier_ends = ordered["end_us"].cummax().shift()
        count += int((ordered["at_us"] < earlier_ends).sum())
    return count


def _writes_first(calls: pd.DataFrame, puts: pd.DataFrame) -> int:
    ends = puts.set_index(["ns", "checkpoint"])["end_us"].to_dict()
    writes = calls[calls["operation"] == "put_writes"]
    return sum(row.at_us < ends.get((row.ns, row.checkpoint), 0) for row in writes.itertuples())
