"""The tables of the Costs page."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import streamlit as st

from pages.ui import export, filters, formats, frame
from storage import cost_shares
from storage.cost_terms import PARTS, MonthlyCost, Usage
from storage.costs import Costs, usage

_MONEY = ("usd_a_month", "usd_per_thread", "usd_per_1000_runs", *(f"{part}_usd" for part in PARTS))
"""Columns of USD."""


def _usd(label: str, help: str | None = None) -> object:
    return st.column_config.NumberColumn(label, help=help)


def elsewhere(found: Costs) -> None:
    """All threads together on each backend."""
    table = _frame(found, found.elsewhere.values(), found.usages, found.threads)
    with frame.card("costs-elsewhere", height="stretch"):
        export.title(
            "The same threads on each backend", "USD a month", "costs-elsewhere", lambda: table,
            there=not table.empty,
        )  # fmt: skip
        st.caption("All threads of the filters together, with the calls of the window.")
        _draw(table, "costs-elsewhere-table", "Costs of each backend")


def in_use(found: Costs) -> None:
    """Each backend in use with its own threads."""
    ratios = {name: one.ratio for name, one in found.physical.overheads.items()}
    usages = {name: usage(found.measured.workloads, name, ratios, only=name) for name in found.now}
    table = _frame(found, found.now.values(), usages, None)
    with frame.card("costs-now", height="stretch"):
        export.title("In use now", "USD a month", "costs-now", lambda: table, there=not table.empty)
        _draw(table, "costs-now-table", "Costs of the backends in use")


def applications(found: Costs) -> None:
    """The cost of each application and backend: bytes by what it stores, calls by what it makes."""
    table = cost_shares.applications(found)
    table["application"] = [name or formats.UNKNOWN for name in table["application"]]
    table["backend"] = [formats.backend_name(name) for name in table["backend"]]
    with frame.card("costs-applications", height="stretch"):
        export.title(
            "By application", "USD a month", "costs-applications", lambda: table,
            there=not table.empty,
        )  # fmt: skip
        config = st.column_config
        st.dataframe(
            frame.in_dollars(table, *_MONEY), key="costs-applications-table", hide_index=True,
            height="content", placeholder=formats.UNKNOWN, alt="Costs of applications",
            column_config={
                "application": config.TextColumn("Application", pinned=True),
                "backend": config.TextColumn("Backend"),
                "usd_a_month": _usd("USD / month"),
                "complete": config.CheckboxColumn("All known", help="Else it is a lower bound."),
                "threads": config.NumberColumn("Threads", format="localized"),
                "usd_per_thread": _usd("A thread", "USD a month."),
                "usd_per_1000_runs": _usd("1,000 runs", "USD."),
                "stored_bytes": config.NumberColumn("Stored", format="bytes"),
            },
        )  # fmt: skip


def limits(found: Costs) -> None:
    """What can be full, and when."""
    zone = filters.zone()
    table = pd.DataFrame([
        {
            "limit": one.label,
            "met": {"met": "now", "date": formats.day(one.at_us, zone),
                    "later": "not within 12 months"}.get(one.status),
            "range": _range(one.earliest_us, one.latest_us, zone, one.status),
            "used_bytes": one.used_bytes,
            "most_bytes": one.most_bytes,
            "why": one.why,
        }
        for one in found.limits
    ])  # fmt: skip
    with frame.card("costs-limits", height="stretch"):
        export.title(
            "Limits", "expected date and 95 % range", "costs-limits", lambda: table,
            there=not table.empty,
        )  # fmt: skip
        if table.empty:
            st.caption("Nothing in use can be full, as far as it is known.")
            return
        config = st.column_config
        st.dataframe(
            table, key="costs-limits-table", hide_index=True, height="content",
            placeholder=formats.UNKNOWN, alt="Limits",
            column_config={
                "limit": config.TextColumn("Limit", width=190, pinned=True),
                "met": config.TextColumn("Met on"),
                "range": config.TextColumn("From – to", width=260),
                "used_bytes": config.NumberColumn("Used", format="bytes"),
                "most_bytes": config.NumberColumn("Of", format="bytes"),
                "why": config.TextColumn("Why", width="large"),
            },
        )  # fmt: skip


def _range(earliest: int | None, latest: int | None, zone: str | None, status: str) -> str | None:
    if status not in {"date", "later"}:
        return None
    if not earliest:
        return "after 12 months"
    if latest and latest - earliest < 2 * 86_400 * 1_000_000:
        ends = [formats.clock(at, zone)[:16] for at in (earliest, latest)]
    else:
        ends = [formats.day(at, zone) if at else "after 12 months" for at in (earliest, latest)]
    return " – ".join(ends)


def _frame(
    found: Costs, costs: Iterable[MonthlyCost], usages: dict[str, Usage], threads: int | None
) -> pd.DataFrame:
    rows = []
    for cost in costs:
        asked = usages[cost.backend]
        parts = {part.name: part for part in cost.parts}
        overhead = found.physical.overheads.get(cost.backend)
        number = threads if threads is not None else sum(
            one.threads for one in found.measured.workloads if one.backend == cost.backend
        )  # fmt: skip
        least = cost.least_usd
        rows.append({
            "backend": formats.backend_name(cost.backend),
            "service": cost.service or None,
            "total": formats.money(least, cost.usd is None) if least is not None else None,
            **{f"{name}_usd": parts[name].usd if name in parts else None for name in PARTS},
            "usd_per_thread": least / number if least is not None and number else None,
            "stored_bytes": asked.stored_bytes,
            "overhead": overhead.ratio if overhead else None,
            "overhead_from": ("measured" if overhead.measured else "assumed") if overhead else None,
            "unknown": "; ".join(cost.reasons) or None,
        })  # fmt: skip
    return pd.DataFrame(rows)


def _draw(table: pd.DataFrame, key: str, alt: str) -> None:
    if table.empty:
        st.caption("Nothing is stored with these filters.")
        return
    config = st.column_config
    st.dataframe(
        frame.in_dollars(table, *_MONEY), key=key, hide_index=True, height="content", alt=alt,
        placeholder=formats.UNKNOWN,
        column_config={
            "backend": config.TextColumn("Backend", pinned=True),
            "service": config.TextColumn("Service"),
            "total": config.TextColumn("Total", alignment="right", help="≥: a part is unknown."),
            **{
f"{name}_usd": _usd(name.capitalize()) for name in PARTS
            },
            "usd_per_thread": _usd("A thread", "USD a month."),
            "stored_bytes": config.NumberColumn(
                "Stored", format="bytes",
                help="As this backend would hold it, before its own overhead.",
            ),
            "overhead": config.NumberColumn(
                "Overhead", format="%.2f×", help="On disk or in memory, for each stored byte."
            ),
            "overhead_from": config.TextColumn("From"),
            "unknown": config.TextColumn("Unknown", width="large"),
        },
    )  # fmt: skip
