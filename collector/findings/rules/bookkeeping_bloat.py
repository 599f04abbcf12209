"""Rule: most of what a checkpoint writes are LangGraph's own notes.

``channel_versions`` has an entry for each channel, one of which is made for each node;
``versions_seen`` has one for each node with the channels that started it. Both are written whole
with each checkpoint: some 1.8 KB with 10 nodes, 15 KB with 100.
"""

from __future__ import annotations

from collections.abc import Iterable

from collector.findings.facts import ThreadFacts
from collector.findings.look import Look
from collector.findings.predictions import fix
from collector.findings.rule import Rule, threshold
from storage.findings import About, Cost, Finding, Fix, Measure
from storage.formats import size
from storage.history_sizes import is_internal

ID = "bookkeeping-bloat"

ABOUT = About(
    id=ID, title="Checkpoints hold more bookkeeping than state",
    looks_at="channel_versions and versions_seen of the newest checkpoints of a thread, beside all "
    "that these calls wrote.",
    thresholds=[
        threshold("share", 0.5, "share", 0.05, 1,
                  "Of the bytes that checkpoints wrote: more than half is more than the state."),
        threshold("bytes", 4_000, "bytes", 0, 1e9,
                  "Of bookkeeping in a checkpoint, on average: a graph of 20 nodes has about as "
                  "much, and a small state beside it is no problem."),
        threshold("checkpoints", 10, "count", 1, 200,
                  "Looked at: fewer say little of a thread."),
    ],
)  # fmt: skip


def look_at(look: Look, thread: ThreadFacts) -> Iterable[Finding]:
    """The checkpoints of the root graph."""
    known = [one for one in thread.checkpoints if one.row.bookkeeping_bytes is not None]
    if len(known) < look.limits["checkpoints"]:
        return
    notes = sum(one.row.bookkeeping_bytes for one in known)
    written = sum(one.row.payload_bytes for one in known)
    mean = notes / len(known)
    if not written or notes < look.limits["share"] * written or mean < look.limits["bytes"]:
        return
    triggers = {name for one in known for name in one.sizes if is_internal(name)}
    usd = look.usd_a_month(thread.backend, notes)
    ways = [one for one in look.designs(thread) if one.design.kind in {"exit", "prune"}]
    yield Finding(
        rule=ID, severity="info",
        title=f"{notes / written:.0%} of what checkpoints write is bookkeeping, {size(mean)} "
        "each",
        subject=thread.subject(), since_us=int(known[0].row.at_us),
        measured=[
            Measure(name="of written bytes", value=notes / written, unit="share",
                    limit=look.limits["share"]),
            Measure(name="in a checkpoint", value=mean, unit="bytes", limit=look.limits["bytes"]),
            Measure(name="bookkeeping written", value=notes, unit="bytes"),
            Measure(name="written in all", value=written, unit="bytes"),
            Measure(name="channels of LangGraph's own", value=len(triggers), unit="count"),
            Measure(name="checkpoints looked at", value=len(known), unit="count"),
        ],
        why="Each checkpoint says of every channel its version, and of every node which versions "
        "it has seen; each node has a channel of its own that starts it. That grows with the "
        "nodes of the graph, and is written whole each time.",
        fixes=[
            *(fix(one, Cost(bytes=one.saved_bytes,
                            usd_a_month=look.usd_a_month(thread.backend, one.saved_bytes)))
              for one in ways[:2]),
            Fix(words="Make one node of small ones that always follow each other",
                code="""\
def prepare(state: State) -> dict:  # was: load, clean, rank
    return rank(clean(load(state)))

builder.add_node("prepare", prepare)""", language="python",
                loss="No checkpoint between them: after a failure all of the node runs again."),
        ],
        evidence=[thread.evidence("Bookkeeping in each checkpoint")],
        cost=Cost(bytes=notes, usd_a_month=usd),
    )  # fmt: skip


RULE = Rule(about=ABOUT, thread=look_at)
