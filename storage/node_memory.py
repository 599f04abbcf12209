"""Nodes and the memory of their process: whose memory grows with each run.

A node that overlaps another, other than one inside it, is marked: what either did cannot be told
from what the other did, and it counts in no mean.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from storage.queries import SECOND_US, fetch
from storage.queries_resources import has_tables

MEMORY_SINCE = 10
"""Schema that knows the memory of nodes."""
READ = 5_000
"""Node runs looked at, the newest of the window."""
SHARE = 0.2
"""A node that has this share of all growth of nodes, or more, is a suspect."""
FEWEST_RUNS = 5
LEAST_BYTES = 1_000_000
RISING = 0.1
"""Least growth of a suspect in all, and least share of its runs that ended with more memory."""

_COLUMNS = (
    "id", "run", "at_us", "duration_us", "ns", "graph", "node", "task", "thread_id",
    "rss_before_bytes", "rss_after_bytes", "rss_peak_bytes",
)  # fmt: skip


def runs(
    connection: Connection, process_id: int, begin_us: int, end_us: int, most: int = READ
) -> pd.DataFrame:
    """Runs of nodes whose memory is known, oldest first: run (its number), at_us, duration_us, ns,
    graph, node, thread_id, rss_before_bytes, rss_after_bytes, rss_peak_bytes, and overlapped
    (another node ran at the same time)."""
    if not has_tables(connection, MEMORY_SINCE):
        return pd.DataFrame(columns=[*_COLUMNS, "overlapped"])
    table = fetch(
        connection,
        "SELECT n.id, n.run, n.at_us, n.duration_us, n.ns, n.graph, n.node, n.task, t.thread_id, "
        "n.rss_before_bytes, n.rss_after_bytes, n.rss_peak_bytes FROM node_runs AS n "
        "LEFT JOIN threads AS t ON t.id = n.thread_key "
        "WHERE n.process_id = :process AND n.at_us BETWEEN :begin AND :end "
        "AND n.rss_after_bytes IS NOT NULL ORDER BY n.at_us DESC LIMIT :limit",
        process=process_id,
        begin=begin_us,
        end=end_us,
        limit=most,
    )[::-1].reset_index(drop=True)
    table["overlapped"] = _overlapped(table)
    return table


def by_node(found: pd.DataFrame) -> pd.DataFrame:
    """A row for each graph and node, most growth first.

    Columns:
        graph, node: names.
        runs, alone: times it ran, and of these those that overlapped no other.
        grown_bytes: sum of (after - before) of those alone; negative where it gave back.
        mean_bytes: by run; missing where it was never alone.
        rising: share of the runs alone that ended with more memory than they began with.
        peak_bytes: highest peak above its own beginning, of all runs; of a run in which nothing was
            read in between, the higher of before and after.
        looked: runs in which something was.
        before_bytes, after_bytes: of its newest run.
        suspect: its growth is ``SHARE`` or more of that of all nodes, ``LEAST_BYTES`` or more, over
            ``FEWEST_RUNS`` runs or more, of which ``RISING`` or more grew.
    """
    columns = [
        "graph", "node", "runs", "alone", "grown_bytes", "mean_bytes", "rising", "peak_bytes",
        "looked", "before_bytes", "after_bytes", "suspect",
    ]  # fmt: skip
    if found.empty:
        return pd.DataFrame(columns=columns)
    grown = found["rss_after_bytes"] - found["rss_before_bytes"]
    peak = (found["rss_peak_bytes"] - found["rss_before_bytes"]).astype(float)
    table = found.assign(grown=grown, peak=peak.fillna(grown.clip(lower=0)))
    rows = []
    for (graph, node), part in table.groupby(["graph", "node"], sort=False):
        alone = part[~part["overlapped"]]
        newest = part.iloc[-1]
        rows.append({
            "graph": graph, "node": node, "runs": len(part), "alone": len(alone),
            "grown_bytes": float(alone["grown"].sum()),
            "mean_bytes": float(alone["grown"].mean()) if len(alone) else np.nan,
            "rising": float((alone["grown"] > 0).mean()) if len(alone) else np.nan,
            "peak_bytes": float(part["peak"].max()),
            "looked": int(part["rss_peak_bytes"].notna().sum()),
            "before_bytes": float(newest["rss_before_bytes"]),
            "after_bytes": float(newest["rss_after_bytes"]),
        })  # fmt: skip
    nodes = pd.DataFrame(rows)
    total = nodes["grown_bytes"].clip(lower=0).sum()
    nodes["suspect"] = (
        (nodes["grown_bytes"] > 0)
        & (nodes["grown_bytes"] >= SHARE * total)
        & (nodes["grown_bytes"] >= LEAST_BYTES)
        & (nodes["rising"] >= RISING)
        & (nodes["alone"] >= FEWEST_RUNS)
    )
    nodes = nodes.sort_values(["grown_bytes", "graph", "node"], ascending=[False, True, True])
    return nodes.reset_index(drop=True)[columns]


def by_run(found: pd.DataFrame, grid_slot_us: int = SECOND_US) -> pd.DataFrame:
    """Runs begun in each slot: at_us, runs, nodes."""
    slots = found["at_us"] // grid_slot_us * grid_slot_us
    table = found.groupby(slots).agg(runs=("run", "nunique"), nodes=("id", "count"))
    return table.rename_axis("at_us").reset_index()


def _overlapped(table: pd.DataFrame) -> np.ndarray:
    """Which rows, ordered by time, overlap one that is neither inside nor around them."""
    marked: np.ndarray = np.zeros(len(table), dtype=bool)
    open_: list[tuple[int, int, str]] = []
    ends = (table["at_us"] + table["duration_us"]).tolist()
    rows = zip(table["at_us"], ends, table["run"], table["ns"], table["node"], table["task"],
               strict=True)  # fmt: skip
    for index, (at_us, end_us, run, ns, node, task) in enumerate(rows):
        open_ = [one for one in open_ if one[1] > at_us]
        for other, _, inside in open_:
            # A subgraph's nodes have the namespace of the node that it runs in.
            if not f"{run} {ns}|".startswith(inside):
                marked[index] = marked[other] = True
        open_.append((index, end_us, f"{run} {f'{ns}|' if ns else ''}{node}:{task}|"))
    return marked
