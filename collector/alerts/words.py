"""What a message says: all that changed together, in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from storage.alerts import METRICS, Rule, Subject, amount, told

LINES_MOST = 20
SUBJECT_MOST = 120


@dataclass(frozen=True)
class Told:
    """A line of a message."""

    rule: Rule
    subject: Subject
    change: str
    """fired or resolved."""
    value: float | None
    since_us: int
    """When it went past its threshold."""
    detail: str = ""


def message(lines: Sequence[Told], key: str) -> tuple[str, str, str]:
    """Kind (as Apprise has them), title and body of a message with the id ``key``."""
    fired = [one for one in lines if one.change == "fired"]
    resolved = [one for one in lines if one.change == "resolved"]
    worst = {one.rule.severity for one in fired}
    kind = "success" if not fired else next(
        (kind for name, kind in (("critical", "failure"), ("warning", "warning")) if name in worst),
        "info",
    )  # fmt: skip
    if len(lines) == 1:
        (one,) = lines
        word = "Firing" if fired else "Resolved"
        title = f"{word}: {plain(one.rule.title)} – {plain(one.subject.words)}"
    else:
        parts = [f"{len(fired)} firing"] * bool(fired) + [f"{len(resolved)} resolved"] * bool(
            resolved
        )
        title = f"Statemeter: {', '.join(parts)}"
    ranks = ("critical", "warning", "info")
    ordered = sorted(fired, key=lambda one: ranks.index(one.rule.severity)) + resolved
    body = [_line(one) for one in ordered[:LINES_MOST]]
    if len(ordered) > LINES_MOST:
        body.append(f"… and {len(ordered) - LINES_MOST} more: see the page Alerts.")
    body.append(f"[Statemeter {key[:12]}]")
    return kind, title, "\n".join(body)


def trial(key: str) -> tuple[str, str, str]:
    """The same of a message that tells of nothing."""
    return "info", "Statemeter: test", f"This target works.\n[Statemeter {key[:12]}]"


def plain(text: str) -> str:
    """Text of the user's data for a chat or mail: one line, short, and nobody is called by it."""
    line = "".join(c if c.isprintable() else " " for c in text)
    line = line.replace("<", "‹").replace(">", "›").replace("@", "@\u2060")
    return line if len(line) <= SUBJECT_MOST else f"{line[: SUBJECT_MOST - 1]}…"


def _line(one: Told) -> str:
    unit = METRICS[one.rule.metric].unit
    since = datetime.fromtimestamp(one.since_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    where = f"{plain(one.rule.title)} – {plain(one.subject.words)}"
    if one.change == "resolved":
        return f"RESOLVED {where}: {one.detail or 'within its limit again'} (since {since})"
    value = amount(unit, one.value)
    return f"{one.rule.severity.upper()} {where}: {value}, since {since} ({told(one.rule)})"
