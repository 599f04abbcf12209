"""Rule: runs of a thread spend much of their time waiting for the saver's server.

Waiting is the time of a call without the serializer. With ``durability="async"`` LangGraph lets
puts run beside the next step, so what a run loses is at most that; the fixes say what they spare.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from statistics import median

from collector.findings.facts import ThreadFacts
from collector.findings.look import Look
from collector.findings.rule import Rule, threshold
from storage.findings import About, Cost, Finding, Fix, Measure

ID = "remote-latency"

ABOUT = About(
    id=ID, title="Runs wait for the database",
    looks_at="Time of the newest calls of the saver, without the serializer, beside the time of the"
    " runs that made them.",
    thresholds=[
        threshold("share", 0.2, "share", 0.01, 10,
                  "Waiting for each second of the runs. Calls that run side by side count each."),
        threshold("round_trip", 5, "ms", 0.01, 60_000,
                  "Median waiting of a call: a database next door takes less."),
        threshold("runs", 5, "count", 1, 200, "The first run connects and fills pools."),
    ],
)  # fmt: skip

AWAY = frozenset({"postgres", "redis", "valkey", "mongodb", "memory", "other"})
"""A SQLite file is no server: what its calls wait for is a matter of ``sqlite-locked``."""

_EXIT = """\
graph.invoke(given, config, durability="exit")  # one put, when the run ends"""
_NEAR = """\
# the time of one round trip, from where the application runs:
python -c "import time,socket; t=time.time(); socket.create_connection(('HOST', PORT)); \\
print((time.time()-t)*1000, 'ms')\""""


def look_at(look: Look, thread: ThreadFacts) -> Iterable[Finding]:
    """The newest runs whose calls are all among the newest ones."""
    begin_us = thread.calls[0].at_us if thread.calls else 0
    runs = {(run.process_id, run.number): run for run in thread.runs
            if run.at_us >= begin_us and run.duration_us > 0}  # fmt: skip
    waits: dict[tuple[int, int], list[int]] = defaultdict(list)
    puts = 0
    for call in thread.calls:
        if (call.process_id, call.run) in runs and call.duration_us >= 0 and not call.error:
            waits[call.process_id, call.run].append(max(0, call.duration_us - call.serde_us))
            puts += call.operation in {"put", "put_writes"}
    if len(waits) < look.limits["runs"]:
        return
    waited = [wait for run in waits.values() for wait in run]
    share = sum(waited) / sum(runs[key].duration_us for key in waits)
    trip_us = median(waited)
    if share < look.limits["share"] or trip_us < look.limits["round_trip"] * 1000:
        return
    a_run = len(waited) / len(waits)
    spared = max(0.0, puts / len(waits) - 1)
    a_run_ms = sum(waited) / len(waits) / 1000
    yield Finding(
        rule=ID, severity="warning",
        title=f"Runs wait {a_run_ms:,.0f} ms for the saver"
        + (f", {share:.0%} of their time" if share <= 1 else ""),
        subject=thread.subject(), since_us=int(min(runs[key].at_us for key in waits)),
        measured=[
            Measure(name="waiting beside the time of the runs", value=share, unit="share",
                    limit=look.limits["share"]),
            Measure(name="waiting of a call, median", value=trip_us, unit="us",
                    limit=look.limits["round_trip"] * 1000),
            Measure(name="calls in a run", value=a_run, unit="count"),
            Measure(name="of these, writes", value=puts / len(waits), unit="count"),
            Measure(name="runs looked at", value=len(waits), unit="count"),
        ],
        why=f"A run makes {a_run:,.1f} calls of the saver, and each waits for the server. Calls "
        "that run beside a step (durability async) delay the run less than that, up to its end.",
        fixes=[
            Fix(words="Write once, when the run ends.", code=_EXIT, language="python",
                saving=Cost(ms=spared * trip_us / 1000, what="waiting in a run"),
                loss="Nothing of a run that crashes is kept, and steps in between are not in the "
                "history."),
            Fix(words="Bring the application and the database nearer: the same zone, a pool whose "
                "connections stay open.", code=_NEAR, language="shell"),
        ],
        evidence=[thread.evidence("Its calls beside its runs"),
                  thread.evidence("Time of the backend's calls", "backends")],
        cost=Cost(ms=a_run_ms, what="a run"),
    )  # fmt: skip


RULE = Rule(about=ABOUT, thread=look_at, backends=AWAY)
