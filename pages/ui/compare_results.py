"""One comparison: its ranking, its charts, its tables."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import (
    charts_compare,
    compare_list,
    compare_ranking,
    data_compare,
    export,
    filters,
    formats,
    frame,
)
from pages.ui.live_plot import live_plot
from storage import comparison_tables as tables
from storage import ranking
from storage.comparisons import Cell, Comparison
from storage.queries_jobs import Job
from storage.ranking import Setting
from storage.workloads import WORKLOADS


def draw(job: Job) -> None:
    """Draws the cards of a comparison."""
    found = data_compare.result(job)
    with frame.card("compare-head"):
        _head(job, found)
    if found is None:
        return
    setting = _setting(found)
    if setting is None:
        _footprint(found)
        return
    compare_ranking.draw(job, found, setting)
    cells = ranking.cells(found, setting)
    left, right = st.columns([3, 2])
    with left, frame.card("compare-latency", height="stretch"):
        frame.title("Latency", "ms, logarithmic; box: quartiles, whiskers: p5 and p95")
        live_plot(charts_compare.latencies(found, cells), key="plot-compare-latency",
                  label="Latency by operation and backend", height=330)  # fmt: skip
    with right, frame.card("compare-throughput", height="stretch"):
        frame.title("Throughput", "turns a second; bars: spread of the rounds")
        figure = charts_compare.throughput(found, setting.durability, setting.mode)
        live_plot(figure, key="plot-compare-throughput",
                  label="Turns a second against clients at once", height=330)  # fmt: skip
    left, right = st.columns([3, 2])
    with left:
        _footprint(found, setting.durability)
    with right:
        _survivals(found)
    _numbers(found, cells, setting)


def _head(job: Job, found: Comparison | None) -> None:
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        frame.title(formats.plain(job.name), formats.plain(_what(job, found)))
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            st.badge(compare_list.state_of(job), color=_COLORS.get(job.state, "gray"))
            if job.ended:
                compare_list.forget(job)
    if job.problem:
        st.error("It ended early.", icon=":material/error:")
        st.text(job.problem)
    elif job.partial and job.ended:
        st.warning(
            "These results are partial: "
            + ("it was cancelled." if job.state == "cancelled" else "a backend failed."),
            icon=":material/warning:",
        )
    for outcome in found.backends if found else []:
        if outcome.problem:
            st.text(outcome.problem)
    if found is None and not job.problem:
        st.caption("Nothing was found yet." if not job.ended else "It found nothing.")
    if found is not None:
        with st.expander("What was compared, and how"):
            _how(job, found)


_COLORS = {"done": "green", "failed": "red", "running": "blue"}


def _what(job: Job, found: Comparison | None) -> str:
    when = formats.clock(job.created_us, filters.zone())
    took = formats.duration(job.ended_us - job.started_us) if job.ended and job.started_us else ""
    named = WORKLOADS.get(found.workload) if found else None
    return " · ".join(filter(None, [named.title if named else "", when, took and f"took {took}"]))


def _how(job: Job, found: Comparison) -> None:
    size = found.size
    st.text(
        f"{formats.count(size.threads)} threads, {formats.count(size.turns)} turns each, values of "
        f"{formats.size(size.value_bytes)}; {found.rounds} rounds, interleaved. Reckoned to hold "
        f"{formats.size(found.estimate_bytes)}."
    )
    for note in found.notes:
        st.text(note)
    for one in found.backends:
        st.text(
            f"{ranking.name(one)} ({one.shown}): {one.server or 'not reached'}, {one.saver}. "
            f"{one.kept_how}"
        )
    for how in dict.fromkeys(
        f"{ranking.name(found.outcome(one.backend))}: {one.how}." for one in found.footprints
    ):
        st.text(how)
    st.caption(
        "A tie (≈): the exact rank-sum test of Mann and Whitney on the rounds gives p > 0.05 "
        "(p > 0.1 of three rounds). docs/compare.md has the method and its limits."
    )


def _setting(found: Comparison) -> Setting | None:
    """Under which settings backends are set side by side, by the visitor's choice."""
    there = ranking.settings(found)
    if not there:
        return None
    chosen = there
    with st.container(horizontal=True, key="compare-settings"):
        for name, label, form in (
            ("durability", "Durability", str), ("mode", "Calls", str),
            ("concurrency", "Clients at once", lambda value: f"{value} at once"),
        ):  # fmt: skip
            options = list(dict.fromkeys(getattr(one, name) for one in there))
            if len(options) < 2:
                continue
            value = st.segmented_control(
                label, options, default=options[0], required=True, format_func=form,
                key=f"compare-by-{name}", label_visibility="collapsed",
            )  # fmt: skip
            chosen = [one for one in chosen if getattr(one, name) == value] or chosen
    return chosen[0]


def _footprint(found: Comparison, durability: str = "") -> None:
    with frame.card("compare-footprint", height="stretch"):
        durability = durability or next((one.durability for one in found.footprints), "async")
        figure, unit = charts_compare.footprints(found, durability)
        threads = max((one.threads for one in found.footprints), default=0)
        frame.title("Held", f"{unit}, by the server's own account, {threads} threads")
        if not figure.data:
            st.caption("Nothing was weighed yet.")
            return
        live_plot(figure, key="plot-compare-footprint", label="Bytes held against turns",
                  height=330)  # fmt: skip


def _survivals(found: Comparison) -> None:
    with frame.card("compare-survivals", height="stretch"):
        frame.title("Killed in mid-run", "what was there afterwards")
        if not found.survivals:
            st.caption("It was not tried.")
            return
        st.dataframe(
            pd.DataFrame({
                "backend": [ranking.name(found.outcome(one.backend)) for one in found.survivals],
                "durability": [one.durability for one in found.survivals],
                "turns": [f"{one.turns_found} of {one.turns_acknowledged}"
                          for one in found.survivals],
                "steps": [f"{one.steps_found} of {one.steps_acknowledged}"
                          for one in found.survivals],
                "resumed": [one.resumed for one in found.survivals],
            }),
            key="compare-survivals-table", hide_index=True, height="content", alt="Survivals",
            column_config={
                "backend": st.column_config.TextColumn("Backend", pinned=True),
                "durability": st.column_config.TextColumn("Durability"),
                "turns": st.column_config.TextColumn(
                    "Turns", help="Acknowledged before the kill, and found after it."
                ),
                "steps": st.column_config.TextColumn(
                    "Steps", help="Of the turn that was broken off: steps that had ended, and "
                    "those that did not have to run again."
                ),
                "resumed": st.column_config.CheckboxColumn("Went on"),
            },
        )  # fmt: skip


def _numbers(found: Comparison, cells: dict[str, Cell], setting: Setting) -> None:
    table = pd.DataFrame([
        {"backend": ranking.cell_name(found, cell)}
        | {name: tables.told(one) for name, one in tables.numbers(cell, cells).items()}
        for cell in cells.values()
    ])  # fmt: skip
    with frame.card("compare-numbers"):
        export.title(
            "Numbers",
            f"medians of {found.rounds} rounds ± half the distance of their quartiles; ≈ ties with "
            "the best",
            "comparison", lambda: tables.rounds(found),
        )  # fmt: skip
        st.dataframe(
            table, key="compare-numbers-table", hide_index=True, height="content",
            alt=f"Numbers of {setting.concurrency} at once", placeholder=formats.UNKNOWN,
            column_config={"backend": st.column_config.TextColumn("Backend", pinned=True)},
        )  # fmt: skip
