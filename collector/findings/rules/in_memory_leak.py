"""Rule: an InMemorySaver holds more and more, as it frees nothing by itself.

Its three dictionaries are ``defaultdict``: a read of a thread that it does not know makes an entry,
for good. What it holds is looked at by the probe of the process, over copies.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from collector.findings.look import MONTH_US, Look
from collector.findings.rule import CannotLook, Rule, threshold
from storage import process_series
from storage.findings import About, Cost, Evidence, Finding, Fix, Measure, Subject
from storage.formats import size

ID = "in-memory-leak"
RECENT_US = 60_000_000
"""A process that was silent for longer is not looked at: it is gone, or frozen."""
MOST = 200
"""Processes that are looked at, those seen last."""
RATE_US = 600_000_000
"""Of a process that is younger, no rate is told."""
REMOVED = 0.1
"""Where deletes took so much of what there was, the application frees what it no longer needs."""
SOON_SECONDS = 86_400.0

ABOUT = About(
    id=ID, title="An InMemorySaver holds ever more",
    looks_at="What the in-memory savers of each live process hold, the entries of threads that "
    "nobody ever wrote, and whether threads were deleted.",
    thresholds=[
        threshold("held", 50_000_000, "bytes", 0, 1e12,
                  "Payload and what Python needs around it: less is no matter for a server, and "
                  "for a notebook an InMemorySaver is right."),
        threshold("share", 0.1, "share", 0, 1, "Of the resident memory of the process."),
        threshold("unknown", 100, "count", 1, 1e9,
                  "Entries of threads without a checkpoint: each is small, but they never go."),
    ],
)  # fmt: skip


def look_at(look: Look) -> Iterable[Finding]:
    """Each process that is alive."""
    rows = look.rows(
        "SELECT id, incarnation, application, host, pid, started_us, first_seen_us, last_seen_us, "
        "rss_bytes FROM processes WHERE kind = '' AND ended = 0 AND last_seen_us >= :recent "
        "ORDER BY last_seen_us DESC LIMIT :most",
        recent=look.at_us - RECENT_US, most=MOST,
    )  # fmt: skip
    if not rows and not look.rows("SELECT 1 FROM processes WHERE kind = '' LIMIT 1"):
        raise CannotLook(
            "No instrumented process was ever seen. What an InMemorySaver holds is seen in its own "
            "process alone: graph = statemeter.instrument(graph)."
        )
    for row in rows:
        last = process_series.last(look.connection, row.id)
        if last.get("saver_empty_threads", 0) >= look.limits["unknown"]:
            yield _unknown(look, row, last)
        held = _held(last)
        enough = held >= max(look.limits["held"], 1)
        enough = enough and held >= look.limits["share"] * (row.rss_bytes or held)
        if enough and not _frees(look, row.application, held):
            yield _grown(look, row, last)


def _held(last: dict[str, float]) -> float:
    return last.get("saver_bytes", 0.0) + last.get("saver_overhead_bytes", 0.0)


def _frees(look: Look, application: str, held: float) -> bool:
    (row,) = look.rows(
        "SELECT -coalesce(sum(min(stored_delta_bytes, 0)), 0) AS removed FROM rollups "
        "WHERE resolution_s = 3600 AND bucket_us >= :begin AND application = :application "
        "AND backend = 'memory' AND operation = 'delete_thread'",
        begin=look.at_us - MONTH_US, application=application,
    )  # fmt: skip
    return bool(row.removed >= REMOVED * (row.removed + held))


def _grown(look: Look, row: Any, last: dict[str, float]) -> Finding:
    held = _held(last)
    lived_us = row.last_seen_us - (row.started_us or row.first_seen_us)
    rate = held / lived_us if lived_us >= RATE_US else None
    left = _left(last)
    full = None if rate is None or left is None else left / rate / 1_000_000
    payload = last.get("saver_bytes", 0.0)
    return Finding(
        rule=ID, severity="critical" if full is not None and full < SOON_SECONDS else "warning",
        title=f"In-memory savers hold {size(held)} in process {row.pid}, and nothing is "
        "deleted",
        subject=Subject(application=row.application, backend="memory", process=row.incarnation),
        since_us=row.first_seen_us,
        measured=[
            Measure(name="held", value=held, unit="bytes", limit=look.limits["held"]),
            Measure(name="of it payload", value=payload, unit="bytes"),
            Measure(name="of the memory of the process",
                    value=held / row.rss_bytes if row.rss_bytes else None, unit="share",
                    limit=look.limits["share"]),
            Measure(name="threads", value=last.get("saver_threads"), unit="count"),
            Measure(name="runs for", value=lived_us / 1_000_000, unit="seconds"),
            Measure(name="memory is full in, at the mean rate", value=full, unit="seconds"),
        ],
        why="An InMemorySaver keeps all checkpoints of all threads until the process ends: its "
        "memory grows with every step, and all state is lost with the process.",
        fixes=[
            Fix(words="Use a saver that persists", language="python", code="""\
from langgraph.checkpoint.sqlite import SqliteSaver

with SqliteSaver.from_conn_string("checkpoints.sqlite") as saver:
    graph = builder.compile(checkpointer=saver)""", saving=Cost(bytes=held),
                loss="A call takes longer; threads are on disk until they are deleted there."),
            Fix(words="Delete a thread when its conversation ends",
                code="saver.delete_thread(thread_id)", language="python",
                loss="All of the thread."),
        ],
        evidence=[_evidence(row, "What holds the memory of the process"),
                  Evidence(page="threads", words="Threads by stored bytes",
                           names={"backend": "memory"})],
        cost=Cost(bytes=held, bytes_a_month=None if rate is None else rate * MONTH_US),
    )  # fmt: skip


def _left(last: dict[str, float]) -> float | None:
    """Bytes that the process may still take."""
    left = [last[name] for name in ("available_bytes",) if name in last]
    if "limit_bytes" in last and "used_bytes" in last:
        left.append(max(0.0, last["limit_bytes"] - last["used_bytes"]))
    return min(left, default=None)


def _unknown(look: Look, row: Any, last: dict[str, float]) -> Finding:
    count = last["saver_empty_threads"]
    return Finding(
        rule=ID, severity="warning",
        title=f"{count:,.0f} threads that nobody ever wrote are kept in memory by process "
        f"{row.pid}",
        subject=Subject(application=row.application, backend="memory", process=row.incarnation,
                        detail="unknown threads"),
        since_us=row.first_seen_us,
        measured=[
            Measure(name="entries without a checkpoint", value=count, unit="count",
                    limit=look.limits["unknown"]),
            Measure(name="entries", value=last.get("saver_threads"), unit="count"),
        ],
        why="A read of a thread that an InMemorySaver does not know makes an entry for it, for "
        "good: get_state with ids that come from outside fills the memory.",
        fixes=[
            Fix(words="Ask first whether it is there", language="python", code="""\
if thread_id in saver.storage:
    state = graph.get_state(config)"""),
            Fix(words="Throw away those that are there", language="python", code="""\
for thread_id, held in list(saver.storage.items()):
    if not any(held.values()):
        saver.delete_thread(thread_id)"""),
        ],
        evidence=[_evidence(row, "Entries of savers over time")],
    )  # fmt: skip


def _evidence(row: Any, words: str) -> Evidence:
    return Evidence(page="process", words=words, names={"process": row.incarnation})


RULE = Rule(about=ABOUT, whole=look_at)
