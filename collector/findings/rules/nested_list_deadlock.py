"""Rule: a call of a saver that does not come back.

``for t in saver.list(config): saver.get_tuple(t.config)`` hangs with SqliteSaver: its ``list``
holds the saver's only lock while its caller works on a row. The probe sees such calls on the stacks
of threads; one in a coroutine is on no stack.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row

from collector.findings.look import Look
from collector.findings.rule import CannotLook, Rule, threshold
from storage.findings import About, Evidence, Finding, Fix, Measure, Subject
from storage.gauges import decode
from storage.queries_gauges import FRESH_US

ID = "nested-list-deadlock"
PREFIX = "stuck_calls:"

ABOUT = About(
    id=ID, title="A call of a saver does not come back",
    looks_at="Calls of savers that are under way in the threads of each process, every five "
    "seconds. Calls in coroutines (AsyncSqliteSaver and the like) cannot be seen.",
    thresholds=[
        threshold("open", 30, "seconds", 10, 86_400,
                  "A saver call takes ms, and gives up a lock of the database after some seconds. "
                  "The probe tells calls from 10 seconds on."),
    ],
)  # fmt: skip

_NEWEST = """
SELECT p.application, p.incarnation, p.pid, max(g.at_us) AS at_us, g.readings
FROM gauge_samples g JOIN resources r ON r.id = g.resource_id
JOIN processes p ON p.id = g.process_id
WHERE g.resolution_s = 60 AND g.bucket_us >= :start AND r.kind = 'process' AND p.ended = 0
GROUP BY g.process_id"""

_LIST = """\
for found in list(saver.list(config, limit=100)):  # used up first: the lock is free again
    saver.get_tuple(found.config)"""


def look_at(look: Look) -> Iterable[Finding]:
    """Newest readings of the processes."""
    rows = look.rows(_NEWEST, start=look.at_us - FRESH_US - 60_000_000)
    if not rows:
        raise CannotLook("No instrumented process told of itself in the newest minutes.")
    savers = {
        row.key: row for row in look.rows("SELECT key, backend, label, class_name FROM savers")
    }
    for row in rows:
        readings = decode(row.readings)
        age_us = readings.get("stuck_oldest_us", 0)
        if row.at_us < look.at_us - FRESH_US or age_us < look.limits["open"] * 1e6:
            continue
        for name, count in readings.items():
            if name.startswith(PREFIX):
                key, _, method = name.removeprefix(PREFIX).partition(":")
                saver = savers.get(key)
                yield _finding(look, row, (saver, key, method), (count, age_us))


def _finding(
    look: Look, row: Row[Any], what: tuple[Row[Any] | None, str, str], how: tuple[int, int]
) -> Finding:
    saver, key, method = what
    count, age_us = how
    label = saver.label if saver else "a saver"
    return Finding(
        rule=ID, severity="critical",
        title=f"{label}: {method} is under way for {age_us / 1e6:,.0f} seconds in {count:,} "
        f"{'thread' if count == 1 else 'threads'}",
        subject=Subject(
            application=row.application, backend=saver.backend if saver else "",
            saver=key, process=row.incarnation, detail=method,
        ),
        measured=[
            Measure(name="calls that do not come back", value=count, unit="count"),
            Measure(name="the oldest is under way for", value=age_us / 1e6, unit="seconds",
                    limit=look.limits["open"]),
            Measure(name="process", value=str(row.pid)),
        ],
        since_us=row.at_us - age_us,
        why=f"{saver.class_name if saver else 'The saver'} works on one call at a time. "
        "list() is one until it is used up: another call inside its loop, or in a thread that "
        "the loop waits for, waits for ever. The page Process tells where each thread stands.",
        fixes=[Fix(words="Use list() up before the next call", code=_LIST, language="python",
                   loss="All rows are in memory at once; limit= bounds them.")],
        evidence=[Evidence(page="process", words="Where each thread stands",
                           names={"process": row.incarnation})],
    )  # fmt: skip


RULE = Rule(about=ABOUT, whole=look_at)
