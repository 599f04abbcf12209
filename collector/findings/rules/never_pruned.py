"""Rule: nothing deletes old checkpoints.

LangGraph keeps each checkpoint of each thread for good: it deletes none by itself. What a backend
holds beside the newest checkpoint of its threads is needed for time travel alone.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from collector.findings.look import MONTH_US, Look
from collector.findings.rule import Rule, threshold
from storage import design_pruning
from storage.design_thread import Recorded
from storage.findings import About, Cost, Evidence, Finding, Fix, Measure, Subject
from storage.formats import size
from storage.inspections import Check

ID = "never-pruned"
WINDOW_US = 30 * 86_400 * 1_000_000
HOUR_US = 3_600 * 1_000_000
REMOVED = 0.1
"""Where removals took so much of what there was, something prunes."""
MOSTLY = 50.0
"""% of keys without a TTL, from which on most have none."""
CRITICAL_BYTES = 10_000_000_000
_REMOVALS = "('delete_thread', 'prune', 'delete_for_runs', 'vanished', 'found')"
_LOSS = (
    "Time travel to what is deleted. Not for threads with a DeltaChannel: it is rebuilt from older "
    "checkpoints, and would be empty without them."
)

ABOUT = About(
    id=ID, title="Nothing deletes old checkpoints",
    looks_at="Bytes that each backend holds beside the newest checkpoints of its threads, and what "
    "deletes, prunes and expiry took away in the last 30 days.",
    thresholds=[
        threshold("history", 0.9, "share", 0.1, 1,
                  "Of all stored bytes, those that are not of a newest checkpoint: with 0.9, ten "
                  "times as much is stored as is in use."),
        threshold("stored", 10_000_000, "bytes", 0, 1e15,
                  "Held by the backend: less needs no care yet."),
        threshold("age", 86_400, "seconds", 0, 31_536_000,
                  "For so long nothing was deleted: a job that prunes each night has had its turn "
                  "after a day."),
    ],
)  # fmt: skip


def look_at(look: Look) -> Iterable[Finding]:
    """Each backend of each application; what an InMemorySaver holds is another rule's matter."""
    begin = look.at_us - WINDOW_US
    seen = {
        (row.application, row.backend): row
        for row in look.rows(
            "SELECT application, backend, min(bucket_us) AS since_us, "
            "sum(stored_delta_bytes - live_delta_bytes) AS grown_bytes, "
            f"-sum(CASE WHEN operation IN {_REMOVALS} THEN min(stored_delta_bytes, 0) ELSE 0 END) "
            "AS removed_bytes FROM rollups WHERE resolution_s = 3600 AND bucket_us >= :begin "
            "GROUP BY application, backend",
            begin=begin,
        )
    }
    held = look.rows(
        "SELECT application, backend, count(*) AS threads, sum(stored_bytes) AS stored_bytes, "
        "sum(live_bytes) AS live_bytes FROM threads WHERE deleted_us = 0 AND backend <> 'memory' "
        "GROUP BY application, backend"
    )
    for row in held:
        calls = seen.get((row.application, row.backend))
        history = row.stored_bytes - row.live_bytes
        if calls is None or row.stored_bytes < max(look.limits["stored"], 1):
            continue
        young = look.at_us - calls.since_us < look.limits["age"] * 1_000_000
        pruned = calls.removed_bytes >= REMOVED * (calls.removed_bytes + history)
        few = history < look.limits["history"] * row.stored_bytes
        if not (young or pruned or few or _expires(look, row.backend)):
            yield _finding(look, row, calls)


def _expires(look: Look, backend: str) -> bool:
    """Whether a look into the database found that most of its keys or documents expire."""
    return any(
        (check.id == "ttl" and check.unit == "seconds")
        or (check.id == "prefix.forever" and isinstance(check.value, int | float)
            and check.value < MOSTLY)
        for check in _checks(look, backend)
    )  # fmt: skip


def _checks(look: Look, backend: str) -> Iterator[Check]:
    for one in look.inspections:
        if one.backend == backend:
            yield from one.checks


def _finding(look: Look, row: Any, calls: Any) -> Finding:
    history = row.stored_bytes - row.live_bytes
    share = history / row.stored_bytes
    seconds = (look.at_us - calls.since_us) / 1_000_000
    rate = calls.grown_bytes / (look.at_us - calls.since_us) * MONTH_US
    usd = look.usd_a_month(row.backend, history)
    free = [check.value for check in _checks(look, row.backend) if check.id == "file.free"]
    known = [Measure(name="free pages in the file", value=value, unit="bytes") for value in free]
    return Finding(
        rule=ID, severity="critical" if history >= CRITICAL_BYTES else "warning",
        title=f"{share:.0%} of what {row.backend} holds is history, {size(history)}, and nothing "
        "deletes it",
        subject=Subject(application=row.application, backend=row.backend),
        since_us=calls.since_us,
        measured=[
            Measure(name="of older checkpoints", value=share, unit="share",
                    limit=look.limits["history"]),
            Measure(name="history", value=history, unit="bytes"),
            Measure(name="stored", value=row.stored_bytes, unit="bytes",
                    limit=look.limits["stored"]),
            Measure(name="newest checkpoints", value=row.live_bytes, unit="bytes"),
            Measure(name="threads", value=row.threads, unit="count"),
            Measure(name="deleted in 30 days", value=calls.removed_bytes, unit="bytes"),
            Measure(name="seen for", value=seconds, unit="seconds", limit=look.limits["age"]),
            *known,
        ],
        why="LangGraph deletes no checkpoint by itself: each step of each thread stays for good, "
        "of threads that ended long ago, too. A run needs the newest one alone.",
        fixes=list(_fixes(row.backend, Cost(bytes=history, usd_a_month=usd))),
        evidence=[
            Evidence(page="threads", words="Threads by stored bytes",
                     names={"backend": row.backend}),
            Evidence(page="backends", words="Stored bytes over time",
                     names={"backend": row.backend}),
        ],
        cost=Cost(bytes=history, usd_a_month=usd,
                  bytes_a_month=rate if look.at_us - calls.since_us > HOUR_US else None),
    )  # fmt: skip


def _fixes(backend: str, saving: Cost) -> Iterable[Fix]:
    thread = Recorded(thread_id="", backend=backend, layout="", class_name="", langgraph="")
    code = design_pruning.code(thread, 1)
    if code:
        yield Fix(
            words="Keep the newest checkpoint of each thread: call this for threads that rest",
            code=f"def prune(saver, thread_id):\n{textwrap.indent(code, '    ')}",
            language="python", saving=saving,
            loss=_LOSS + (" The file stays as large until VACUUM." if backend == "sqlite" else ""),
        )  # fmt: skip
    if backend in _TTL:
        yield Fix(
            words="Let threads expire that nobody returns to, here after 30 days: it holds for "
            "what is written from then on", code=_TTL[backend], language="python",
            loss="Threads that nobody wrote to for so long are gone.",
        )  # fmt: skip
    yield Fix(
        words="Delete threads that are done", code="saver.delete_thread(thread_id)",
        language="python", loss="All of the thread.",
    )  # fmt: skip


_TTL = {
    "redis": """\
with RedisSaver.from_conn_string(
    url, ttl={"default_ttl": 43200, "refresh_on_read": True}  # minutes
) as saver:
    ...""",
    "valkey": "saver = ValkeySaver(client, ttl=2592000)  # seconds",
    "mongodb": "saver = MongoDBSaver(client, ttl=2592000)  # seconds",
}

RULE = Rule(about=ABOUT, whole=look_at)
