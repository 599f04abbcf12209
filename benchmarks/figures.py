"""What all benchmarks share: figures with their floor and bound, and facts about the machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sqlite3
import statistics
from collections.abc import Sequence
from typing import Any

PACKAGES = ("langgraph", "langgraph-checkpoint", "msgspec", "msgpack", "sqlalchemy", "streamlit")


def figure(
    name: str,
    value: float,
    unit: str,
    *,
    bound: str = "",
    floor: float | None = None,
    spread: Sequence[float] = (),
) -> dict[str, Any]:
    """One result.

    ``bound`` is what it has to keep, such as ``<= 1.03``; ``floor`` what the method shows where
    there is nothing to measure; ``spread`` the first and third quartile.
    """
    return {
        "name": name,
        "value": round(value, 4),
        "unit": unit,
        "bound": bound,
        "floor": None if floor is None else round(floor, 4),
        "spread": [round(limit, 4) for limit in spread],
        "kept": keeps(value, bound),
    }


def keeps(value: float, bound: str) -> bool | None:
    """Whether a value keeps a bound ``<= x``, ``< x`` or ``>= x``; None without one."""
    if not bound:
        return None
    sign, _, limit = bound.partition(" ")
    return {
        "<=": value <= float(limit),
        "<": value < float(limit),
        ">=": value >= float(limit),
    }[sign]


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """First and third quartile."""
    if len(values) < 2:
        return (values[0], values[0])
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return (first, third)


def percentile(values: Sequence[float], share: float) -> float:
    """By nearest rank; ``share`` from 0 to 1."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def machine() -> dict[str, Any]:
    """Where the figures were made."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "packages": versions,
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.partition(":")[2].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor()
