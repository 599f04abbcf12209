"""From checks of a database (``python -m collector check``) to findings."""

from __future__ import annotations

from collections.abc import Iterable

from collector.findings.look import Look
from collector.findings.rule import CannotLook
from storage.findings import Cost, Evidence, Finding, Fix, Measure, Severity, Subject
from storage.inspections import Check, Inspection

_URLS = {
    "postgres": "postgresql://user:password@host/database", "sqlite": "app.sqlite",
    "redis": "redis://host:6379", "valkey": "valkey://host:6379",
    "mongodb": "mongodb://host/database",
}  # fmt: skip
_UNITS = {"bytes": "bytes", "seconds": "seconds"}


def inspected(look: Look, *backends: str) -> list[Inspection]:
    """The newest check of each database of these backends that could be looked at.

    Raises:
        CannotLook: none was checked.
    """
    found = [one for one in look.inspections if one.backend in backends and not one.problem]
    if not found:
        raise CannotLook(
            f"No database of {' or '.join(backends)} has been checked. Check one: "
            f"python -m collector check {_URLS[backends[0]]}, or the form of the page Backends."
        )
    return found


def value(seen: Inspection, id: str, subject: str = "") -> float | None:
    """The number that a check found; None: it is unknown, or no number."""
    for check in seen.checks:
        if check.id == id and check.subject == subject and isinstance(check.value, int | float):
            return check.value
    return None


def mending(check: Check, words: str, loss: str = "", saving: Cost | None = None) -> Fix:
    """The statement of a check as a fix."""
    return Fix(words=words, code=check.mend, language=check.language, loss=loss, saving=saving)


def measure(check: Check, name: str = "", limit: float | None = None) -> Measure:
    """What a check found."""
    unit = "" if isinstance(check.value, str) else _UNITS.get(check.unit, "count")
    about = f"{name or check.what}{', about' if check.estimate else ''}"
    return Measure(name=about, value=check.value, unit=unit, limit=limit)


def finding(
    rule: str, seen: Inspection, check: Check, title: str, *, fixes: list[Fix],
    why: str = "", severity: Severity = "warning", measured: Iterable[Measure] = (),
    cost: Cost | None = None,
) -> Finding:  # fmt: skip
    """A finding about what a check looked at; it begins with the check that saw it first."""
    told = list(measured) or [measure(check)]
    return Finding(
        rule=rule, severity=severity, title=title,
        subject=Subject(
            backend=seen.backend, saver=seen.storage, detail=f"{check.id} {check.subject}".strip()
        ),
        measured=[*told, Measure(name="database", value=seen.label)],
        since_us=seen.at_us, why=why or check.why, fixes=fixes,
        evidence=[Evidence(page="backends", words="The check of this database")],
        cost=cost or Cost(),
    )  # fmt: skip
