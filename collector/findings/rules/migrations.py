"""Rule: ``setup()`` was not run, not since an upgrade, or not to its end."""

from __future__ import annotations

from collections.abc import Iterable

from collector.findings import checks, failures
from collector.findings.failures import Failure
from collector.findings.look import Look
from collector.findings.rule import CannotLook, Rule
from collector.inspection.postgres_setup import SETUP_SAVER
from storage.findings import About, Finding, Fix, Measure
from storage.inspections import Check, Inspection

ID = "migrations"
BACKENDS = frozenset({"postgres", "sqlite", "mongodb"})
MISSING = frozenset({"UndefinedTable", "UndefinedColumn"})
"""Errors of PostgreSQL, https://www.postgresql.org/docs/current/errcodes-appendix.html."""

ABOUT = About(
    id=ID, title="Tables are not there, or are those of an older version",
    looks_at="Tables, their migrations and invalid indexes in the newest check of each database; "
    "the newest calls of PostgreSQL that failed for want of a table.",
)  # fmt: skip


def look_at(look: Look) -> Iterable[Finding]:
    """Checks of tables, and calls that found none."""
    databases = [one for one in look.inspections if one.backend in BACKENDS and not one.problem]
    failed = [one for one in failures.read(look, "postgres") if one.error in MISSING]
    known = look.rows("SELECT 1 FROM savers WHERE backend = 'postgres' AND class_name <> ''")
    if not databases and not known:
        raise CannotLook(
            "No database has been checked, and no saver of PostgreSQL is measured. Check one: "
            "python -m collector check postgresql://user:password@host/database"
        )
    for seen in databases:
        for check in seen.wrong:
            if check.id in ("setup", "setup.store"):
                yield _behind(seen, check)
            elif check.id == "index" and check.value == "invalid":
                yield _invalid(seen, check)
    for one in failed:
        yield _failed(one)


def _behind(seen: Inspection, check: Check) -> Finding:
    return checks.finding(
        ID, seen, check, f"{seen.label}: {check.what}: {check.value}",
        severity="critical" if check.status == "critical" else "warning",
        fixes=[
            checks.mending(check, "Add the column") if check.language == "sql" else
            checks.mending(check, "Run setup() once, before the application starts",
                           "It may make indexes, which takes a while on large tables."),
        ],
    )  # fmt: skip


def _invalid(seen: Inspection, check: Check) -> Finding:
    return checks.finding(
        ID, seen, check, f"{seen.label}: the index {check.subject} is invalid",
        severity="critical",
        fixes=[checks.mending(check, "Make it anew, while the application runs")],
    )  # fmt: skip


def _failed(one: Failure) -> Finding:
    setup = SETUP_SAVER
    if one.class_name.startswith("Async"):
        setup = (
            "from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver\n"
            "async with AsyncPostgresSaver.from_conn_string(url) as saver:\n"
            "    await saver.setup()"
        )
    return Finding(
        rule=ID, severity="critical",
        title=f"{one.label}: {one.calls:,} calls failed for want of a table or column",
        subject=one.subject,
        measured=[
            Measure(name="failed calls", value=one.calls, unit="count"),
            Measure(name="error", value=one.error),
        ],
        since_us=one.since_us,
        why="The tables are those of no version, or of an older one than the package: setup() was "
        "not run on this database, or not since an upgrade.",
        fixes=[Fix(words="Run setup() once, before the application starts", code=setup,
                   language="python")],
        evidence=[one.evidence],
    )  # fmt: skip


RULE = Rule(about=ABOUT, whole=look_at)
