"""Rule: pending writes that a RedisSaver forgets, and DeltaChannels, which it cannot rebuild.

``put`` stores a checkpoint with ``has_writes`` false, ``put_writes`` sets it. With the durability
``async`` both run at once: where ``put_writes`` is done first, ``put`` sets the mark back, and a
resume does not load the writes: a finished node runs once more (14 of 100 resumes; with ``sync``
none). ShallowRedisSaver keeps no such mark. Which was first is told by the application's clocks: a
loss is not seen where ``put_writes`` is held up between the answer of Redis and its return.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Row

from collector.findings.facts import ThreadFacts
from collector.findings.look import Look
from collector.findings.rule import Rule
from storage.findings import About, Finding, Fix, Measure

ID = "redis-lost-writes"

ABOUT = About(
    id=ID, title="RedisSaver loses pending writes",
    looks_at="The newest calls of a thread in Redis: pending writes that were stored before their "
    "checkpoint was, by the application's clocks; nodes that ran once more after they had "
    "finished; channels that are DeltaChannels.",
)  # fmt: skip

_SYNC = """\
graph.invoke(input, config, durability="sync")  # stream, ainvoke and astream have it, too"""
_PLAIN = """\
from typing import Annotated, TypedDict

from langgraph.graph.message import add_messages


class State(TypedDict):
    {channel}: Annotated[list, add_messages]  # in place of DeltaChannel"""
_POSTGRES = """\
from langgraph.checkpoint.postgres import PostgresSaver

with PostgresSaver.from_conn_string(url) as saver:
    saver.setup()
    graph = builder.compile(checkpointer=saver)"""


def look_at(look: Look, thread: ThreadFacts) -> Iterable[Finding]:
    """Writes that came before their checkpoint, and deltas."""
    # Of the shallow ones only the newest checkpoint is kept, without the mark.
    lost = overtaken(thread.calls) if thread.whole else []
    deltas = list(_deltas(thread, len(lost)))
    # The input (of no node) is stored beside its checkpoint with any durability, sync too, and the
    # step it belongs to ends at once: it matters to DeltaChannels only.
    of_nodes = [one for one in lost if one.node]
    if of_nodes and not deltas:
        yield _lost(thread, of_nodes)
    yield from deltas


def overtaken(calls: Iterable[Row[Any]]) -> list[Row[Any]]:
    """Calls of ``put_writes`` that ended before the ``put`` of their checkpoint did."""
    puts: dict[tuple[str, str], int] = {}
    writes = defaultdict(list)
    for one in calls:
        if one.error or one.duration_us < 0:
            continue
        if one.operation == "put":
            puts[one.ns, one.checkpoint] = one.at_us + one.duration_us
        elif one.operation == "put_writes" and one.rows:
            writes[one.ns, one.checkpoint].append(one)
    return [
        one for key, found in writes.items() for one in found
        if one.at_us + one.duration_us < puts.get(key, 0)
    ]  # fmt: skip


def run_again(thread: ThreadFacts) -> int:
    """How often a task ran that had finished before: after a resume, or a run that was cut off."""
    finished: set[tuple[str, str]] = set()
    again = 0
    for one in thread.nodes:
        key = one.ns, one.task
        again += one.task != "" and key in finished
        if not one.error and not one.cached:
            finished.add(key)
    return again


def _lost(thread: ThreadFacts, lost: list[Row[Any]]) -> Finding:
    again = run_again(thread)
    nodes = sorted({one.node for one in lost if one.node})
    writes = f"{len(lost):,} pending writes were stored before their checkpoint"
    title = f"{writes}; {again:,} finished nodes ran once more" if again else writes
    return Finding(
        rule=ID, severity="critical" if again else "warning", title=title,
        subject=thread.subject(),
        measured=[
            Measure(name="pending writes stored before their checkpoint", value=len(lost),
                    unit="count", limit=0),
            Measure(name="finished nodes that ran once more", value=again, unit="count"),
            *([Measure(name="of nodes", value=", ".join(nodes[:5]))] if nodes else []),
        ],
        since_us=lost[0].at_us,
        why="put sets the mark back that put_writes has set, and a resume after an interrupt, an "
        "error or a crash does not load these writes: what had finished runs once more, with all "
        "it does outside. In a step that ends they are not needed any more.",
        fixes=[
            Fix(words="Store the checkpoint before the next nodes run", code=_SYNC,
                language="python",
                loss="Each step waits for its checkpoint: its duration is told at the thread."),
            Fix(words="A saver that keeps them, such as PostgresSaver", code=_POSTGRES,
                language="python", loss="Another server."),
        ],
        evidence=[thread.evidence("Puts and pending writes of each step")],
    )  # fmt: skip


def _deltas(thread: ThreadFacts, lost: int) -> Iterator[Finding]:
    steps: dict[str, int] = {}
    since: dict[str, int] = {}
    for put in thread.puts:
        detail = json.loads(put.detail)
        told = detail.get("deltas", {}) | dict.fromkeys(detail.get("snapshots", []), 0)
        for name, walk in told.items():
            steps[name] = max(steps.get(name, 0), walk)
            since.setdefault(name, put.at_us)
    for name, walk in steps.items():
        yield Finding(
            rule=ID, severity="critical",
            title=f"{name} is a DeltaChannel on Redis, rebuilt from up to {walk:,} steps of writes",
            subject=thread.subject(channel=name),
            measured=[
                Measure(name="steps without a snapshot, at most", value=walk, unit="count"),
                Measure(name="checkpoints looked at", value=len(thread.puts), unit="count"),
                Measure(name="pending writes stored before their checkpoint", value=lost,
                        unit="count", limit=0),
            ],
            since_us=since[name],
            why="Its value is in no checkpoint, but in the pending writes of the steps before. "
            "Where RedisSaver forgets these, messages are missing from then on, without an error; "
            "and each read asks the server once for every step.",
            fixes=[
                Fix(words="A plain channel, with the messages in each checkpoint",
                    code=_PLAIN.format(channel=name if name.isidentifier() else "messages"),
                    language="python", loss="Each checkpoint has the whole list again."),
                Fix(words="A saver that keeps all writes, such as PostgresSaver", code=_POSTGRES,
                    language="python", loss="Another server."),
            ],
            evidence=[thread.evidence("Deltas and snapshots")],
        )  # fmt: skip


RULE = Rule(about=ABOUT, thread=look_at, backends=frozenset({"redis"}))
