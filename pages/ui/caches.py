"""The parts of the Caches page: caches of nodes, of functions, and of servers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui import (
    cache_tables,
    charts,
    charts_lines,
    data_resources,
    export,
    filters,
    formats,
    frame,
    servers,
    states,
)
from pages.ui.charts_lines import SHARES, Line, percent
from pages.ui.live_plot import live_plot
from storage.queries_gauges import Gauges
from storage.queries_resources import Caches

NODES_DRAWN = 8
"""Nodes with a line of their own, those asked most."""

SNIPPET = """\
builder.add_node("plan", plan, cache_policy=CachePolicy(ttl=300))
graph = statemeter.instrument(builder.compile(cache=InMemoryCache()))

statemeter.watch_cache("system-config", get_system_config)  # a functools.lru_cache"""


def draw() -> None:
    """Draws the page, each part again and again."""
    frame.live(lambda: states.or_else(_nodes))
    frame.live(lambda: states.if_any(_beside), "-beside")


def _nodes() -> None:
    found = data_resources.caches()
    if found.nodes.empty:
        with frame.card("no-caches"):
            st.subheader("No node cache was used with these filters", anchor=False)
            st.text("LangGraph keeps results of nodes where the graph has a cache and the node a "
                    "policy:")  # fmt: skip
            st.code(SNIPPET, language="python", width=700)
        return
    _cards(found)
    left, right = st.columns([3, 2])
    with left:
        _hit_rates(found)
    with right:
        _saved(found)
    cache_tables.nodes(found)


def _beside() -> None:
    left, right = st.columns([3, 2])
    with left:
        _functions(data_resources.lru_caches())
    with right:
        _servers(data_resources.servers())


def _cards(found: Caches) -> None:
    nodes, window = found.nodes, filters.window()
    sums = nodes[["asked", "hits", "saved_us", "unknown_hits", "keys", "unhit_keys", "key_bytes",
                  "endless_keys"]].sum()  # fmt: skip
    over = found.hits_over_time.groupby("at_us")[["asked", "hits", "saved_us"]].sum()
    rates = (over["hits"] / over["asked"]).to_numpy(np.float64)
    unknown = int(sums["unknown_hits"])
    saved = None if sums["hits"] and unknown == sums["hits"] else float(sums["saved_us"])
    with st.container(horizontal=True, key="cards", gap="small"):
        for label, value, note, curve, told in (
            ("Hit rate", formats.share(sums["hits"] / sums["asked"] if sums["asked"] else None),
             f"{formats.count(sums['hits'])} of {formats.count(sums['asked'])}", rates,
             f"Keys that the caches had, of those asked for in {window}."),
            ("Time saved", formats.duration(saved),
             f"unknown for {formats.count(unknown)} hits" if unknown else "all hits known",
             over["saved_us"].to_numpy(np.float64),
             "For each hit, the median time of the node's runs until then. Unknown for hits of "
             "nodes that were never seen to run."),
            ("Distinct keys", formats.count(sums["keys"]),
             f"{formats.count(sums['endless_keys'])} without TTL", None,
             "Keys that are kept here: the last 1,000 of a node, used within the retention."),
            ("Never hit", formats.count(sums["unhit_keys"]),
             "written, not asked for again", None,
             "Keys that were written and never found again: what a cache costs for nothing."),
            ("Held", formats.size(float(sums["key_bytes"])), "as last written", None,
             "Bytes of the keys kept here; those that expired meanwhile are in it."),
        ):  # fmt: skip
            st.metric(
                label, value, note, delta_color="off", delta_arrow="off", border=True, help=told,
                height="stretch", chart_type="area",
                chart_data=curve.tolist() if curve is not None and len(curve) > 1 else None,
            )  # fmt: skip


def _named(found: Caches) -> dict[tuple[int, str], str]:
    """Names of the nodes with a line: with their cache's where two caches have one of the name."""
    most = found.nodes[found.nodes["asked"] > 0].head(NODES_DRAWN)
    twice = set(most["node"][most["node"].duplicated()])
    labels = dict(zip(found.resources["resource_id"], found.resources["label"], strict=True))
    return {
        (int(row.resource_id), str(row.node)): (
            f"{row.node} ({labels.get(row.resource_id, '')})" if row.node in twice else row.node
        )
        for row in most.itertuples(index=False)
    }


def _hit_rates(found: Caches) -> None:
    names = _named(found)
    over = found.hits_over_time
    drawn = []
    for place, ((resource, node), name) in enumerate(names.items()):
        part = over[(over["resource_id"] == resource) & (over["node"] == node)]
        drawn.append(Line(name, place, part["at_us"].to_numpy(np.int64),
                          part["hit_rate"].to_numpy(np.float64)))  # fmt: skip
    figure, _ = charts_lines.lines(
        drawn, filters.zone(), SHARES, percent, slot_us=found.grid.slot_us
    )
    with frame.card("hit-rate", height="stretch"):
        frame.title("Hit rate", "% of the keys asked for, by node")
        live_plot(figure, key="plot-hit-rate", label="Hit rate of nodes over time")


def _saved(found: Caches) -> None:
    names, over, starts = _named(found), found.hits_over_time, found.grid.starts_us
    drawn = []
    for place, ((resource, node), name) in enumerate(names.items()):
        part = over[(over["resource_id"] == resource) & (over["node"] == node)]
        if not part["saved_us"].sum():
            continue
        saved = pd.Series(part["saved_us"].to_numpy(np.float64), index=part["at_us"])
        drawn.append(
            Line(name, place, starts, saved.reindex(starts, fill_value=0).cumsum().to_numpy())
        )
    figure, unit = charts_lines.lines(
        drawn, filters.zone(), charts.TIMES, formats.duration, stacked=True
    )
    with frame.card("saved", height="stretch"):
        frame.title("Time saved", f"{unit}, summed over the window, by node")
        if not drawn:
            st.caption("Nothing known was saved in this window: no node that hit was seen to run.")
            return
        live_plot(figure, key="plot-saved", label="Time saved by caches over time")


def _functions(found: Gauges) -> None:
    with frame.card("functions", height="stretch"):
        export.title(
            "Functions", "functools.lru_cache under watch_cache", "functions",
            lambda: found.resources.drop(columns="resource_id"), there=not found.resources.empty,
        )  # fmt: skip
        if found.resources.empty:
            st.caption("No function is watched:")
            st.code('statemeter.watch_cache("system-config", get_system_config)',
                    language="python", wrap_lines=True)  # fmt: skip
            return
        cache_tables.functions(found)


def _servers(found: Gauges) -> None:
    with frame.card("server-caches", height="stretch"):
        frame.title("Server caches", "Redis and Valkey, of all their clients")
        rows = found.resources[found.resources["backend"].isin(["redis", "valkey"])]
        if rows.empty:
            st.caption("No Redis or Valkey is read. Name those to read to the collector:")
            st.code(servers.HINT.partition(" ")[0], language="bash", wrap_lines=True)
            return
        servers.draw_rows(rows, found.seconds)
