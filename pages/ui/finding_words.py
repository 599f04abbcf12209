"""Findings in words and numbers, the same wherever they are shown."""

from __future__ import annotations

from collections.abc import Callable

from pages.ui import formats
from storage.findings import Cost, Measure, Severity, Subject
from storage.queries_findings import Shown

COLOURS: dict[str, str] = {"critical": "red", "warning": "orange", "info": "blue"}
ICONS: dict[str, str] = {
    "critical": ":material/error:", "warning": ":material/warning:", "info": ":material/info:",
}  # fmt: skip
WORST_FIRST: tuple[Severity, ...] = ("critical", "warning", "info")


_TEXT: dict[str, Callable[[float], str]] = {
    "bytes": formats.size, "us": formats.duration, "share": formats.share,
    "times": formats.factor, "count": formats.count,
    "seconds": lambda value: formats.duration(value * 1e6),
    "ms": lambda value: formats.duration(value * 1e3),
    "per second": lambda value: f"{formats.rate(value)} / s",
}  # fmt: skip


def amount(value: float | str | None, unit: str) -> str:
    """A measured value with its unit."""
    if value is None:
        return formats.UNKNOWN
    if isinstance(value, str):
        return value
    if unit in _TEXT:
        return _TEXT[unit](value)
    number = f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
    return f"{number} {unit}".strip()


def limit(one: Measure) -> str:
    """Its threshold; empty: it has none."""
    return "" if one.limit is None else amount(one.limit, one.unit)


def where(subject: Subject, thread: bool = True) -> str:
    """What a finding is about, from the largest to the smallest part of it; plain text."""
    process = f"process {subject.process[:8]}" if subject.process else ""
    parts = [
        subject.application, subject.thread if thread else "", subject.graph, subject.namespace,
        subject.node and f"node {subject.node}", subject.channel and f"channel {subject.channel}",
        process, subject.detail,
    ]  # fmt: skip
    return " · ".join(part for part in parts if part)


def cost(one: Cost) -> str:
    """What is known of a cost or saving, in a few words; empty: nothing."""
    told = []
    if one.bytes is not None:
        told.append(formats.size(one.bytes))
    if one.bytes_a_month is not None:
        told.append(f"{formats.size(one.bytes_a_month)} a month")
    if one.ms is not None:
        told.append(f"{formats.duration(one.ms * 1e3)} {one.what}".strip())
    if one.usd_a_month is not None:
        told.append(f"{formats.money(one.usd_a_month)} a month")
    return " · ".join(told)


def tags(one: Shown) -> list[str]:
    """Severity, and state where a visitor has settled it."""
    state = [one.state] if one.state in {"acknowledged", "muted"} else []
    return [one.finding.severity, *state]
