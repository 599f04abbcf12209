"""Rule: the history of a thread is read whole, again and again, and each time takes longer.

``list`` (``get_state_history``) without ``limit`` reads every checkpoint of the thread. RedisSaver
and SqliteSaver read the pending writes of each checkpoint with a query of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from collector.findings.facts import ThreadFacts
from collector.findings.look import Look
from collector.findings.rule import Rule, threshold
from storage.findings import About, Cost, Finding, Fix, Measure

ID = "slow-history"

ABOUT = About(
    id=ID, title="The whole history of a thread is read, slowly",
    looks_at="Rows, bytes and time of the newest calls of list of a thread.",
    thresholds=[
        threshold("rows", 100, "count", 2, 1e6,
                  "Checkpoints read by one call; nobody looks at so many."),
        threshold("time", 200, "ms", 0.1, 600_000, "Median time of such a call: a page waits."),
        threshold("calls", 2, "count", 1, 200, "One such call may have been a look by hand."),
    ],
)  # fmt: skip

ROWS_WANTED = 20
_LIMIT = """\
for snapshot in graph.get_state_history(config, limit=20):  # the newest
    ...
# the page before it, from the oldest of these on:
graph.get_state_history(config, limit=20, before=snapshot.config)"""
_LIMIT_ALONE = """\
for snapshot in graph.get_state_history(config, limit=20):  # the newest
    ...  # RedisSaver ignores before=: read more by a greater limit"""
_LATEST = """\
graph.get_state(config)  # if only the newest is needed: one checkpoint is read"""


def look_at(look: Look, thread: ThreadFacts) -> Iterable[Finding]:
    """The calls of list among the newest ones."""
    calls = [call for call in thread.calls
             if call.operation == "list" and not call.error and call.duration_us >= 0
             and (call.rows or 0) >= look.limits["rows"]]  # fmt: skip
    if len(calls) < look.limits["calls"]:
        return
    took_us, rows = median(c.duration_us for c in calls), median(c.rows for c in calls)
    if took_us < look.limits["time"] * 1000:
        return
    size = median(call.payload_bytes for call in calls)
    a_row_us = took_us / rows
    saving = Cost(ms=(took_us - a_row_us * ROWS_WANTED) / 1000, what="a reading of the history")
    yield Finding(
        rule=ID, severity="warning",
        title=f"Reading the history takes {took_us / 1000:,.0f} ms for {rows:,.0f} checkpoints",
        subject=thread.subject(), since_us=int(calls[0].at_us),
        measured=[
            Measure(name="time of a call, median", value=took_us, unit="us",
                    limit=look.limits["time"] * 1000),
            Measure(name="checkpoints that it read", value=rows, unit="count",
                    limit=look.limits["rows"]),
            Measure(name="time for one of them", value=a_row_us, unit="us"),
            Measure(name="bytes that it read", value=size, unit="bytes"),
            Measure(name="such calls", value=len(calls), unit="count"),
        ],
        why="list without a limit reads and deserializes every checkpoint that the thread has, "
        "with its pending writes. The longer the thread lives, the longer each reading takes.",
        fixes=[
            Fix(words="Read the newest 20, and further ones when they are asked for.",
                code=_LIMIT_ALONE if thread.backend == "redis" else _LIMIT, language="python",
                saving=saving),
            Fix(words="Read the newest state alone where the history is not shown.", code=_LATEST,
                language="python", loss="The steps before it."),
        ],
        evidence=[thread.evidence("Its calls and their time"),
                  thread.evidence("Its steps", "history")],
        cost=saving,
    )  # fmt: skip


RULE = Rule(about=ABOUT, thread=look_at)
