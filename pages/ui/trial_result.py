"""What a trial of serializers found: the advice, bytes against time, and what is lost."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import charts_trials, export, formats, frame, trial_words
from pages.ui.live_plot import live_plot
from storage import serializer_advice
from storage.serializer_advice import Advice
from storage.serializer_trials import FORMATS, Candidate, Trial

_KINDS = {"today": "blue", "recommended": "green", "lossless": "green", "lossy": "orange",
          "not measured": "gray"}  # fmt: skip


def draw(trial: Trial, *, partial: bool) -> None:
    """Draws it.

    Args:
        trial: what was found, so far.
        partial: the trial goes on, or ended early.
    """
    advice = serializer_advice.advise(trial)
    _advice(trial, advice, partial)
    left, right = st.columns([3, 2])
    with left:
        _pareto(trial, advice)
    with right:
        _lost(trial)
    _candidates(trial, advice)


def _advice(trial: Trial, advice: Advice, partial: bool) -> None:
    with frame.card("advice"):
        if partial:
            st.badge("partial", icon=":material/incomplete_circle:", color="orange")
        st.subheader(trial_words.verdict(advice), anchor=False)
        st.text(trial_words.reason(advice, trial))
        if advice.code:
            left, right = st.columns([3, 2])
            with left:
                if advice.install:
                    st.code(advice.install, language="bash")
                st.code(advice.code, language="python", wrap_lines=True)
            with right:
                st.caption(
                    'Checkpoints from before are read as well, and `codec="none"` is the way '
                    "back: it writes plain values and reads all."
                )
        if advice.note and advice.kind != "fixed":
            st.caption(advice.note)
        st.caption(formats.plain(trial_words.measured(trial)))
        for told in trial_words.caveats(trial):
            st.caption(formats.plain(told))


def _pareto(trial: Trial, advice: Advice) -> None:
    measured = [one for one in trial.candidates if one.measured]
    figure, _, _ = charts_trials.pareto(
        measured, serializer_advice.front(trial), trial.of(trial.today),
        advice.best if advice.kind in ("smaller", "faster") else None,
    )  # fmt: skip
    with frame.card("pareto", height="stretch"):
        frame.title("Bytes against time", "of a step; smaller and faster is down and left")
        live_plot(figure, key="plot-pareto", label="Serializers by bytes and time", height=400)


def _lost(trial: Trial) -> None:
    rows = []
    for name, label in FORMATS.items():
        one = trial.of(name)
        if one is None:
            continue
        if not one.changes:
            told = one.failed and f"cannot take these states ({one.failed})"
            rows.append((label, told or "nothing", "", "", None))
        rows += [
            (label, change.type, change.became, _of(change.count, change.of), change.count)
            for change in one.changes
        ]
    table = pd.DataFrame(rows, columns=["format", "type", "became", "of", "count"])
    with frame.card("lost", height="stretch"):
        export.title("What comes back changed", "by type", "trial-changes", lambda: table)
        st.dataframe(
            table.drop(columns="count"), hide_index=True, key="trial-changes",
            height=frame.table_height(len(table), 400), alt="What comes back changed, by type",
            column_config={
                "format": st.column_config.TextColumn("Format", pinned=True),
                "type": st.column_config.TextColumn("Type"),
                "became": st.column_config.TextColumn("Becomes"),
                "of": st.column_config.TextColumn("How many"),
            },
        )  # fmt: skip


def _of(number: int, total: int) -> str:
    return f"{number:,} of {total:,}" if total else f"{number:,}"


def _candidates(trial: Trial, advice: Advice) -> None:
    order = sorted(trial.candidates, key=lambda one: (not one.measured, one.bytes))
    base = advice.base.bytes if advice.base is not None else 0.0
    table = pd.DataFrame({
        "serializer": [one.label for one in order],
        "kind": [_kinds(one, trial, advice) for one in order],
        "bytes": [one.bytes if one.measured else None for one in order],
        "change": [100 * (one.bytes / base - 1) if one.measured and base else None
                   for one in order],
        "dump": [one.dump_us / 1000 if one.measured else None for one in order],
        "load": [one.load_us / 1000 if one.measured else None for one in order],
        "low": [one.low_us / 1000 if one.measured else None for one in order],
        "high": [one.high_us / 1000 if one.measured else None for one in order],
        "lost": [trial_words.lost(one) for one in order],
    })  # fmt: skip
    table["spread"] = [
        f"{low:.3f} – {high:.3f}" if pd.notna(low) else formats.UNKNOWN
        for low, high in zip(table["low"], table["high"], strict=True)
    ]
    exported = table.rename(columns={
        "bytes": "step_bytes", "dump": "dump_ms", "load": "load_ms", "low": "low_ms",
        "high": "high_ms", "change": "change_percent",
    }).assign(kind=[", ".join(kind) for kind in table["kind"]]).drop(columns="spread")  # fmt: skip
    with frame.card("candidates"):
        export.title("All that was tried", "of a step", "trial-serializers", lambda: exported)
        config = st.column_config
        st.dataframe(
            table[["serializer", "kind", "bytes", "change", "dump", "load", "spread", "lost"]],
            hide_index=True, key="trial-serializers", placeholder=formats.UNKNOWN,
            height=frame.table_height(len(table), 520), alt="Serializers that were tried",
            column_config={
                "serializer": config.TextColumn("Serializer", pinned=True),
                "kind": config.MultiselectColumn(
                    "Is", options=list(_KINDS), color=list(_KINDS.values()), width=190
                ),
                "bytes": config.NumberColumn("Bytes", format="bytes"),
                "change": config.NumberColumn("Against today", format="%+.0f %%"),
                "dump": config.NumberColumn("Dump, ms", format="%.3f"),
                "load": config.NumberColumn("Load, ms", format="%.3f"),
                "spread": config.TextColumn(
                    "Both, ms", help="Dump and load together: half of the rounds lie in between."
                ),
                "lost": config.TextColumn("Comes back changed", width="large"),
            },
        )  # fmt: skip


def _kinds(one: Candidate, trial: Trial, advice: Advice) -> list[str]:
    found = []
    if one.name == trial.today:
        found.append("today")
    elif advice.kind in ("smaller", "faster") and one is advice.best:
        found.append("recommended")
    if not one.measured:
        return [*found, "not measured"]
    return [*found, "lossless" if one.lossless else "lossy"]
