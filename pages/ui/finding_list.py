"""The table of findings: those that are alike in one row, the worst first."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import export, finding_words, formats, frame, ticked
from storage.queries_findings import Group, Shown

_TABLE = "findings-table"
_MOST_PIXELS = 420
_TAGS = finding_words.COLOURS | {"acknowledged": "gray", "muted": "gray"}


def draw(
    several: list[Group], chosen: tuple[Shown, Group | None] | None, key: str, state: str
) -> None:
    """Draws the card; nothing where there are none.

    Args:
        several: what is shown.
        chosen: the finding that is shown in full.
        key: of the field that holds its key.
        state: ``open``, ``muted`` or ``resolved``.
    """
    if not several:
        if state != "open":
            st.caption(f"No finding is {state}.")
        return
    with frame.card("findings"):
        count = sum(len(one.members) for one in several)
        export.title(
            "Findings", f"{formats.count(count)} {state}, worst first · tick one to open it",
            "findings", lambda: exported(several),
        )  # fmt: skip
        shown = chosen[0].key if chosen else ""
        table = pd.DataFrame({
            "severity": [finding_words.tags(one.worst) for one in several],
            "title": [
                f"{'▸ ' if shown in {m.key for m in one.members} else ''}"
                f"{one.worst.finding.title}"
                for one in several
            ],
            "where": [finding_words.where(one.worst.finding.subject, len(one.members) == 1)
                      for one in several],
            "count": [len(one.members) for one in several],
            "bytes": [one.bytes for one in several],
            "usd": [one.usd for one in several],
            "backend": [
                formats.backend_name(one.worst.finding.subject.backend)
                if one.worst.finding.subject.backend else None for one in several
            ],
            "since": pd.to_datetime([one.since_us for one in several], unit="us", utc=True),
            "rule": [one.worst.finding.rule for one in several],
        })  # fmt: skip
        st.dataframe(
            frame.in_dollars(table, "usd"),
            key=_TABLE, hide_index=True, placeholder=formats.UNKNOWN, alt="Findings",
            height=frame.table_height(len(several), _MOST_PIXELS), selection_mode="single-row",
            on_select=lambda: ticked.show(_TABLE, [one.worst.key for one in several], key),
            column_config=_columns(),
        )  # fmt: skip
    ticked.follow()  # the address and the forms are beyond this part


def exported(several: list[Group]) -> pd.DataFrame:
    """One row a finding."""
    rows = [
        {
            "rule": one.finding.rule, "severity": one.finding.severity, "state": one.state,
            "title": one.finding.title, "application": one.finding.subject.application,
            "backend": one.finding.subject.backend, "thread_id": one.finding.subject.thread,
            "graph": one.finding.subject.graph, "channel": one.finding.subject.channel,
            "node": one.finding.subject.node, "since_us": one.since_us,
            "cost_bytes": one.finding.cost.bytes, "cost_usd": one.finding.cost.usd_a_month,
            "why": one.finding.why, "fix": "; ".join(fix.words for fix in one.finding.fixes),
        }
        for group in several for one in group.members
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _columns() -> dict[str, object]:
    config = st.column_config
    return {
        "severity": config.MultiselectColumn(
            "Severity", options=list(_TAGS), color=list(_TAGS.values()), width=100, pinned=True
        ),
        "title": config.TextColumn("Finding", width="large"),
        "where": config.TextColumn("Where", width="medium"),
        "count": config.NumberColumn("Alike", format="localized", width=60,
                                     help="So many threads or objects have the same."),
        "bytes": config.NumberColumn("Bytes", format="bytes",
                                     help="Held without need, as far as it is known."),
        "usd": config.NumberColumn("$ a month"),
        "backend": config.TextColumn("Backend"),
        "since": config.DatetimeColumn("Since", format="distance"),
        "rule": config.TextColumn("Rule"),
    }  # fmt: skip
