"""Rule: prepared statements behind a pooler such as PgBouncer.

psycopg prepares a statement that it has run ``prepare_threshold`` times; the savers set 0: at once.
In its transaction mode a pooler gives each transaction any session, and the statement is in another
one: https://www.psycopg.org/psycopg3/docs/advanced/prepare.html.
"""

from __future__ import annotations

from collections.abc import Iterable

from collector.findings import failures
from collector.findings.failures import Failure
from collector.findings.look import Look
from collector.findings.rule import CannotLook, Rule
from storage.findings import About, Finding, Fix, Measure

ID = "pooler-prepare"
ERRORS = frozenset({"DuplicatePreparedStatement", "InvalidSqlStatementName"})
"""SQLSTATE 42P05 and 26000."""

ABOUT = About(
    id=ID, title="Prepared statements are lost behind a pooler",
    looks_at="The newest calls of savers for PostgreSQL that failed with "
    f"{' or '.join(sorted(ERRORS))}, and whether the newest check met a pooler.",
)  # fmt: skip

_CODE = """\
from langgraph.checkpoint.postgres{module} import {saver}
from psycopg.rows import dict_row
from psycopg_pool import {pool}

pool = {pool}(
    url, min_size=1, max_size=10, open=False,
    kwargs={{"autocommit": True, "prepare_threshold": None, "row_factory": dict_row}},
)
{wait}pool.open()
saver = {saver}(pool)"""


def look_at(look: Look) -> Iterable[Finding]:
    """Savers whose statements were not there, or were there already."""
    if not look.rows(
        "SELECT 1 FROM savers WHERE backend = 'postgres' AND class_name <> '' LIMIT 1"
    ):
        raise CannotLook(
            "No saver of PostgreSQL is measured: graph = statemeter.instrument(graph) in the "
            "application."
        )
    for one in failures.read(look, "postgres"):
        if one.error in ERRORS:
            yield _finding(look, one)


def code(class_name: str) -> str:
    """The saver over a pool that prepares nothing."""
    is_async = "Async" in class_name
    return _CODE.format(
        module=".aio" if is_async else "",
        saver="AsyncPostgresSaver" if is_async else "PostgresSaver",
        pool="AsyncConnectionPool" if is_async else "ConnectionPool",
        wait="await " if is_async else "",
    )


def _finding(look: Look, one: Failure) -> Finding:
    met = [
        check.value for seen in look.inspections if seen.storage == one.key
        for check in seen.checks if check.id == "pooler"
    ]  # fmt: skip
    return Finding(
        rule=ID, severity="critical",
        title=f"{one.label}: {one.calls:,} calls failed because of prepared statements",
        subject=one.subject,
        measured=[
            Measure(name="failed calls", value=one.calls, unit="count"),
            Measure(name="error", value=one.error),
            Measure(name="pooler that the check met", value=str(met[0]) if met else None),
        ],
        since_us=one.since_us,
        why="A pooler such as PgBouncer, Supavisor or Odyssey gives each transaction any session "
        "of the server. What was prepared in one is not in another, or is there already.",
        fixes=[Fix(words="Prepare nothing: prepare_threshold=None", code=code(one.class_name),
                   language="python",
                   loss="The server parses each statement anew, which takes some 100 µs.")],
        evidence=[one.evidence],
    )  # fmt: skip


RULE = Rule(about=ABOUT, whole=look_at)
