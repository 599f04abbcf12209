"""One thread: its facts, its channels over steps, its steps, elements, nodes and runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui import address, charts, data, formats, frame, thread_heading, thread_tables
from pages.ui.live_plot import live_plot
from storage import curves
from storage.queries_steps import STEPS_READ, Steps
from storage.step_figures import ROOT, sent_before, written


def draw(thread_id: str, saver: str) -> None:
    """Draws the thread with this id; a choice where several storages have one."""
    row = thread_heading.found(thread_id, saver)
    if row is None:
        return
    steps = data.steps(row)
    thread_heading.draw(row, thread_heading.open_history)
    if steps.table.empty:
        st.info("No checkpoint of this thread is stored here any more.", icon=":material/info:")
        return
    namespaces = list(dict.fromkeys(steps.table["namespace"]))
    chosen = _namespace(namespaces)
    mask = (steps.table["namespace"] == chosen).to_numpy()
    table = steps.table[mask].reset_index(drop=True)
    channels = steps.channels[mask].reset_index(drop=True)
    channels = channels.loc[:, (channels > 0).any()]
    _figures(row, steps, table)
    if not steps.complete:
        st.caption(
            f"The newest {formats.count(STEPS_READ)} of {formats.count(row.steps)} checkpoints."
        )
    selected = thread_tables.selected_step(table)
    x, axis = curves.step_axis(table["step"])
    left, right = st.columns([3, 2])
    with left:
        _channels(row, channels, x, axis, table)
    with right:
        thread_tables.channels(row, table, channels, selected)
    left, right = st.columns([3, 2])
    with left:
        _amplification(row, steps, table, x, axis)
    with right:
        _latency(table, x, axis)
    thread_tables.steps(table)
    left, right = st.columns([3, 2])
    with left:
        thread_tables.nodes(data.nodes(row))
    with right:
        thread_tables.elements(steps.elements[steps.elements["namespace"] == chosen])
    thread_tables.runs(data.runs(row))


def _figures(row: Any, steps: Steps, table: pd.DataFrame) -> None:
    live = table["checkpoint_bytes"].to_numpy(np.float64)
    took = table["duration_us"].to_numpy(np.float64)
    serde = table["serde_us"].to_numpy(np.float64)
    sent = np.cumsum((table["written_bytes"] + table["pending_bytes"]).to_numpy(np.float64))
    seen = ~np.isnan(took)  # what was found in a database took no known time
    took, serde, told = took[seen], serde[seen], written(table)
    few = curves.spread
    with st.container(horizontal=True, key="cards", gap="small"):
        for label, value, curve, about in (
            ("Live bytes", formats.size(row.live_bytes), live,
             "The newest checkpoint of the root namespace: document and all channel blobs."),
            ("Stored bytes", formats.size(row.stored_bytes), steps.stored.astype(np.float64),
             "What the backend holds now for this thread, all namespaces and pending writes."),
            ("Written / live", formats.factor(row.amplification), sent / np.maximum(live, 1),
             f"Write amplification: {formats.size(row.written_bytes)} were sent to the backend "
             "to have the live bytes."),
            ("p95 write latency", formats.duration(told.p95_us), took,
             "95 of 100 checkpoint writes of this namespace took no longer."),
            ("Serialization share",
             formats.share(told.serde_share),
             serde / np.maximum(took, 1),
             "Part of the time of these writes that went into serializing."),
        ):  # fmt: skip
            st.metric(
                label, value, border=True, help=about, height="stretch", chart_type="area",
                delta_color="primary",
                chart_data=curve[few(curve, 120)].tolist() if len(curve) > 1 else None,
            )  # fmt: skip


def _namespace(namespaces: list[str]) -> str:
    if len(namespaces) == 1:
        return namespaces[0]
    names = {namespace or ROOT: namespace for namespace in sorted(namespaces)}
    chosen = st.segmented_control(
        "Checkpoint namespace", list(names), default=next(iter(names)), required=True,
        key="namespace", bind="query-params",
    )  # fmt: skip
    return names.get(str(chosen), namespaces[0])


def _channels(
    row: Any, channels: pd.DataFrame, x: np.ndarray, axis: str, table: pd.DataFrame
) -> None:
    figure, unit = charts.channel_areas(channels, x, table["checkpoint"])
    with frame.card("channels", height="stretch"):
        frame.title("Bytes by channel", f"{unit}, stacked, over {axis}s; click one to open it")
        live_plot(
            figure, key="plot-channels", label="Live bytes by channel over steps",
            on_click=lambda one: address.ask_for_history(row.thread_id, row.saver, one),
        )  # fmt: skip


def _amplification(row: Any, steps: Steps, table: pd.DataFrame, x: np.ndarray, axis: str) -> None:
    before = sent_before(steps, row.written_bytes)
    figure, unit = charts.amplification(table, x, before)
    with frame.card("amplification", height="stretch"):
        frame.title("Written so far against live", f"{unit}, over {axis}s")
        live_plot(figure, key="plot-amplification", label="Written and live bytes over steps")


def _latency(table: pd.DataFrame, x: np.ndarray, axis: str) -> None:
    seen = table["duration_us"].notna().to_numpy()
    figure, unit = charts.step_latency(table[seen], x[seen])
    with frame.card("step-latency", height="stretch"):
        if not seen.any():
            frame.title("Write latency and serialization", "")
            st.caption("Unknown: these writes were found in the database, no probe saw them.")
            return
        frame.title("Write latency and serialization", f"{unit}, each {axis}")
        live_plot(figure, key="plot-step-latency", label="Write latency over steps")
