"""Rule: a channel that grows is stored anew with each step, so that storage grows with the square.

Write amplification is all bytes that were ever stored of a channel by the bytes it has now. A list
that gains an element a step has stored about half its length times what it is: 20 means some 40
steps. langgraph issue 7547 has threads of 17 GB made that way.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from statistics import median

from collector.findings.facts import Channel, ThreadFacts
from collector.findings.look import MONTH_US, Look
from collector.findings.predictions import fix
from collector.findings.rule import Rule, threshold
from storage.designs import Prediction
from storage.findings import About, Cost, Finding, Measure
from storage.history_sizes import is_internal

ID = "quadratic-channel"
CRITICAL_TIMES = 5
"""So many times the threshold is critical."""
FIXES = 5
WHOLE = ("exit", "prune")
"""Kinds of designs of the whole thread."""
GROWS = 1.01
"""So much longer from a quarter of the newest 200 sizes to the next one: a conversation of 4,000
turns that goes on growing still does, what is kept at a length does not."""

ABOUT = About(
    id=ID, title="A growing channel is stored anew with each step",
    looks_at="Bytes of each channel at the newest checkpoints of a thread, and all bytes that were "
    "ever stored of it.",
    thresholds=[
        threshold("amplification", 20, "times", 2, 10_000,
                  "Bytes stored of a channel for each byte that it has now. A conversation of 40 "
                  "steps reaches 20."),
        threshold("steps", 10, "steps", 3, 10_000,
                  "Over so many checkpoints a channel has to grow: fewer are no trend."),
        threshold("stored", 100_000, "bytes", 0, 1e12,
                  "Channels that stored less are not worth a change of the state."),
    ],
)  # fmt: skip


def look_at(look: Look, thread: ThreadFacts) -> Iterable[Finding]:
    """Channels of the root graph that grow and are rewritten."""
    for channel in thread.channels:
        if channel.namespace or is_internal(channel.name) or not channel.live_bytes:
            continue
        stored, exact = stored_bytes(thread, channel)
        times = stored / channel.live_bytes
        if stored < look.limits["stored"] or times <= look.limits["amplification"]:
            continue
        sizes = thread.sizes(channel.name)
        if not grows(sizes, int(look.limits["steps"])):
            continue
        yield _finding(look, thread, channel, stored, sizes, exact)


def stored_bytes(thread: ThreadFacts, channel: Channel) -> tuple[float, bool]:
    """What was ever stored of a channel, and whether that is exact.

    Where whole checkpoints are written, it is in each of them, whether the step wrote it or not. Of
    a thread with more checkpoints than are looked at, the mean size stands for the older ones.
    """
    if not thread.whole:
        return channel.written_bytes, True
    if thread.all_puts:
        return sum(size for _, size in thread.sizes(channel.name)), True
    checkpoints = max(channel.writes, *((put.step or 0) + 2 for put in thread.puts[-1:]))
    return channel.written_bytes / max(channel.writes, 1) * checkpoints, False


def grows(sizes: list[tuple[int, int]], steps: int) -> bool:
    """Whether a channel still grows: over the newer half of its sizes a quarter of the steps or
    more make it longer, the last quarter of them is longer than the one before, and it was never
    cut to less than a half."""
    values = [size for _, size in sizes]
    if len(values) < max(steps, 8) or any(a < b / 2 for b, a in pairwise(values)):
        return False
    newer = values[len(values) // 2 :]
    before, after = newer[: len(newer) // 2], newer[len(newer) // 2 :]
    rises = sum(a > b for b, a in pairwise(newer))
    return rises >= len(newer) / 4 and median(after) > GROWS * median(before)


def best_of_each(designs: list[Prediction], channel: str) -> list[Prediction]:
    """The best of each kind of design: first those of the channel, which end the growth, then
    those of the whole thread."""
    best: dict[str, Prediction] = {}
    for one in designs:
        if one.design.channel == channel or one.design.kind in WHOLE:
            best.setdefault(one.design.kind, one)
    return sorted(best.values(), key=lambda one: one.design.kind in WHOLE)


def _finding(  # noqa: PLR0917 (what is known of the channel)
    look: Look, thread: ThreadFacts, channel: Channel, stored: float, sizes: list[tuple[int, int]],
    exact: bool,
) -> Finding:  # fmt: skip
    (begin, first), (end, last) = sizes[0], sizes[-1]
    a_step = (last - first) / max(len(sizes) - 1, 1)
    limit = look.limits["amplification"]
    times = stored / channel.live_bytes
    a_month = stored / max(end - thread.row["first_seen_us"], 1) * MONTH_US
    long = end - thread.row["first_seen_us"] > MONTH_US / 730  # an hour: less is no rate
    ways = best_of_each(look.designs(thread), channel.name)
    saved = max((one.saved_bytes or 0 for one in ways), default=None)
    name = channel.name
    return Finding(
        rule=ID, severity="critical" if times > limit * CRITICAL_TIMES else "warning",
        title=f"{name} stored {times:,.0f} bytes for each byte that it has",
        subject=thread.subject(channel=name), since_us=begin,
        measured=[
            Measure(name="write amplification", value=times, unit="times", limit=limit),
            Measure(name=f"stored of it{'' if exact else ', about'}", value=stored, unit="bytes"),
            Measure(name="it has now", value=channel.live_bytes, unit="bytes"),
            Measure(name="grows a checkpoint by", value=a_step, unit="bytes"),
            Measure(name="checkpoints looked at", value=len(sizes), unit="count"),
        ],
        why=f"Each checkpoint stores {name} once more, whole. It grows by about the same each "
        "time, so that what is stored grows with the square of the steps: twice as many turns take "
        "four times the room, and each put takes longer.",
        fixes=[fix(one, Cost(bytes=one.saved_bytes,
                             usd_a_month=look.usd_a_month(thread.backend, one.saved_bytes)))
               for one in ways[:FIXES]],
        evidence=[thread.evidence("Bytes by channel over the steps")],
        cost=Cost(
            bytes=saved, bytes_a_month=a_month if long else None,
            usd_a_month=look.usd_a_month(thread.backend, saved),
        ),
    )  # fmt: skip


RULE = Rule(about=ABOUT, thread=look_at)
