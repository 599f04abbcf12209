"""Rule: a DeltaChannel whose reads walk too far.

A read rebuilds such a channel from its last snapshot and the pending writes of each checkpoint
since. Savers with ``get_delta_channel_history`` of their own do that with one call, those of
MongoDB and Valkey with one read for each ancestor. On Redis writes are lost, which is worse, and
another rule's matter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import mean
from typing import Any

from collector.findings.facts import ThreadFacts
from collector.findings.look import Look
from collector.findings.rule import Rule, threshold
from storage.design_advice import SLOW_WALK
from storage.findings import About, Cost, Finding, Fix, Measure

ID = "delta-channel-misuse"

ABOUT = About(
    id=ID, title="Reads of a DeltaChannel walk far",
    looks_at="Super-steps since the last snapshot of each DeltaChannel, at the newest checkpoints "
    "of a thread, and how often and how long it was read.",
    thresholds=[
        threshold("walk", 200, "count", 2, 5_000,
                  "Ancestors that a read walks, on average, where the saver does it in one call. "
                  "LangGraph takes a snapshot after 1,000 updates unless told otherwise."),
        threshold("queries", 10, "count", 2, 5_000,
                  "The same for a saver that asks the database for each ancestor: ten round trips "
                  "for one load."),
        threshold("reads", 3, "count", 1, 200, "Reads seen: fewer do not matter."),
    ],
)  # fmt: skip


@dataclass
class _Use:
    """A DeltaChannel of the root graph."""

    now: int = 0
    """Super-steps since its snapshot at the newest checkpoint."""
    walks: list[int] = field(default_factory=list)
    """Ancestors of each read."""
    took_us: list[int] = field(default_factory=list)
    read_bytes: list[int] = field(default_factory=list)
    since_us: int = 0


def look_at(look: Look, thread: ThreadFacts) -> Iterable[Finding]:
    """DeltaChannels of a thread."""
    if thread.backend == "redis" or not any('"deltas"' in put.detail for put in thread.puts[-3:]):
        return
    slow = thread.backend in SLOW_WALK
    limit = look.limits["queries" if slow else "walk"]
    for channel, use in _uses(thread, slow).items():
        if len(use.walks) < look.limits["reads"] or mean(use.walks) < limit:
            continue
        yield _finding(look, thread, channel, use, slow)


def _uses(thread: ThreadFacts, slow: bool) -> dict[str, _Use]:
    found: dict[str, _Use] = {}
    walks: dict[str, dict[str, int]] = {}
    for put in thread.puts:
        deltas = json.loads(put.detail).get("deltas", {})
        walks[put.checkpoint] = deltas
        for channel, steps in deltas.items():
            use = found.setdefault(channel, _Use(since_us=int(put.at_us)))
            use.now = int(steps)
    newest = ""
    for row in thread.calls:
        if row.ns or row.error:
            continue
        if row.operation == "put":
            newest = row.checkpoint
        elif slow and row.operation == "get_tuple" and not row.checkpoint:
            # The load of a run, which asks for each ancestor then; its own time is one of them.
            _read(found, walks.get(newest, {}), list(found), row, timed=False)
        elif not slow and row.operation == "get_delta_channel_history":
            asked = json.loads(row.detail).get("channels", [])
            _read(found, walks.get(row.checkpoint, {}), asked, row, timed=True)
    return found


def _read(
    found: dict[str, _Use], walked: dict[str, int], channels: list[str], row: Any, timed: bool
) -> None:
    for channel in channels:
        if channel in found and channel in walked:
            found[channel].walks.append(int(walked[channel]))
            if timed and row.duration_us >= 0:
                found[channel].took_us.append(int(row.duration_us))
                found[channel].read_bytes.append(int(row.payload_bytes))


def _finding(
    look: Look, thread: ThreadFacts, channel: str, use: _Use, slow: bool
) -> Finding:  # fmt: skip
    far = mean(use.walks)
    took = mean(use.took_us) if use.took_us else None
    how = (
        "This saver has no read of its own for it: each ancestor is a query of its own, with all "
        "of its pending writes."
        if slow
        else "The saver reads all of them at once, and every one is decoded and applied."
    )
    every = max(1, int(look.limits["queries" if slow else "walk"] / 2))
    field_name = channel if channel.isidentifier() else "messages"
    return Finding(
        rule=ID, severity="warning",
        title=f"A load of {channel} walks {far:,.0f} checkpoints back to its snapshot",
        subject=thread.subject(channel=channel), since_us=use.since_us,
        measured=[
            Measure(name="ancestors of a read", value=far, unit="count",
                    limit=look.limits["queries" if slow else "walk"]),
            Measure(name="ancestors of the longest", value=max(use.walks), unit="count"),
            Measure(name="since the snapshot, now", value=use.now, unit="count"),
            Measure(name="reads", value=len(use.walks), unit="count", limit=look.limits["reads"]),
            Measure(name="a read takes", value=took, unit="us"),
            Measure(name="a read has", value=mean(use.read_bytes) if use.read_bytes else None,
                    unit="bytes"),
        ],
        why=f"A checkpoint does not hold the value of {channel}: each load, one at the begin of "
        f"every run, rebuilds it from the last snapshot and the writes since. {how}",
        fixes=[
            Fix(words=f"Take a snapshot every {every:,} updates", language="python", code=f"""\
from langgraph.channels import DeltaChannel

class State(TypedDict):
    {field_name}: Annotated[list, DeltaChannel(reducer, snapshot_frequency={every})]""",
                loss="A snapshot stores the whole value: the more often, the more is stored. It "
                "holds for what is written from then on."),
        ],
        evidence=[thread.evidence("Snapshots and reads of its DeltaChannels"),
                  thread.evidence("What each checkpoint wrote", "history")],
        cost=Cost(ms=None if took is None else took / 1_000, what="a load"),
    )  # fmt: skip


RULE = Rule(about=ABOUT, thread=look_at)
