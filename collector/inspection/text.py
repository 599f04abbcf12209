"""An inspection as text for a terminal."""

from __future__ import annotations

import textwrap

from storage.inspections import STATUSES, Check, Inspection

WIDTH = 100
_UNITS = ("B", "kB", "MB", "GB", "TB")


def table(found: Inspection) -> str:
    """A line a check, under each what it means and what mends it; the worst come last."""
    lines = [_printable(f"{found.label} ({found.backend}, {found.server})")]
    checks = sorted(found.checks, key=lambda check: STATUSES.index(check.status))
    names = [_printable(_name(check)) for check in checks]
    width = min(60, max(map(len, names), default=0))
    for name, check in zip(names, checks, strict=True):
        lines.append(f"{check.status:<9} {name:<{width}}  {_printable(value(check))}".rstrip())
        if check.why and (check.mend or check.status != "ok"):
            lines += textwrap.wrap(
                _printable(check.why), WIDTH - 10, initial_indent=" " * 10,
                subsequent_indent=" " * 10,
            )  # fmt: skip
        if check.mend:
            lines += [f"{'':<10}{check.language}> {line}" for line in _lines(check.mend)]
    wrong = len(found.wrong)
    took = found.duration_us / 1_000_000
    lines.append(
        f"{wrong or 'nothing'} wrong in {len(checks)} checks, {took:.1f} s; nothing was changed"
    )
    return "\n".join(lines)


def value(check: Check) -> str:
    """The value with its unit, ``~`` before an estimate."""
    number = check.value
    if number is None:
        return "-"
    if isinstance(number, str):
        return number
    mark = "~" if check.estimate else ""
    error = f" ± {_number(check.error, check.unit)}" if check.error is not None else ""
    return f"{mark}{_number(number, check.unit)}{error}"


def _number(number: int | float, unit: str) -> str:
    if unit == "bytes":
        return _bytes(number)
    shown = f"{number:,}" if isinstance(number, int) else f"{number:,.1f}"
    return f"{shown} {unit}".strip()


def _bytes(number: float) -> str:
    size, power = float(number), 0
    while abs(size) >= 999.5 and power < len(_UNITS) - 1:
        size /= 1000
        power += 1
    return f"{size:.3g} {_UNITS[power]}" if power else f"{number:.0f} B"


def _name(check: Check) -> str:
    return f"{check.what}: {check.subject}" if check.subject else check.what


def _lines(text: str) -> list[str]:
    return [_printable(line) for line in text.splitlines()]


def _printable(text: str) -> str:
    """Control characters escaped: names come from somebody else's database."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
