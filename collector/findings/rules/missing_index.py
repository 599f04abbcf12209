"""Rule: a look-up reads a whole table, because no index serves it.

Either the index that the saver makes is not there: then each step reads everything. Or runs are
looked up by their metadata, ``list(filter=…)``, for which no saver makes an index.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collector.findings import checks
from collector.findings.failures import CALLS
from collector.findings.look import Look
from collector.findings.rule import Rule, threshold
from storage.findings import About, Cost, Finding, Measure
from storage.inspections import Check, Inspection

ID = "missing-index"
BACKENDS = ("postgres", "sqlite", "mongodb")

ABOUT = About(
    id=ID, title="A look-up reads a whole table",
    looks_at="Plans of the look-ups of a saver in the newest check of each database, and which of "
    f"the newest {CALLS:,} calls are list(filter=…).",
    thresholds=[
        threshold("calls", 10, "count", 1, 1e6,
                  "So many calls of list(filter=…) make their time matter, however few the rows."),
        threshold("duration", 50_000, "us", 100, 1e9,
                  "Mean duration of these calls: with an index it is some ms."),
    ],
)  # fmt: skip

_FILTERED = """
WITH newest AS (
    SELECT process_id, thread_key, operation, duration_us, detail FROM operations
    WHERE id > (SELECT coalesce(max(id), 0) FROM operations) - :most
), mine AS (
    SELECT DISTINCT n.process_id FROM newest n JOIN threads t ON t.id = n.thread_key
    JOIN savers s ON s.id = t.saver_id WHERE s.key = :key
)
SELECT count(*) AS calls, avg(duration_us) AS mean_us FROM newest
WHERE operation = 'list' AND json_extract(detail, '$.filtered') = 1
AND process_id IN (SELECT process_id FROM mine)"""


def look_at(look: Look) -> Iterable[Finding]:
    """Checks of look-ups and indexes that found none."""
    for seen in checks.inspected(look, *BACKENDS):
        for check in seen.checks:
            if check.id in ("lookup.key", "index") and check.status in ("warning", "critical"):
                if check.value != "invalid":  # that is of the rule migrations
                    yield _key(seen, check)
            elif check.id == "lookup.metadata" and check.mend:
                yield from _metadata(look, seen, check)


def _rows(seen: Inspection, table: str) -> Measure:
    rows = checks.value(seen, "table.rows", table)
    rows = checks.value(seen, "collection.documents", table) if rows is None else rows
    return Measure(name=f"rows of {table}, about", value=rows, unit="count")


def _key(seen: Inspection, check: Check) -> Finding:
    table = check.subject.rpartition(" ")[2]
    what = f"{check.what} {check.subject} is missing"
    if check.id == "lookup.key":
        what = f"{check.what} {check.value}"
    return checks.finding(
        ID, seen, check, f"{seen.label}: {what}",
        severity="critical" if check.status == "critical" else "warning",
        measured=[Measure(name="it is answered by", value=str(check.value)), _rows(seen, table)],
        fixes=[checks.mending(check, "Make the index", "Its room on disk, and a write more a row.")]
        if check.mend else [],
    )  # fmt: skip


def _metadata(look: Look, seen: Inspection, check: Check) -> Iterator[Finding]:
    (used,) = look.rows(_FILTERED, most=CALLS, key=seen.storage)
    slow = used.calls >= look.limits["calls"] and used.mean_us > look.limits["duration"]
    if check.status != "warning" and not slow:
        return
    table = "checkpoints"
    seen_used = f"{used.calls:,} of the newest calls are list(filter=…). " if used.calls else ""
    yield checks.finding(
        ID, seen, check,
        f"{seen.label}: a look-up of runs by {check.subject} reads all of {table}",
        severity="warning" if used.calls else "info",
        measured=[
            _rows(seen, table),
            Measure(name="list(filter=…) among the newest calls", value=used.calls, unit="count"),
            Measure(name="mean duration of these", value=used.mean_us, unit="us",
                    limit=look.limits["duration"]),
        ],
        why=seen_used + (check.why or "No index serves it."),
        fixes=[checks.mending(check, f"An index that serves {check.subject}",
                              "Its room on disk, and a write more a checkpoint.")],
        cost=Cost(ms=used.mean_us / 1000 if used.mean_us else None, what="a list(filter=…)"),
    )  # fmt: skip


RULE = Rule(about=ABOUT, whole=look_at)
