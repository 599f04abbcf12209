"""Tables of the Caches page."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui import export, filters, formats, frame
from storage.queries_gauges import Gauges
from storage.queries_resources import Caches


def nodes(found: Caches) -> None:
    """The card of nodes: each with its hits, what they saved, and its keys."""
    about = found.resources[["resource_id", "label", "backend"]]
    rows = found.nodes.merge(about, on="resource_id", how="left")
    # By name, so that a row keeps its place while calls come in.
    rows = rows.sort_values(["label", "node"], ignore_index=True)
    with frame.card("nodes"):
        export.title(
            "Nodes", f"calls in {filters.window()}; keys since they are kept", "caches",
            lambda: rows.drop(columns="resource_id"),
        )  # fmt: skip
        st.dataframe(
            pd.DataFrame({
                "node": rows["node"],
                "cache": rows["label"],
                "backend": [formats.backend_name(name) for name in rows["backend"]],
                "rate": rows["hit_rate"] * 100,
                "history": _histories(found, rows),
                "hits": rows["hits"],
                "misses": rows["misses"],
                # Where no hit is known to have saved anything, what was saved is unknown.
                "saved": (rows["saved_us"] / 1_000_000).where(
                    (rows["unknown_hits"] < rows["hits"]) | (rows["hits"] == 0)
                ),
                "unknown": rows["unknown_hits"],
                "keys": rows["keys"],
                "unhit": rows["unhit_keys"],
                "dropped": rows["dropped_keys"],
                "bytes": rows["key_bytes"],
                "written": rows["written_bytes"],
                "ttl": _ttl(rows),
                "p95": rows["get_p95"] / 1000,
            }),
            key="nodes-table", hide_index=True, height=420 if len(rows) > 10 else "content",
            placeholder=formats.UNKNOWN, alt="Nodes with a cache", column_config=_columns(),
        )  # fmt: skip


def functions(found: Gauges) -> None:
    """Functions under ``watch_cache``."""
    rows = found.resources.sort_values("label", ignore_index=True)
    config = st.column_config
    st.dataframe(
        pd.DataFrame({
            "name": rows["label"],
            "rate": rows["hit_rate"] * 100,
            "hits": rows["hits"],
            "misses": rows["misses"],
            "size": rows["size"].astype(float),
            "maximum": rows["maximum"].astype(float),
            "full": (rows["size"] / rows["maximum"].where(rows["maximum"] > 0) * 100).astype(float),
            "processes": rows["processes"],
        }),
        key="functions-table", hide_index=True, height="content", placeholder=formats.UNKNOWN,
        alt="Functions with a cache",
        column_config={
            "name": config.TextColumn("Function", pinned=True),
            "rate": config.ProgressColumn(
                "Hit rate", format="%.0f %%", min_value=0, max_value=100,
                help="Empty: not called in the window.",
            ),
            "hits": config.NumberColumn("Hits", format="localized"),
            "misses": config.NumberColumn("Misses", format="localized"),
            "size": config.NumberColumn(
                "Entries", format="localized", help="Now. –: no process shows it now."
            ),
            "maximum": config.NumberColumn(
                "Maximum", format="localized", help="–: no limit (maxsize=None), or not told."
            ),
            "full": config.ProgressColumn("Full", format="%.0f %%", min_value=0, max_value=100),
            "processes": config.NumberColumn(
                "Processes", format="localized", help="Each has a cache of its own: sums of them."
            ),
        },
    )  # fmt: skip


def _histories(found: Caches, rows: pd.DataFrame) -> list[list[float]]:
    """The hit rate of each node over time, in percent."""
    over = dict(iter(found.hits_over_time.groupby(["resource_id", "node"])))
    curves = []
    for key in zip(rows["resource_id"], rows["node"], strict=True):
        part = over.get(key)
        values = [] if part is None else part["hit_rate"].to_numpy(np.float64) * 100
        curves.append([round(float(value), 1) for value in values if np.isfinite(value)][-60:])
    return curves


def _ttl(rows: pd.DataFrame) -> list[str]:
    """Shortest to longest time to live of a node's keys."""
    told = []
    for row in rows.itertuples(index=False):
        low, high = row.ttl_min_seconds, row.ttl_max_seconds
        if not formats.known(low):
            told.append("never expires" if row.endless_keys else formats.UNKNOWN)
            continue
        low, high = (formats.duration(value * 1_000_000) for value in (low, high))
        several = f"{low} to {high}" if low != high else low
        told.append(f"{several}, or never" if row.endless_keys else several)
    return told


def _columns() -> dict[str, object]:
    config = st.column_config
    return {
        "node": config.TextColumn("Node", pinned=True),
        "cache": config.TextColumn("Cache"),
        "backend": config.TextColumn("Backend"),
        "rate": config.ProgressColumn(
            "Hit rate", format="%.0f %%", min_value=0, max_value=100,
            help="Empty: nothing was asked for in the window.",
        ),
        "history": config.AreaChartColumn("Over time", y_min=0, y_max=100, width="small"),
        "hits": config.NumberColumn("Hits", format="localized"),
        "misses": config.NumberColumn("Misses", format="localized"),
        "saved": config.NumberColumn(
            "Saved s", format="%.3g",
            help="Usual time of the node at each hit. –: it was never seen to run.",
        ),
        "unknown": config.NumberColumn(
            "Unknown hits", format="localized", help="Hits whose saving is not known."
        ),
        "keys": config.NumberColumn("Keys", format="localized", help="Distinct keys kept here."),
        "unhit": config.NumberColumn(
            "Never hit", format="localized", help="Keys written and never found again."
        ),
        "dropped": config.NumberColumn(
            "Not kept", format="localized", help="Keys that made room here for newer ones."
        ),
        "bytes": config.NumberColumn("Held", format="bytes", help="Of the keys kept here."),
        "written": config.NumberColumn("Written", format="bytes", help="In the window."),
        "ttl": config.TextColumn("TTL"),
        "p95": config.NumberColumn("p95 get ms", format="%.2f"),
    }  # fmt: skip
