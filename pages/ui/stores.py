"""The cards of stores (by method and by namespace prefix) and of embeddings."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import export, filters, formats, frame
from storage.queries_resources import Calls


def draw(found: Calls) -> None:
    """Draws the Stores card."""
    with frame.card("stores", height="stretch"):
        if found.resources.empty:
            frame.title("Stores")
            st.caption("No store was seen. A graph compiled with store=… tells of it.")
            return
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            frame.title("Stores", f"calls in {filters.window()}")
            with st.container(horizontal=True, width="content"):
                by = st.segmented_control(
                    "Rows", ("method", "prefix"), default="method", required=True,
                    key="store-rows", bind="query-params", label_visibility="collapsed",
                )  # fmt: skip
                export.button(
                    "stores", lambda: _named(found, found.parts).drop(columns="resource_id")
                )
        _calls(found, found.parts if by == "prefix" else found.methods, by == "prefix")
        if found.folded and by == "prefix":
            st.caption(
                f"{formats.count(found.folded)} calls of further prefixes are summed under …"
            )


def draw_embeddings(found: Calls) -> None:
    """Draws the Embeddings card."""
    with frame.card("embeddings", height="stretch"):
        rows = _named(found, found.methods) if len(found.resources) else found.methods
        export.title(
            "Embeddings", f"calls in {filters.window()}", "embeddings",
            lambda: rows.drop(columns="resource_id"), there=not rows.empty,
        )  # fmt: skip
        if found.resources.empty:
            st.caption("No embeddings were seen. A store with an index tells of them.")
            return
        if rows.empty:
            st.caption("None were called in this window.")
            return
        config = st.column_config
        st.dataframe(
            pd.DataFrame({
                "name": rows["label"],
                "method": rows["method"],
                "count": rows["count"],
                "texts": rows["items"],
                "characters": rows["characters"],
                "duplicates": rows["hit_rate"] * 100,
                "p95": rows["p95"] / 1000,
                "time": rows["duration_us"] / 1_000_000,
                "errors": rows["errors"],
            }),
            key="embeddings-table", hide_index=True, height="content",
            placeholder=formats.UNKNOWN, alt="Embeddings",
            column_config={
                "name": config.TextColumn("Embeddings", pinned=True),
                "method": config.TextColumn("Method"),
                "count": config.NumberColumn("Calls", format="localized"),
                "texts": config.NumberColumn("Texts", format="localized"),
                "characters": config.NumberColumn("Characters", format="compact"),
                "duplicates": config.NumberColumn(
                    "Duplicates", format="%.0f %%",
                    help="Texts that the process had embedded before.",
                ),
                "p95": config.NumberColumn("p95 ms", format="%.2f"),
                "time": config.NumberColumn("Time s", format="%.2f", help="All calls together."),
                "errors": config.NumberColumn("Errors", format="localized"),
            },
        )  # fmt: skip


def _named(found: Calls, table: pd.DataFrame) -> pd.DataFrame:
    """Rows with the label and backend of their resource, in an order that stays."""
    about = found.resources[["resource_id", "label", "backend"]]
    rows = table.merge(about, on="resource_id", how="left")
    keys = [name for name in ("label", "method", "part") if name in rows]
    return rows.sort_values(keys, ignore_index=True)


def _calls(found: Calls, table: pd.DataFrame, parts: bool) -> None:
    rows = _named(found, table)
    if rows.empty:
        st.caption("No store was called in this window.")
        return
    # A sum that lacks a call's bytes is none; one that failed had none.
    told = rows["unsized"] <= rows["errors"]
    shown = pd.DataFrame({
        "store": rows["label"],
        "backend": [formats.backend_name(name) for name in rows["backend"]],
        "method": rows["method"],
        "prefix": rows["part"] if parts else "",
        "count": rows["count"],
        "items": rows["items"],
        "hits": rows["hit_rate"] * 100,
        "bytes": rows["payload_bytes"].astype(float).where(told),
        "p50": rows["p50"] / 1000,
        "p95": rows["p95"] / 1000,
        "errors": rows["errors"],
    })  # fmt: skip
    config = st.column_config
    st.dataframe(
        shown if parts else shown.drop(columns="prefix"),
        key="stores-table-prefix" if parts else "stores-table", hide_index=True,
        height=320 if len(shown) > 8 else "content", placeholder=formats.UNKNOWN, alt="Stores",
        column_config={
            "store": config.TextColumn("Store", pinned=True),
            "backend": config.TextColumn("Backend"),
            "method": config.TextColumn("Method"),
            "prefix": config.TextColumn("Namespace prefix"),
            "count": config.NumberColumn("Calls", format="localized"),
            "items": config.NumberColumn(
                "Items", format="localized",
                help="Keys asked for, items written or deleted, rows found.",
            ),
            "hits": config.NumberColumn(
                "Found", format="%.0f %%",
                help="Of the items asked for by key. –: none was.",
            ),
            "bytes": config.NumberColumn(
                "Bytes", format="bytes",
                help="Read or written. –: not all of these calls tell their bytes.",
            ),
            "p50": config.NumberColumn("p50 ms", format="%.2f"),
            "p95": config.NumberColumn("p95 ms", format="%.2f"),
            "errors": config.NumberColumn("Errors", format="localized"),
        },
    )  # fmt: skip
