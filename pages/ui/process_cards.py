"""The figures on top of one process."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui import filters, formats
from storage.queries import SECOND_US
from storage.queries_processes import Process


def draw(found: Process) -> None:
    """Draws the cards."""
    levels, window = found.series.levels, filters.window()
    rss, cpu = _known(levels, "rss_bytes"), _cpu(found)
    with st.container(horizontal=True, key="cards", gap="small"):
        _metric("Resident memory", formats.size(_last(rss)), _change(rss, window), rss,
                "RSS: pages of this process that are in the machine's memory now.")  # fmt: skip
        unique = _known(levels, "uss_bytes")
        swap = _last(_known(levels, "swap_bytes"))
        _metric("Unique memory", formats.size(_last(unique)), f"{formats.size(swap)} in swap",
                unique,
                "USS: what would be free again if the process ended. Read every 10 s.")  # fmt: skip
        _metric("CPU", formats.share(_last(cpu) / 100 if len(cpu) else None), "of one core", cpu,
                "User and system time, since the reading before.")  # fmt: skip
        _limit(found)
        lag, pause = (_known(found.series.peaks, name) for name in ("loop_lag_us", "gc_worst_us"))
        _metric("Event-loop lag", formats.duration(_most(lag)), f"worst of {window}", lag,
                "How late an event loop came round to what was ready, while runs were under way. "
                "–: no async run.")  # fmt: skip
        _metric("Longest gc pause", formats.duration(_most(pause)), _paused(found), pause,
                "The garbage collector stops all threads of the process.")  # fmt: skip


def _limit(found: Process) -> None:
    last = found.series.last
    limit, used = last.get("limit_bytes"), last.get("used_bytes")
    if limit is not None and used is not None:
        left = formats.size(max(0.0, limit - used))
        _metric("Container limit", formats.size(limit), f"{left} left", np.array([]),
                "Of its cgroup: the tightest limit around the process. Pages of files that the "
                "kernel can take back count as free.")  # fmt: skip
        return
    available = last.get("available_bytes")
    _metric("Machine memory left", formats.size(available),
            f"of {formats.size(last.get('machine_bytes'))}", np.array([]),
            "No container limits this process.")  # fmt: skip


def _paused(found: Process) -> str:
    grown = found.series.grown
    if "gc_pause_us" not in grown:
        return "not timed"
    seconds = len(grown) * found.series.grid.slot_us / SECOND_US
    return f"{formats.share(float(grown['gc_pause_us'].sum()) / 1e6 / seconds)} of the time"


def _cpu(found: Process) -> np.ndarray:
    known = _known(found.series.levels, "cpu_percent")
    if len(known):
        return known
    grown = found.series.grown.get("cpu_us", pd.Series(dtype=float)).to_numpy(np.float64)
    return np.asarray(grown / found.series.grid.slot_us * 100)


def _known(table: pd.DataFrame, name: str) -> np.ndarray:
    return table[name].dropna().to_numpy(np.float64) if name in table else np.array([])


def _last(values: np.ndarray) -> float | None:
    return float(values[-1]) if len(values) else None


def _most(values: np.ndarray) -> float | None:
    return float(values.max()) if len(values) else None


def _change(values: np.ndarray, window: str) -> str:
    return f"{formats.size(values[-1] - values[0], signed=True)} in {window}" if len(values) else ""


def _metric(label: str, value: str, note: str, curve: np.ndarray, told: str) -> None:
    st.metric(
        label, value, note or "unknown", delta_color="off", delta_arrow="off", border=True,
        help=told, height="stretch", chart_type="area",
        chart_data=curve[-120:].tolist() if len(curve) > 1 else None,
    )  # fmt: skip
