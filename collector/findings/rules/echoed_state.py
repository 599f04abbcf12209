"""Rule: a node gives back what it was given, or sends the whole state to each task of a fan-out.

A write says its channel and bytes, not its value. What is as long as the value that the channel had
before, to the byte, from a node that writes *every* channel, is the state come back; a list that
replaces one that it contains has the bytes that the channel has next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from collector.findings.facts import Checkpoint, ThreadFacts
from collector.findings.look import Look
from collector.findings.rule import Rule, threshold
from storage.findings import About, Cost, Finding, Fix, Measure
from storage.formats import size
from storage.history_sizes import is_internal

ID = "echoed-state"
SENDS = "__pregel_tasks"
"""Channel of ``Send``."""
LEAST_BYTES = 1_000
"""Of a value: smaller ones are as long as others by chance."""
SLACK = 80
"""Bytes by which two lists of the same elements may differ: ids of new messages come later."""
WHOLE = 0.5
"""A Send with so much of the state is one of the whole state."""

ABOUT = About(
    id=ID, title="A node writes back what it was given",
    looks_at="Bytes of the pending writes of each node, beside the bytes that the same channels "
    "had before and have after; and bytes of each Send beside the state.",
    thresholds=[
        threshold("times", 3, "count", 1, 10_000,
                  "Runs of the node that did so, or Sends: once may be chance."),
        threshold("echoed", 50_000, "bytes", 0, 1e12,
                  "Written by them in all, among the newest calls of a thread: less is not worth a "
                  "change."),
    ],
)  # fmt: skip


@dataclass
class _Echo:
    """What one node wrote and had not to."""

    since_us: int
    times: int = 0
    pending_bytes: int = 0
    """As pending writes."""
    stored_bytes: int = 0
    """With what checkpoints stored besides."""
    channels: dict[str, None] = field(default_factory=dict)


def look_at(look: Look, thread: ThreadFacts) -> Iterable[Finding]:
    """Nodes of the root graph."""
    before = {one.row.checkpoint: one for one in thread.checkpoints}
    after = {one.row.parent: one for one in thread.checkpoints}
    for node, echo in _echoes(thread, before, after).items():
        if _tells(look, echo):
            yield _echoed(look, thread, node, echo)
    for node, echo in _fans(thread, before, after).items():
        if _tells(look, echo):
            yield _sent(look, thread, node, echo)


def _tells(look: Look, echo: _Echo) -> bool:
    return echo.times >= look.limits["times"] and echo.pending_bytes >= look.limits["echoed"]


def _echoes(
    thread: ThreadFacts, before: dict[str, Checkpoint], after: dict[str, Checkpoint]
) -> dict[str, _Echo]:
    found: dict[str, _Echo] = {}
    lists: dict[tuple[str, str], list[tuple[int, int, bool]]] = defaultdict(list)
    for row, parts in thread.writes:
        base, then = before.get(row.checkpoint), after.get(row.checkpoint)
        if row.ns or not row.node or base is None:
            continue
        written = {name: size for name, size in parts if not is_internal(name)}
        state = {name for name in base.sizes if not is_internal(name)}
        same = [name for name, size in written.items()
                if size >= LEAST_BYTES and size == base.sizes.get(name)]  # fmt: skip
        if same and len(state) > 1 and state <= written.keys():
            echo = found.setdefault(row.node, _Echo(int(row.at_us)))
            echo.times += 1
            for name in same:
                size = written[name]
                echo.channels[name] = None
                echo.pending_bytes += size
                echo.stored_bytes += size if thread.whole else 2 * size
        for name, size in written.items():
            if name in same or then is None or name not in then.lists or name not in base.sizes:
                continue
            had = base.sizes[name]
            again = LEAST_BYTES <= had <= size and abs(size - then.sizes.get(name, 0)) <= SLACK
            lists[row.node, name].append((int(row.at_us), had, again))
    for (node, name), told in lists.items():
        # A list that is made anew each time is now longer and now shorter than the one before.
        if len(told) >= LISTS and all(again for *_, again in told):
            echo = found.setdefault(node, _Echo(told[0][0]))
            echo.times = max(echo.times, len(told))
            echo.channels[name] = None
            echo.pending_bytes += sum(had for _, had, _ in told)
            echo.stored_bytes += sum(had for _, had, _ in told)
    return found


LISTS = 3
"""Writes of a node to a list that all have to be longer than what was there."""


def _fans(
    thread: ThreadFacts, before: dict[str, Checkpoint], after: dict[str, Checkpoint]
) -> dict[str, _Echo]:
    found: dict[str, _Echo] = {}
    for row, parts in thread.writes:
        then = after.get(row.checkpoint) or before.get(row.checkpoint)
        sends = [size for name, size in parts if name == SENDS]
        if row.ns or then is None or not sends:
            continue
        state = sum(size for name, size in then.sizes.items() if not is_internal(name))
        whole = [size for size in sends if size >= max(LEAST_BYTES, WHOLE * state)]
        if not whole:
            continue
        echo = found.setdefault(row.node, _Echo(int(row.at_us)))
        echo.times += len(whole)
        echo.channels[SENDS] = None
        echo.pending_bytes += sum(whole)
        # The checkpoint of the step holds them once more, until they have run.
        echo.stored_bytes += sum(whole) + min(sum(whole), then.sizes.get(SENDS, 0))
    return found


def _echoed(look: Look, thread: ThreadFacts, node: str, echo: _Echo) -> Finding:
    names = ", ".join(echo.channels)
    usd = look.usd_a_month(thread.backend, echo.stored_bytes)
    return Finding(
        rule=ID, severity="warning",
        title=f"Node {node} wrote back {size(echo.pending_bytes)} that the state had already",
        subject=thread.subject(node=node), since_us=echo.since_us,
        measured=[
            Measure(name="written back", value=echo.pending_bytes, unit="bytes",
                    limit=look.limits["echoed"]),
            Measure(name="runs of the node", value=echo.times, unit="count",
                    limit=look.limits["times"]),
            Measure(name="channels", value=names),
            Measure(name="stored for it", value=echo.stored_bytes, unit="bytes"),
            Measure(name="calls looked at", value=len(thread.calls), unit="count"),
        ],
        why=f"It returns {names} as it was given. Whatever a node returns is stored as a pending "
        "write, and counts as changed: savers that write what changed store it anew, too.",
        fixes=[
            Fix(words="Return the keys that changed, and of a list what is new",
                code=f"""\
