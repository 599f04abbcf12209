"""Rule: writers of a SQLite file wait for each other, or its WAL cannot be emptied.

SQLite has one writer at a time. Another one waits for as long as its connection's timeout (5 s by
default, https://docs.python.org/3/library/sqlite3.html#sqlite3.connect), then fails with
``OperationalError: database is locked``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from collector.findings import checks, failures
from collector.findings.failures import Failure
from collector.findings.look import Look
from collector.findings.rule import CannotLook, Rule, threshold
from storage.findings import About, Cost, Finding, Fix, Measure
from storage.inspections import Inspection

ID = "sqlite-locked"
ERROR = "OperationalError"

ABOUT = About(
    id=ID, title="Writers of a SQLite file wait for each other",
    looks_at="The newest calls of savers for SQLite: those that failed with OperationalError after "
    "a wait, those that took long, and how many processes make them; locks and the WAL in the "
    "newest check of each file.",
    thresholds=[
        threshold("wait", 1_000_000, "us", 1_000, 1e9,
                  "A call that took so long has waited: a write takes some ms. The timeout of a "
                  "connection is 5 s by default."),
        threshold("calls", 3, "count", 1, 1e6,
                  "Fewer slow calls may be those of a busy machine."),
        threshold("wal", 64e6, "bytes", 1e6, 1e12,
                  "SQLite empties a WAL at 4 MB unless a reader keeps it from that."),
    ],
)  # fmt: skip

_SAVER = """\
import sqlite3

from langgraph.checkpoint.sqlite import SqliteSaver

connection = sqlite3.connect(path, check_same_thread=False, timeout=30)
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("PRAGMA synchronous=NORMAL")
saver = SqliteSaver(connection)  # one for the whole process"""
_POSTGRES = """\
from langgraph.checkpoint.postgres import PostgresSaver

with PostgresSaver.from_conn_string(url) as saver:
    saver.setup()"""
_USED_UP = "rows = list(saver.list(config, limit=20))  # used up: the read is over"


def look_at(look: Look) -> Iterable[Finding]:
    """Calls that waited, and what checks of files saw."""
    files = [one for one in look.inspections if one.backend == "sqlite" and not one.problem]
    if not files and not look.rows("SELECT 1 FROM savers WHERE backend = 'sqlite' LIMIT 1"):
        raise CannotLook(
            "No saver of SQLite is measured, and no file was checked. Check one: "
            "python -m collector check app.sqlite"
        )
    for one in failures.read(look, "sqlite", slow_us=look.limits["wait"]):
        if one.error == ERROR:
            # By its class alone it may be another fault: only after a wait, or where another
            # process writes the file, it is a lock.
            if one.longest_us >= look.limits["wait"] or one.processes > 1:
                yield _calls(look, one, failed=True)
        elif not one.error and one.calls >= look.limits["calls"]:
            yield _calls(look, one, failed=False)
    for seen in files:
        yield from _file(look, seen)


def _calls(look: Look, one: Failure, *, failed: bool) -> Finding:
    mean_us = one.duration_us / one.calls
    title = f"{one.label}: {one.calls:,} calls took {mean_us / 1e6:,.1f} s on average"
    if failed:
        title = f"{one.label}: {one.calls:,} calls failed after up to {one.longest_us / 1e6:,.1f} s"
    return Finding(
        rule=ID, severity="critical" if failed else "warning", title=title,
        subject=replace(one.subject, detail="failed") if failed else one.subject,
        measured=[
            Measure(name="failed calls" if failed else "slow calls", value=one.calls, unit="count"),
            *([Measure(name="error", value=ERROR)] if failed else []),
            Measure(name="longest", value=one.longest_us, unit="us", limit=look.limits["wait"]),
            Measure(name="mean", value=mean_us, unit="us"),
            Measure(name="processes that make them", value=one.processes, unit="count"),
        ],
        since_us=one.since_us,
        why="One connection writes a SQLite file at a time; the others wait, and fail with "
        "'database is locked' when their timeout is over."
        + (" The text of the error is in the application's log." if failed else ""),
        fixes=[
            Fix(words="One saver for a process, patience of 30 seconds, and less to wait for",
                code=_SAVER, language="python",
                loss="After a power cut the newest transactions may be gone (synchronous=NORMAL); "
                "the file stays sound."),
            Fix(words="For several processes: PostgreSQL, which has many writers at a time",
                code=_POSTGRES, language="python", loss="A server to run."),
        ],
        evidence=[one.evidence],
        cost=Cost(ms=mean_us / 1000, what="a call of these"),
    )  # fmt: skip


def _file(look: Look, seen: Inspection) -> Iterator[Finding]:
    for check in seen.checks:
        value = check.value if isinstance(check.value, int | float) else 0
        if check.id == "wal.size" and value > look.limits["wal"]:
            yield checks.finding(
                ID, seen, check, f"{seen.label}: its WAL has {value / 1e6:,.0f} MB",
                measured=[checks.measure(check, limit=look.limits["wal"])],
                why="It grows while a reader or a long transaction is open, and slows every read. "
                "A saver's list() holds one until it is used up.",
                fixes=[
                    Fix(words="Use list() up at once", code=_USED_UP, language="python"),
                    Fix(words="Empty it, once no reader is open", language="sql",
                        code="PRAGMA wal_checkpoint(TRUNCATE);", saving=Cost(bytes=value)),
                ],
                cost=Cost(bytes=value),
            )  # fmt: skip
        elif check.id == "locks.writer":
            yield checks.finding(
                ID, seen, check, f"{seen.label}: {check.value} keeps a write transaction open",
                fixes=[
                    Fix(words="Commit sooner, and keep to one saver for a process", code=_SAVER,
                        language="python"),
                    checks.mending(check, "If it hangs, end it", "What it has not committed."),
                ],
            )  # fmt: skip
        elif check.id == "journal" and check.status == "warning":
            yield checks.finding(
                ID, seen, check, f"{seen.label}: readers and the writer block each other",
                fixes=[checks.mending(check, "Set the journal to WAL again")],
            )  # fmt: skip


RULE = Rule(about=ABOUT, whole=look_at)
