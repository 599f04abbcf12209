"""What a replay of a thread has to do: its runs, and how much each of their steps adds.

The way to the newest root checkpoint is replayed; other branches and subgraphs are not. A run
begins with its input, which holds what the first step wrote.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from storage.design_sums import newest_root
from storage.design_thread import Put, Recorded
from storage.history_sizes import is_internal

STEPS_MOST = 5_000
"""Checkpoints that are replayed, the newest."""


@dataclass(frozen=True)
class Change:
    """What a step writes to one channel."""

    channel: str
    bytes: int
    """Of the new elements of a list, of the value otherwise."""
    elements: int = 0
    """New ones of a list; 0: it is no list, or it is replaced."""
    replaced: int = 0
    """Elements of a list that takes the place of the one before."""


Step = tuple[Change, ...]


@dataclass
class Run:
    """One ``invoke``."""

    steps: list[Step] = field(default_factory=list)
    """The first is its input."""


@dataclass
class Plan:
    """All that is replayed."""

    runs: list[Run]
    lists: frozenset[str]
    values: frozenset[str]
    messages: frozenset[str]
    durability: str
    """``exit`` where the thread has one checkpoint a run, else ``sync``."""
    checkpoints: int
    notes: list[str]


def plan(thread: Recorded) -> Plan:
    """How to replay a thread."""
    way, left_out = _way(thread)
    lists = frozenset(name for put in way for name in put.elements if not is_internal(name))
    runs: list[Run] = []
    before: Put | None = None
    counts: dict[str, int] = {}
    last = None
    for put in way:
        step = tuple(_changes(put, before, counts, lists))
        if put.run != last or put.source == "input":
            runs.append(Run())
            last = put.run
        if put.source != "input" or step:
            runs[-1].steps.append(step)
        before = put
    values = frozenset(change.channel for run in runs for step in run.steps for change in step)
    notes = []
    others = len(thread.puts) - len(way)
    if left_out:
        notes.append(f"The newest {len(way):,} checkpoints; {left_out:,} older ones are left out.")
        others -= left_out
    if others:
        notes.append(f"{others:,} checkpoints of subgraphs or other branches are not replayed.")
    singles = bool(runs) and max(len(run.steps) for run in runs) == 1
    return Plan(
        runs, lists, values - lists, thread.message_channels & lists,
        "exit" if singles and len(way) > 1 else "sync", len(way), notes,
    )  # fmt: skip


def _way(thread: Recorded) -> tuple[list[Put], int]:
    by_key = {put.key: put for put in thread.puts}
    found: list[Put] = []
    put = newest_root(thread)
    while put is not None and put not in found[-1:]:
        found.append(put)
        put = by_key.get(("", put.parent))
    found.reverse()
    return found[-STEPS_MOST:], max(len(found) - STEPS_MOST, 0)


def _changes(
    put: Put, before: Put | None, counts: dict[str, int], lists: frozenset[str]
) -> list[Change]:
    found = []
    for name in sorted(put.written):
        if is_internal(name) or name not in put.values:
            continue
        size, old = put.values[name], before.values.get(name, 0) if before else 0
        if name not in lists:
            found.append(Change(name, size))
            continue
        count = put.elements.get(name, counts.get(name, 0))
        new = count - counts.get(name, 0)
        counts[name] = count
        if new > 0 and size >= old:
            found.append(Change(name, size - old, elements=new))
        elif count:
            found.append(Change(name, size, replaced=count))
    return found