def {node if node.isidentifier() else "node"}(state: State) -> dict:
    ...
    return {{"changed": value}}  # not: return {{**state, "changed": value}}

class State(TypedDict):  # a list that grows: what is returned is added
    messages: Annotated[list[AnyMessage], add_messages]""", language="python",
                saving=Cost(bytes=echo.stored_bytes, usd_a_month=usd)),
        ],
        evidence=[thread.evidence("Who wrote which channel, step by step", "history")],
        cost=Cost(bytes=echo.stored_bytes, usd_a_month=usd),
    )  # fmt: skip


def _sent(look: Look, thread: ThreadFacts, node: str, echo: _Echo) -> Finding:
    usd = look.usd_a_month(thread.backend, echo.stored_bytes)
    return Finding(
        rule=ID, severity="warning",
        title=f"{echo.times:,} Sends carried {size(echo.pending_bytes)}, each most of the state",
        subject=thread.subject(node=node, channel=SENDS), since_us=echo.since_us,
        measured=[
            Measure(name="sent", value=echo.pending_bytes, unit="bytes",
                    limit=look.limits["echoed"]),
            Measure(name="Sends", value=echo.times, unit="count", limit=look.limits["times"]),
            Measure(name="stored for them", value=echo.stored_bytes, unit="bytes"),
            Measure(name="calls looked at", value=len(thread.calls), unit="count"),
        ],
        why="Each Send is stored with what it carries: as a pending write, and in the checkpoint "
        "before its tasks run. A Send of the state copies the state for every task.",
        fixes=[
            Fix(words="Send what the task needs",
                code="""\
def fan_out(state: State) -> list[Send]:
    return [Send("work", {"item": item}) for item in state["items"]]  # not: Send("work", state)""",
                language="python", saving=Cost(bytes=echo.stored_bytes, usd_a_month=usd),
                loss="A task sees what it was sent, not the rest of the state."),
        ],
        evidence=[thread.evidence("Pending writes, step by step", "history")],
        cost=Cost(bytes=echo.stored_bytes, usd_a_month=usd),
    )  # fmt: skip


RULE = Rule(about=ABOUT, thread=look_at)
