"""Rule: pending writes or blobs whose checkpoint is not there.

Two ways to see it. A put that failed, as the probe saw it: what was written under its checkpoint
before and after stays, and belongs to nothing. And a look into the database, which finds those of
checkpoints that were deleted by hand, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from collector.findings.facts import ThreadFacts
from collector.findings.look import Look
from collector.findings.rule import Rule, threshold
from storage import formats
from storage.findings import About, Cost, Evidence, Finding, Fix, Measure, Subject
from storage.inspections import Check, Inspection

ID = "orphans"

ABOUT = About(
    id=ID, title="Writes whose checkpoint is not there",
    looks_at="Puts that failed, with the pending writes under the same checkpoint, among the "
    "newest calls of a thread; and the newest look into each SQLite and PostgreSQL database "
    "(python -m collector check). Redis and MongoDB are not looked into for them.",
    thresholds=[
        threshold("rows", 1, "count", 1, 1e9, "Rows of a table, or calls of put_writes."),
    ],
)  # fmt: skip


def look_at(look: Look, thread: ThreadFacts) -> Iterable[Finding]:
    """Puts of a thread that failed."""
    failed: dict[tuple[int, int], Any] = {}
    stored = set()
    for row in thread.calls:
        if row.operation == "put" and row.error:
            failed.setdefault((row.process_id, row.run), row)
        elif row.operation == "put":
            stored.add((row.ns, row.checkpoint))
    lost = []
    for row, _ in thread.writes:
        first = failed.get((row.process_id, row.run))
        if first is None or (row.ns, row.checkpoint) in stored:
            continue
        # Puts of a run wait for each other: after one that failed, none is made.
        if row.checkpoint == first.checkpoint or row.at_us >= first.at_us:
            lost.append(row)
    if len(lost) < look.limits["rows"]:
        return
    size = sum(int(row.stored_delta_bytes) for row in lost)
    first = failed[lost[-1].process_id, lost[-1].run]
    usd = look.usd_a_month(thread.backend, size)
    yield Finding(
        rule=ID, severity="warning",
        title=f"{formats.size(size)} of pending writes belong to no stored checkpoint",
        subject=thread.subject(), since_us=int(first.at_us),
        measured=[
            Measure(name="calls of put_writes", value=len(lost), unit="count",
                    limit=look.limits["rows"]),
            Measure(name="held for nothing", value=size, unit="bytes"),
            Measure(name="runs whose put failed", value=len(failed), unit="count"),
            Measure(name="error", value=str(first.error)),
        ],
        why="A put failed, and the run went on meanwhile: what it wrote belongs to checkpoints "
        "that are not there. Nothing ever reads it.",
        fixes=[
            Fix(words="Wait for each put: nothing is written under one that failed",
                code='graph.invoke(inputs, config, durability="sync")', language="python",
                loss="Each step waits for its put."),
            Fix(words="Delete the thread once it is done", code="saver.delete_thread(thread_id)",
                language="python", loss="All of the thread.",
                saving=Cost(bytes=size, usd_a_month=usd)),
        ],
        evidence=[thread.evidence("Calls that failed")],
        cost=Cost(bytes=size, usd_a_month=usd),
    )  # fmt: skip


def look_into(look: Look) -> Iterable[Finding]:
    """Databases that were looked into."""
    for one in look.inspections:
        sizes = {check.subject: check.value for check in one.checks if check.id == "orphans.size"}
        for check in one.checks:
            told = check.id == "orphans.rows" and isinstance(check.value, int)
            if told and check.value >= look.limits["rows"]:  # type: ignore[operator]
                yield _found(look, one, check, sizes.get(check.subject))


def _found(look: Look, one: Inspection, check: Check, size: Any) -> Finding:
    known = float(size) if isinstance(size, int) else None
    cost = Cost(bytes=known, usd_a_month=look.usd_a_month(one.backend, known))
    return Finding(
        rule=ID, severity="warning",
        title=f"{check.value:,} rows of {check.subject} in {one.label} have no checkpoint",
        subject=Subject(backend=one.backend, saver=one.storage, detail=check.subject),
        since_us=one.at_us,
        measured=[
            Measure(name="rows without a checkpoint", value=float(check.value or 0), unit="count",
                    limit=look.limits["rows"]),
            Measure(name="their content", value=known, unit="bytes"),
        ],
        why=check.why,
        fixes=[Fix(words="Delete them", code=check.mend, language="sql", saving=cost)],
        evidence=[Evidence(page="connect", words="What the look found",
                           names={"storage": one.storage})],
        cost=cost,
    )  # fmt: skip


RULE = Rule(about=ABOUT, thread=look_at, whole=look_into)
