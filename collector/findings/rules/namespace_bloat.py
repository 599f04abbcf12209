"""Rule: each call of a subgraph leaves a checkpoint namespace behind that nobody returns to.

A subgraph that is compiled without a checkpointer of its own inherits its parent's, and writes all
of its steps under ``node:task id``, another one for each call. That is needed to go on after an
interrupt or a failure within it; once the call has ended, nothing reads it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from collector.findings.facts import ThreadFacts
from collector.findings.look import Look
from collector.findings.predictions import fix
from collector.findings.rule import Rule, threshold
from storage.findings import About, Cost, Finding, Fix, Measure
from storage.queries_steps import plain_namespace

ID = "namespace-bloat"
_STOPPED = ('"__interrupt__"', '"__resume__"')

ABOUT = About(
    id=ID, title="Each call of a subgraph leaves a namespace behind",
    looks_at="Checkpoint namespaces with the id of a task among the newest calls of a thread, and "
    "what was stored in them. Subgraphs that were interrupted need theirs, and are left out.",
    thresholds=[
        threshold("calls", 5, "count", 2, 10_000,
                  "Calls of a subgraph that left a namespace, among the newest calls of the "
                  "thread. A call of three steps makes some seven calls of the saver."),
        threshold("share", 0.2, "share", 0, 1,
                  "Of what the newest calls stored, that in such namespaces: less is not worth a "
                  "change."),
    ],
)  # fmt: skip


@dataclass
class _Sub:
    """What one subgraph left."""

    since_us: int
    calls: set[str] = field(default_factory=set)
    namespaces: set[str] = field(default_factory=set)
    checkpoints: int = 0
    stored_bytes: int = 0
    stopped: bool = False


def look_at(look: Look, thread: ThreadFacts) -> Iterable[Finding]:
    """Subgraphs of a thread, by the node that calls them."""
    found: dict[str, _Sub] = {}
    stored: dict[str, int] = defaultdict(int)
    for row in thread.calls:
        if row.operation not in {"put", "put_writes"} or row.error:
            continue
        stored[""] += row.stored_delta_bytes
        outer = row.ns.partition("|")[0]
        if ":" in outer:
            _add(found.setdefault(plain_namespace(outer), _Sub(int(row.at_us))), row, outer)
    for name, sub in found.items():
        share = sub.stored_bytes / stored[""] if stored[""] > 0 else 0.0
        many = len(sub.calls) >= look.limits["calls"] and share >= look.limits["share"]
        if many and not sub.stopped:
            yield _finding(look, thread, name, sub, share)


def _add(sub: _Sub, row: Any, outer: str) -> None:
    sub.calls.add(outer)
    sub.namespaces.add(row.ns)
    sub.checkpoints += row.operation == "put"
    sub.stored_bytes += row.stored_delta_bytes
    sub.stopped |= any(name in row.channels for name in _STOPPED)


def _finding(look: Look, thread: ThreadFacts, name: str, sub: _Sub, share: float) -> Finding:
    usd = look.usd_a_month(thread.backend, sub.stored_bytes)
    saving = Cost(bytes=sub.stored_bytes, usd_a_month=usd)
    ways = [one for one in look.designs(thread) if one.design.kind == "exit"]
    return Finding(
        rule=ID, severity="warning",
        title=f"{len(sub.calls):,} calls of subgraph {name} left {sub.checkpoints:,} checkpoints "
        f"in {len(sub.namespaces):,} namespaces",
        subject=thread.subject(namespace=name), since_us=sub.since_us,
        measured=[
            Measure(name="calls of the subgraph", value=len(sub.calls), unit="count",
                    limit=look.limits["calls"]),
            Measure(name="namespaces", value=len(sub.namespaces), unit="count"),
            Measure(name="checkpoints in them", value=sub.checkpoints, unit="count"),
            Measure(name="stored in them", value=sub.stored_bytes, unit="bytes"),
            Measure(name="of what these calls stored", value=share, unit="share",
                    limit=look.limits["share"]),
            Measure(name="calls looked at", value=len(thread.calls), unit="count"),
        ],
        why="The subgraph inherits the checkpointer, and writes its steps under the id of its "
        "task: a namespace for each call. Nothing reads it once the call has ended.",
        fixes=[
            Fix(words="Compile the subgraph without checkpoints, where it never interrupts",
                code="subgraph = subgraph_builder.compile(checkpointer=False)", language="python",
                saving=saving, loss="No interrupt() within it; after a failure it begins again. "
                "Its steps are in no history."),
            Fix(words="Let it remember its state from call to call, in one namespace",
                code="subgraph = subgraph_builder.compile(checkpointer=True)", language="python",
                loss="It begins where its last call ended, and cannot be called twice in one node. "
                "As many checkpoints as before."),
            *(fix(one, Cost(bytes=one.saved_bytes,
                            usd_a_month=look.usd_a_month(thread.backend, one.saved_bytes)))
              for one in ways[:1]),
        ],
        evidence=[thread.evidence("Its namespaces", "history"),
                  thread.evidence("Checkpoints by namespace")],
        cost=saving,
    )  # fmt: skip


RULE = Rule(about=ABOUT, thread=look_at)
