"""Rule: checkpoints are made faster than the saver puts them, and pile up beside the run.

With ``durability="async"`` puts of a run wait for each other beside its steps. What waits is held
in memory and lost when the process dies. How it is worked out: ``storage.queries_durability``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from statistics import median

from collector.findings.facts import ThreadFacts
from collector.findings.look import Look
from collector.findings.rule import Rule, threshold
from storage.findings import About, Cost, Finding, Fix, Measure
from storage.queries_durability import durability

ID = "put-backlog"
RUNS = 20
"""Newest runs that are looked at."""

ABOUT = About(
    id=ID, title="Checkpoints pile up before the saver",
    looks_at="When checkpoints of the newest 20 runs of a thread were made, and when their put had "
    "returned.",
    thresholds=[
        threshold("pending", 10, "count", 2, 100_000,
                  "Checkpoints that were made and not yet stored. One or two are usual."),
        threshold("tail", 200, "ms", 1, 600_000,
                  "From the end of the last node to the end of the last put: the run waits."),
    ],
)  # fmt: skip

_SYNC = """\
graph.invoke(given, config, durability="sync")  # each step waits for its put"""
_EXIT = """\
graph.invoke(given, config, durability="exit")  # one put, when the run ends"""


def look_at(look: Look, thread: ThreadFacts) -> Iterable[Finding]:
    """The worst of its newest runs."""
    if not thread.puts or all(put.duration_us < 0 for put in thread.puts):
        return  # of an attached database: nobody saw the calls
    if not thread.runs or _longest_us(thread) < look.limits["tail"] * 1000:
        return
    told = durability(look.connection.engine, thread.key, RUNS)
    late = told[(told["most_pending"] >= look.limits["pending"])
                & (told["tail_us"] >= look.limits["tail"] * 1000)]  # fmt: skip
    if late.empty:
        return
    most, tail_us = int(late["most_pending"].max()), float(late["tail_us"].median())
    put_us = median(put.duration_us for put in thread.puts)
    yield Finding(
        rule=ID, severity="warning",
        title=f"{most:,} checkpoints waited for their put at one time",
        subject=thread.subject(), since_us=int(late["at_us"].min()),
        measured=[
            Measure(name="most that waited", value=most, unit="count",
                    limit=look.limits["pending"]),
            Measure(name="from the last node to the last put, median", value=tail_us, unit="us",
                    limit=look.limits["tail"] * 1000),
            Measure(name="a put, median", value=put_us, unit="us"),
            Measure(name="runs with such a backlog", value=len(late), unit="count"),
            Measure(name="runs looked at", value=len(told), unit="count"),
        ],
        why="Steps are done faster than their checkpoints are stored. Those that wait are held in "
        "memory, are lost if the process dies, and the run does not end before the last is stored.",
        fixes=[
            Fix(words="Write once, when the run ends.", code=_EXIT, language="python",
                saving=Cost(ms=max(0.0, tail_us - put_us) / 1000, what="a run"),
                loss="Nothing of a run that crashes is kept, and steps in between are not in the "
                "history."),
            Fix(words="Let each step wait for its put: nothing piles up, nothing is lost.",
                code=_SYNC, language="python", loss="The run takes as long as before; each step "
                "gets slower by its put."),
        ],
        evidence=[thread.evidence("How its puts kept up with its runs")],
        cost=Cost(ms=tail_us / 1000, what="a run"),
    )  # fmt: skip


def _longest_us(thread: ThreadFacts) -> int:
    """Time in the puts of a run, of the one with most of it: its tail is no longer. Of most threads
    that is all that has to be known."""
    by_run: Counter[tuple[int, int]] = Counter()
    for call in thread.calls:
        if call.operation == "put":
            by_run[call.process_id, call.run] += max(call.duration_us, 0)
    return max(by_run.values(), default=0)


RULE = Rule(about=ABOUT, thread=look_at)
