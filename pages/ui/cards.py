"""The figures on top of the Overview. Each says what it is now and how that differs."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.ui import cost_cards, data_costs, formats
from storage.queries import Overview

NOW_SHARE = 15
"""What "now" means: the newest 1/15 of the window (1 min of 15, 4 of an hour), long enough for a
rate."""
NO_CURVE = np.zeros(0)


def draw(data: Overview, window: str) -> None:
    """Draws the cards.

    Args:
        data: what is shown.
        window: its name.
    """
    # All beside each other on a wide screen, fewer in a row on a narrow one.
    with st.container(horizontal=True, key="cards", gap="small"):
        _stored(data, window)
        _active(data, window)
        _writes(data, window)
        _latency(data, window)
        _serializing(data, window)
        _cost(data)


def _stored(data: Overview, window: str) -> None:
    levels = data.levels.sum(axis=1).to_numpy(np.float64)
    now = levels[-1] if data.levels.shape[1] else None
    change = now - levels[0] if now is not None else None
    _metric(
        "Stored bytes",
        formats.size(now),
        formats.size(change, signed=True) if change else change,
        f"in {window}",
        levels,
        color="inverse",
        help="What the backends hold now: checkpoint documents, channel blobs and pending "
        "writes, without metadata and without the backend's own overhead.",
    )


def _active(data: Overview, window: str) -> None:
    _metric(
        "Active threads",
        formats.count(data.active_threads),
        formats.count(data.new_threads, signed=True) if data.new_threads else data.new_threads,
        "new" if data.new_threads >= 0 else "gone",
        data.rates["threads"].to_numpy(np.float64),
        color="off",
        help=f"Threads with a saver call in the last {window}. The curve is the number of "
        "threads that exist.",
    )


def _writes(data: Overview, window: str) -> None:
    rates = data.rates
    seconds = rates["seconds"].to_numpy(np.float64)
    writes = rates["writes"].to_numpy(np.float64)
    newest = _newest(data)
    now = _ratio(writes[newest].sum(), seconds[newest].sum())
    mean = _ratio(writes.sum(), seconds.sum())
    change = None if now is None or mean is None else now - mean
    full = seconds > 0
    if data.found_writes and not writes.any():
        now = change = None  # there are writes, and nobody saw them called
    _metric(
        "Writes / s",
        formats.rate(now),
        formats.rate(change, signed=True) if change else change,
        f"vs {window} mean",
        _fewer(writes[full], seconds[full]),
        kind="bar",
        color="off",
        help="put and put_writes calls that reached a backend, by second, as probes saw them.",
        without=_without(data),
    )


def _latency(data: Overview, window: str) -> None:
    latency = data.latency
    whole = data.window_latency[0.95]
    begin = data.grid.end_us - (data.grid.end_us - data.grid.start_us) // NOW_SHARE
    newest = latency[latency["at_us"] >= begin]
    # The slots' own quantiles, weighted: near enough to say whether it goes up or down.
    now = float(np.average(newest["p95"], weights=newest["count"])) if len(newest) else None
    change = None if now is None or whole is None else now - whole
    _metric(
        "p95 write latency",
        formats.duration(whole),
        formats.duration(change, signed=True) if change else change,
        "lately",
        latency["p95"].to_numpy(np.float64),
        color="inverse",
        help=f"95 of 100 checkpoint writes (put) in the last {window} took no longer.",
        without=_without(data),
    )


def _serializing(data: Overview, window: str) -> None:
    rates = data.rates
    took = rates["duration_us"].to_numpy(np.float64)
    serde = rates["serde_us"].to_numpy(np.float64)
    newest = _newest(data)
    now = _ratio(serde[newest].sum(), took[newest].sum())
    whole = _ratio(serde.sum(), took.sum())
    change = None if now is None or whole is None else now - whole
    used = took > 0
    _metric(
        "Serialization share",
        formats.share(whole),
        formats.share(change, signed=True) if change else change,
        "lately",
        serde[used] / took[used],
        color="inverse",
        help=f"Part of the time of all writes in the last {window} that went into serializing.",
        without=_without(data),
    )


def _without(data: Overview) -> str:
    """Why a figure of calls has nothing to be compared with."""
    seen = data.rates["writes"].any() or not data.found_writes
    return "no writes lately" if seen else "no probe saw them"


def _cost(data: Overview) -> None:
    found = data_costs.card(data.totals)
    usd, whole = found.total
    curve = found.forecast["usd"].to_numpy(np.float64) if found.forecast is not None else NO_CURVE
    st.metric(
        "Projected cost",
        cost_cards.a_month(usd, whole),
        cost_cards.unknown_parts(found),
        delta_color="off",
        delta_arrow="off",
        chart_data=curve.tolist() if len(curve) > 1 else None,
        chart_type="area",
        border=True,
        help="USD a month of the backends in use, at what they hold now and at the calls of the "
        "window; the curve is the next 12 months, where their growth is known. ≥: a part has no "
        "price: see [Costs](costs).",
        width="stretch",
        height="stretch",
    )


def _newest(data: Overview) -> np.ndarray:
    begin = data.grid.end_us - (data.grid.end_us - data.grid.start_us) // NOW_SHARE
    return np.asarray(data.rates["at_us"].to_numpy(np.int64) >= begin - data.grid.slot_us)


def _fewer(parts: np.ndarray, wholes: np.ndarray, bars: int = 40) -> np.ndarray:
    """Ratios over neighbours, few enough to be drawn as bars."""
    if len(parts) <= bars:
        return np.asarray(parts / wholes)
    edges = np.linspace(0, len(parts), bars, endpoint=False, dtype=np.int64)
    return np.asarray(np.add.reduceat(parts, edges) / np.add.reduceat(wholes, edges))


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def _metric(
    label: str,
    value: str,
    delta: str | float | None,
    against: str,
    curve: np.ndarray,
    *,
    color: str,
    help: str,
    kind: str = "area",
    without: str = "no writes lately",
) -> None:
    # A card without a row for the change would not stand in line with the others.
    moved = any(digit in "123456789" for digit in str(delta))  # neither by None nor by +0.0 %
    change = without if delta is None else delta if moved else "no change"
    st.metric(
        label,
        value,
        change,
        delta_color=color if moved else "off",
        delta_arrow="auto" if moved else "off",
        delta_description=against if delta is not None else None,
        chart_data=curve.tolist() if len(curve) > 1 else None,
        chart_type=kind,
        border=True,
        help=help,
        width="stretch",
        height="stretch",
    )
