"""Numbers, durations and times as text: ``–`` where nothing is known, never a 0 in its place."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TypeGuard
from zoneinfo import ZoneInfo

UNKNOWN = "–"

BACKENDS = {
    "postgres": ("PostgreSQL", 0),
    "redis": ("Redis", 1),
    "mongodb": ("MongoDB", 2),
    "sqlite": ("SQLite", 3),
    "memory": ("In memory", 4),
    "valkey": ("Valkey", 5),
    "other": ("Other", 8),
}
"""Backend → name and place among the chart colours of the theme, the same on every page."""


def backend_name(backend: str) -> str:
    """What a backend is called."""
    return BACKENDS.get(backend, (backend or UNKNOWN, 8))[0]


def known(value: float | None) -> TypeGuard[float]:
    """Whether there is a number."""
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def size(value: float | None, signed: bool = False) -> str:
    """Bytes in decimal units: 1 KB = 1000 B."""
    if not known(value):
        return UNKNOWN
    sign = "+" if signed and value >= 0 else "-" if value < 0 else ""
    amount = abs(float(value))
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if amount < 999.5 or unit == "TB":
            break
        amount /= 1000
    return f"{sign}{_three_digits(amount) if unit != 'B' else f'{amount:.0f}'} {unit}"


def duration(value_us: float | None, signed: bool = False) -> str:
    """µs as µs, ms, s, min or h."""
    if not known(value_us):
        return UNKNOWN
    sign = "+" if signed and value_us >= 0 else "-" if value_us < 0 else ""
    amount = abs(float(value_us))
    for unit, length in (("µs", 1000), ("ms", 1000), ("s", 60), ("min", 60), ("h", 48)):
        if amount < length * 0.9995 or unit == "h":
            return f"{sign}{_three_digits(amount) if unit != 'µs' else f'{amount:.0f}'} {unit}"
        amount /= length
    raise AssertionError("not reached")


def count(value: float | None, signed: bool = False) -> str:
    """A count with separators."""
    if not known(value):
        return UNKNOWN
    return f"{int(value):+,}" if signed else f"{int(value):,}"


def rate(value: float | None, signed: bool = False) -> str:
    """Something by second, with as many digits as it deserves."""
    if not known(value):
        return UNKNOWN
    sign = "+" if signed and value >= 0 else "-" if value < 0 else ""
    amount = abs(float(value))
    return f"{sign}{amount:,.0f}" if amount >= 100 else f"{sign}{amount:.1f}"


def share(value: float | None, signed: bool = False) -> str:
    """A share of 1 in percent."""
    if not known(value):
        return UNKNOWN
    return f"{value * 100:{'+' if signed else ''}.{0 if abs(value) >= 0.1 else 1}f} %"


def money(value: float | None, least: bool = False, signed: bool = False) -> str:
    """USD with as many digits as it deserves; ``least``: a part of it is unknown."""
    if not known(value):
        return UNKNOWN
    sign = "+" if signed and value >= 0 else "-" if value < 0 else ""
    amount = abs(float(value))
    if amount >= 999_500:
        text = f"{_three_digits(amount / 1e6)}M"
    elif amount >= 99.95:
        text = f"{amount:,.0f}"
    elif amount >= 0.995 or not amount:
        text = f"{amount:.2f}"
    else:
        text = f"{amount:.2f}" if amount >= 0.095 else f"{max(amount, 0.0001):.2g}"
        sign = f"<{sign}" if amount < 0.0001 else sign
    return f"{'≥ ' if least else ''}{sign}${text}"


def day(at_us: float | None, zone: str | None) -> str:
    """A date in the visitor's time zone."""
    return clock(at_us, zone)[:10]


def tokens(value: float | None) -> str:
    """A number of tokens, to three digits."""
    if not known(value):
        return UNKNOWN
    amount = float(value)
    for unit in ("", " K", " M", " B"):
        if amount < 999.5 or unit == " B":
            break
        amount /= 1000
    return f"{_three_digits(amount) if unit else f'{amount:.0f}'}{unit}"


def factor(value: float | None) -> str:
    """How many times."""
    if not known(value):
        return UNKNOWN
    return f"{value:,.0f}×" if value >= 100 else f"{value:.1f}×"


def ago(at_us: float | None, now_us: float) -> str:
    """How long ago, in the largest unit that tells it."""
    if not known(at_us) or not at_us:
        return UNKNOWN
    seconds = max(0, (now_us - at_us) / 1_000_000)
    for length, unit in ((86_400 * 2, "d"), (7200, "h"), (120, "min")):
        if seconds >= length:
            by = {"d": 86_400, "h": 3600, "min": 60}[unit]
            return f"{seconds // by:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


def clock(at_us: float | None, zone: str | None, date: bool = True) -> str:
    """A moment in the visitor's time zone."""
    if not known(at_us) or not at_us:
        return UNKNOWN
    moment = datetime.fromtimestamp(at_us / 1_000_000, ZoneInfo(zone or "UTC"))
    return moment.strftime("%Y-%m-%d %H:%M:%S" if date else "%H:%M:%S")


def _three_digits(amount: float) -> str:
    return f"{amount:.{2 if amount < 9.995 else 1 if amount < 99.95 else 0}f}"
