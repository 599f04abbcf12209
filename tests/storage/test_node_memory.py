"""Nodes and memory: sums against a recount, and which runs overlap."""

from __future__ import annotations

import pandas as pd

from storage.node_memory import _overlapped, by_node

MB = 1_000_000


def ran(node: str, at: int, took: int, grown: int = 0, **told: object) -> dict[str, object]:
    return {
        "id": at, "run": 1, "at_us": at, "duration_us": took, "ns": "", "graph": "g", "node": node,
        "task": node, "rss_before_bytes": 100 * MB, "rss_after_bytes": 100 * MB + grown,
        "rss_peak_bytes": 100 * MB + max(grown, 0) + 5 * MB,
    } | told  # fmt: skip


def table(*rows: dict[str, object]) -> pd.DataFrame:
    found = pd.DataFrame(rows).sort_values("at_us", ignore_index=True)
    return found.assign(overlapped=_overlapped(found))


def test_neighbours_overlap_and_subgraphs_do_not() -> None:
    """A node inside another is part of it; one of another branch or run is beside it."""
    found = table(
        ran("outer", 0, 100), ran("inside", 10, 20, ns="outer:outer"),
        ran("deeper", 40, 5, ns="outer:outer|inside2:inside2"),
        ran("left", 200, 50), ran("right", 210, 10), ran("next", 250, 10),
        ran("a", 300, 50, run=2), ran("b", 310, 10, run=3),
    )  # fmt: skip
    marked = dict(zip(found["node"], found["overlapped"], strict=True))
    assert {name for name, beside in marked.items() if beside} == {"left", "right", "a", "b"}


def test_sums_are_of_runs_alone() -> None:
    rows = [ran("keeps", 1000 * n, 10, 2 * MB) for n in range(10)]
    rows += [ran("steady", 1000 * n + 500, 10, (-1) ** n * 4096) for n in range(10)]
    rows += [ran("beside", 20_000, 50, 90 * MB), ran("keeps", 20_010, 10, 70 * MB)]
    nodes = by_node(table(*rows)).set_index("node")
    assert nodes.index[0] == "keeps"
    row = nodes.loc["keeps"]
    assert (row["runs"], row["alone"], row["grown_bytes"], row["mean_bytes"]) == (
        11, 10, 20 * MB, 2 * MB,
    )  # fmt: skip
    assert (row["rising"], row["peak_bytes"], row["suspect"]) == (1.0, 75 * MB, True)
    assert not nodes.loc["steady", "suspect"]
    assert nodes.loc["beside", "alone"] == 0
    assert pd.isna(nodes.loc["beside", "mean_bytes"])
    assert not nodes.loc["beside", "suspect"]
