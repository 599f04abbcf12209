"""The figures on top of the Costs page, and the one on the Overview."""

from __future__ import annotations

import streamlit as st

from pages.ui import filters, formats
from storage.cost_limits import Limit
from storage.costs import Costs


def draw(found: Costs) -> None:
    """Draws the cards."""
    with st.container(horizontal=True, key="cards", gap="small"):
        _now(found)
        _later(found)
        _limit(found)
        _runs(found)
        _context(found)


def _usd(usd: float | None, whole: bool) -> str:
    return formats.UNKNOWN if usd is None else formats.money(usd, not whole)


def a_month(usd: float | None, whole: bool) -> str:
    """USD a month; a lower bound where a part is unknown."""
    return formats.UNKNOWN if usd is None else f"{_usd(usd, whole)} / mo"


def unknown_parts(found: Costs) -> str:
    """How many of the backends in use have an unknown part, in words."""
    number = sum(one.usd is None for one in found.now.values())
    return f"{number} of {len(found.now)} incomplete" if number else "all prices known"


def _now(found: Costs) -> None:
    usd, whole = found.total
    _metric(
        "Cost a month", _usd(usd, whole), unknown_parts(found),
        "USD a month of all backends in use, at what they hold now and at the calls of the last "
        f"{filters.window()}. ≥: a part is unknown, and counted nowhere.",
    )  # fmt: skip


def _later(found: Costs) -> None:
    frame = found.forecast
    if frame is None:
        _metric("A month, in 12 months", formats.UNKNOWN, found.forecast_why,
                "Growth is not guessed: it takes history.")  # fmt: skip
        return
    last = frame.iloc[-1]
    whole = found.total[1]
    _metric(
        "A month, in 12 months", _usd(float(last["usd"]), whole),
        f"{formats.money(float(last['low']))} to {formats.money(float(last['high']))}",
        "What a month costs in 12 months if what is stored grows as fitted, at today's calls. "
        "Below it: the 95 % range.",
    )  # fmt: skip


def _limit(found: Costs) -> None:
    first = found.limits[0] if found.limits else None
    if first is None:
        _metric("Next limit", formats.UNKNOWN, "no limit is known", "Enter a disk or maxmemory.")
        return
    _metric(
        "Next limit", _when(first), first.label,
        "The first of: a full disk, Redis's maxmemory, MongoDB's 16 MB document. The table below "
        "has each with its range.",
    )  # fmt: skip


def _when(limit: Limit) -> str:
    if limit.status == "met":
        return "now"
    if limit.status == "date":
        return formats.day(limit.at_us, filters.zone())
    return "not in 12 months" if limit.status == "later" else formats.UNKNOWN


def _runs(found: Costs) -> None:
    usd, whole = found.total
    runs = found.runs_a_month
    each = usd / runs * 1000 if usd is not None and runs else None
    _metric(
        "Per 1,000 runs", formats.money(each, not whole) if each is not None else formats.UNKNOWN,
        f"{formats.tokens(runs)} runs a month" if runs else "no run in this window",
        "This month's cost by the runs of graphs, at the rate of the window.",
    )  # fmt: skip


def _context(found: Costs) -> None:
    context = found.context
    value = formats.UNKNOWN
    if context.usd_a_month is not None:
        value = formats.money(context.usd_a_month)
    elif context.tokens_a_month is not None:
        value = f"{formats.tokens(context.tokens_a_month)} tokens"
    told = "a month, price unknown" if context.tokens_a_month else "no messages seen"
    if context.usd_a_month is not None:
        told = f"{formats.tokens(context.tokens_a_month)} tokens a month, estimated"
    _metric(
        "Messages as context", value, told,
        "Tokens of messages that models are sent again at each call: estimated from bytes. It is "
        "no part of the other figures.",
    )  # fmt: skip


def _metric(label: str, value: str, told: str, help: str) -> None:
    st.metric(
        label, value, told, delta_color="off", delta_arrow="off", border=True, help=help,
        width="stretch", height="stretch",
    )  # fmt: skip
