"""Rule: each step is written, and nobody has ever used a step in the middle of a run.

With durability ``async`` (the default) or ``sync`` a run of N super-steps makes N + 2 puts and
N + 1 calls of put_writes; with ``exit`` one put. What the others are for (to go on after an
interrupt or a crash, time travel) is looked for first: one sign of it, and nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import Any

from collector.findings.facts import ThreadFacts
from collector.findings.look import Look
from collector.findings.predictions import fix
from collector.findings.rule import Rule, threshold
from storage.findings import About, Cost, Finding, Measure
from storage.formats import size

ID = "durability-cost"
_STOPPED = ('"__interrupt__"', '"__resume__"')
_BY_HAND = {"fork", "update"}

ABOUT = About(
    id=ID, title="Every step is written, and only the last one is used",
    looks_at="Checkpoints of each of the newest runs of a thread; interrupts, runs that went on "
    "from a checkpoint, states set by hand, and reads of older checkpoints among its newest calls.",
    thresholds=[
        threshold("puts", 4, "count", 2, 10_000,
                  "Checkpoints of a run, the middle of the newest ones: with fewer there is little "
                  "to spare."),
        threshold("runs", 3, "count", 1, 200, "Runs looked at: fewer do not show how it is used."),
        threshold("saved", 100_000, "bytes", 0, 1e12,
                  "Predicted to be saved in the thread: less is not worth what is given up."),
    ],
)  # fmt: skip


def look_at(look: Look, thread: ThreadFacts) -> Iterable[Finding]:
    """A thread whose runs only ever ran from their input to their end."""
    runs = _runs(thread)
    if len(runs) < look.limits["runs"]:
        return
    puts = median(len(one) for one in runs)
    if puts < look.limits["puts"] or _needs_steps(thread, runs):
        return
    ways = [one for one in look.designs(thread) if one.design.kind == "exit"]
    saved = ways[0].saved_bytes if ways else None
    if saved is None or saved < look.limits["saved"]:
        return
    usd = look.usd_a_month(thread.backend, saved)
    each, spared = _times(thread, puts)
    cost = Cost(bytes=saved, ms=None if spared is None else spared / 1_000, what="a run",
                usd_a_month=usd)  # fmt: skip
    yield Finding(
        rule=ID, severity="info",
        title=f"A run writes {puts:,.0f} checkpoints; only the last would save {size(saved)}",
        subject=thread.subject(), since_us=int(runs[0][0].at_us),
        measured=[
            Measure(name="checkpoints of a run", value=puts, unit="count",
                    limit=look.limits["puts"]),
            Measure(name="runs looked at", value=len(runs), unit="count",
                    limit=look.limits["runs"]),
            Measure(name="saved with exit", value=saved, unit="bytes", limit=look.limits["saved"]),
            Measure(name="in puts and pending writes, of a run", value=each, unit="us"),
            Measure(name="interrupts, resumes, time travel", value=0, unit="count"),
        ],
        why="Each step of a run is stored, to go on from after an interrupt or a crash, and for "
        "time travel. None of that is seen among the newest calls of this thread: every run began "
        "with an input and ran on from the newest checkpoint.",
        fixes=[fix(ways[0], cost)],
        evidence=[thread.evidence("Checkpoints of each run", "history"),
                  thread.evidence("Puts that wait for each other")],
        cost=cost,
    )  # fmt: skip


def _runs(thread: ThreadFacts) -> list[list[Any]]:
    """Root checkpoints of each run that is known whole, oldest first."""
    found: dict[tuple[int, int], list[Any]] = {}
    for put in thread.puts:
        if put.run > 0:
            found.setdefault((put.process_id, put.run), []).append(put)
    runs = list(found.values())
    return runs if thread.all_puts else runs[1:]


def _needs_steps(thread: ThreadFacts, runs: list[list[Any]]) -> bool:
    """Whether anything was seen that a checkpoint in the middle of a run is for."""
    if any(run[0].source != "input" for run in runs):
        return True  # it went on from a checkpoint
    if any(put.source in _BY_HAND for put in thread.puts):
        return True
    if any(run.status == "interrupted" for run in thread.runs):
        return True
    return any(
        row.operation in {"list", "copy_thread"}
        or (row.operation == "get_tuple" and row.checkpoint and not row.ns)
        or (row.operation == "put_writes" and any(name in row.channels for name in _STOPPED))
        for row in thread.calls
    )


def _times(thread: ThreadFacts, puts: float) -> tuple[float | None, float | None]:
    """µs in puts and pending writes of a run, and how much of it one put would spare; None: nobody
    saw them."""
    by_run: dict[tuple[int, int], float] = {}
    single = []
    for row in thread.calls:
        if row.run > 0 and row.operation in {"put", "put_writes"}:
            if row.duration_us < 0:
                return None, None
            key = (row.process_id, row.run)
            by_run[key] = by_run.get(key, 0.0) + row.duration_us
            if row.operation == "put":
                single.append(row.duration_us)
    whole = list(by_run.values())[1:] or list(by_run.values())
    if not whole or not single:
        return None, None
    each = median(whole)
    return each, max(0.0, each - median(single))


RULE = Rule(about=ABOUT, thread=look_at)
