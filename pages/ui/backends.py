"""The parts of the Backends page that tell of savers."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import (
    backend_cards,
    charts,
    charts_lines,
    colours,
    compare,
    data,
    data_resources,
    export,
    filters,
    formats,
    frame,
    inspections,
    pools,
    servers,
    states,
    stores,
)
from pages.ui.charts_lines import Line
from pages.ui.live_plot import live_plot
from storage.queries_backends import Backends

OPERATIONS = (
    "put", "put_writes", "get_tuple", "list", "delete_thread", "get_delta_channel_history", "prune",
    "copy_thread", "delete_for_runs",
)  # fmt: skip
"""Calls of savers, the common ones first."""
QUANTILES = ("p50", "p95", "p99")
BYTES = ("written", "stored")


VIEWS = ("Live", "Compare")
"""As the address has them, too."""


def draw() -> None:
    """Draws the page; each part again and again."""
    view = st.segmented_control(
        "View", list(VIEWS), default="Live", required=True, key="view", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    if view == "Compare":
        compare.draw()
        return
    frame.live(lambda: states.or_else(_savers))
    frame.live(lambda: states.if_any(_beside), "-beside")
    frame.live(lambda: states.if_any(inspections.draw), "-health")


def _savers() -> None:
    shown = data_resources.backends()
    if shown.totals.empty:
        with frame.card("no-savers"):
            st.text("No saver has been measured with these filters.")
    else:
        rates = data_resources.rates()
        backend_cards.draw(shown, rates, filters.window(), filters.zone())
        left, right = st.columns([3, 2])
        with left:
            _latency(shown)
        with right:
            _bytes(shown, rates)
    left, right = st.columns([3, 2])
    with left:
        _operations(shown)
    with right:
        _errors(shown, data_resources.errors())


def _beside() -> None:
    """What savers work over, and what remembers beside them."""
    left, right = st.columns([3, 2])
    with left:
        pools.draw(data_resources.pools())
    with right:
        servers.draw(data_resources.servers())
    left, right = st.columns([3, 2])
    with left:
        stores.draw(data_resources.stores())
    with right:
        stores.draw_embeddings(data_resources.embeddings())


def _latency(shown: Backends) -> None:
    with frame.card("backend-latency", height="stretch"):
        head = st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
        )
        with head:
            title = st.container(width="content")
            with st.container(horizontal=True, width="content"):
                operation = st.selectbox(
                    "Operation", OPERATIONS, key="operation", bind="query-params",
                    label_visibility="collapsed", width=150,
                )  # fmt: skip
                quantile = st.segmented_control(
                    "Percentile", QUANTILES, default="p95", required=True, key="percentile",
                    bind="query-params", label_visibility="collapsed",
                )  # fmt: skip
        found = {name: data_resources.latency(operation, name) for name in _by_name(shown)}
        found = {name: frame_ for name, frame_ in found.items() if len(frame_)}
        if not found:
            with title:
                frame.title("Latency", operation)
            st.caption(_no_call(shown, "It was not called in this window."))
            return
        figure, unit = _latency_figure(found, str(quantile), shown.grid.slot_us)
        with title:
            frame.title("Latency", f"{unit}, {quantile if len(found) > 1 else 'percentiles'}")
        live_plot(figure, key="plot-backend-latency", label="Latency of backends over time")


def _no_call(shown: Backends, otherwise: str) -> str:
    """Why there is no call to tell of."""
    if not shown.totals["found_writes"].any():
        return otherwise
    return "Unknown: the writes of this window were found in a database, no probe saw them."


def _by_name(shown: Backends) -> list[str]:
    """Backends in an order that stays while bytes come in."""
    return sorted(shown.totals["backend"], key=formats.backend_name)


def _latency_figure(
    found: dict[str, pd.DataFrame], quantile: str, slot_us: int
) -> tuple[charts.go.Figure, str]:
    """A line for each backend; of one alone all percentiles."""
    if len(found) == 1:
        ((backend, one),) = found.items()
        drawn = [
            Line(name, colours.place(backend), one["at_us"].to_numpy(), one[name].to_numpy(), dash)
            for name, dash in zip(QUANTILES, ("solid", "dash", "dot"), strict=True)
        ]
    else:
        drawn = [
            Line(formats.backend_name(backend), colours.place(backend), one["at_us"].to_numpy(),
                 one[quantile].to_numpy())
            for backend, one in found.items()
        ]  # fmt: skip
    return charts_lines.lines(
        drawn, filters.zone(), charts.TIMES, formats.duration, slot_us=slot_us
    )


def _bytes(shown: Backends, rates: pd.DataFrame) -> None:
    with frame.card("backend-bytes", height="stretch"):
        head = st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
        )
        with head:
            title = st.container(width="content")
            chosen = st.segmented_control(
                "Bytes", BYTES, default="written", required=True, key="bytes",
                bind="query-params", label_visibility="collapsed",
            )  # fmt: skip
        if chosen == "stored":
            levels = data.overview().levels
            figure, unit = charts.stored_by_backend(levels, filters.zone())
            told = f"{unit}, stacked"
        else:
            passed = rates[rates["seconds"] > 0]
            drawn = [
                Line(formats.backend_name(name), colours.place(name), part["at_us"].to_numpy(),
                     (part["written_bytes"] / part["seconds"]).to_numpy())
                for name in _by_name(shown)
                if len(part := passed[passed["backend"] == name])
            ]  # fmt: skip
            figure, unit = charts_lines.lines(
                drawn, filters.zone(), charts.SIZES, lambda value: f"{formats.size(value)}/s"
            )
            told = f"{unit} a second"
        with title:
            frame.title("Written" if chosen != "stored" else "Stored", told)
        live_plot(figure, key="plot-backend-bytes", label="Bytes of backends over time")


def _operations(shown: Backends) -> None:
    table = shown.operations
    with frame.card("operations", height="stretch"):
        export.title(
            "Operations", f"calls of savers in {filters.window()}", "operations", lambda: table,
            there=not table.empty,
        )  # fmt: skip
        if table.empty:
            st.caption(_no_call(shown, "No saver was called in this window."))
            return
        # By name, so that a row keeps its place while calls come in.
        rank = {name: place for place, name in enumerate(OPERATIONS)}
        order = sorted(
            range(len(table)),
            key=lambda row: (
                formats.backend_name(table["backend"][row]),
                rank.get(table["operation"][row], len(rank)),
            ),
        )
        rows = table.iloc[order].reset_index(drop=True)
        st.dataframe(
            pd.DataFrame({
                "backend": [formats.backend_name(name) for name in rows["backend"]],
                "operation": rows["operation"],
                "rate": rows["per_second"],
                "count": rows["count"],
                **{name: rows[name] / 1000 for name in QUANTILES},
                "bytes": rows["payload_bytes"],
                "serde": rows["serde_share"] * 100,
                "errors": rows["errors"],
            }),
            key="operations-table", hide_index=True, height=38 + 35 * min(len(rows), 10),
            placeholder=formats.UNKNOWN,
            alt="Operations of backends", column_config=_operation_columns(),
        )  # fmt: skip


def _operation_columns() -> dict[str, object]:
    config = st.column_config
    return {
        "backend": config.TextColumn("Backend", pinned=True),
        "operation": config.TextColumn("Operation"),
        "rate": config.NumberColumn("Calls / s", format="%.2f"),
        "count": config.NumberColumn("Calls", format="localized"),
        **{
            name: config.NumberColumn(f"{name} ms", format="%.2f", help="Of the window.")
            for name in QUANTILES
        },
        "bytes": config.NumberColumn("Bytes", format="bytes", help="Written, or read."),
        "serde": config.ProgressColumn(
            "Serializing", format="%.0f %%", min_value=0, max_value=100,
            help="Part of the time that went into the serializer.",
        ),
        "errors": config.NumberColumn("Errors", format="localized"),
    }  # fmt: skip


def _errors(shown: Backends, found: pd.DataFrame) -> None:
    counted = int(shown.totals["errors"].sum())
    with frame.card("errors", height="stretch"):
        export.title(
            "Errors by class", f"calls that raised in {filters.window()}", "errors", lambda: found,
            there=not found.empty,
        )  # fmt: skip
        told = int(found["count"].sum()) if len(found) else 0
        if not counted and not told:
            if any(map(backend_cards.unseen, shown.totals.itertuples())):
                st.caption("Of attached databases no failed call is known: no probe saw them.")
                return
            st.badge("No call failed", icon=":material/check_circle:", color="green")
            return
        if told < counted:
            st.caption(
                f"{formats.count(counted - told)} more failed whose class is no longer kept "
                "(STATEMETER_RETENTION_DAYS)."
            )
        if not told:
            return
        st.dataframe(
            pd.DataFrame({
                "backend": [
                    formats.backend_name(name) if name else formats.UNKNOWN
                    for name in found["backend"]
                ],
                "operation": found["operation"],
                "error": found["error"],
                "count": found["count"],
                "last": pd.to_datetime(found["last_us"], unit="us", utc=True),
            }),
            key="errors-table", hide_index=True, height="content",
            placeholder=formats.UNKNOWN, alt="Errors of savers",
            column_config={
                "backend": st.column_config.TextColumn("Backend"),
                "operation": st.column_config.TextColumn("Operation"),
                "error": st.column_config.TextColumn("Class"),
                "count": st.column_config.NumberColumn("Calls", format="localized"),
                "last": st.column_config.DatetimeColumn("Last", format="distance"),
            },
        )  # fmt: skip
