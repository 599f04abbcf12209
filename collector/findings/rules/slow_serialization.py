"""Rule: the serializer takes most of the time that a thread's checkpoints take, and much of it.

What it takes depends on the types: for 2,000 objects dicts need a tenth of the time of messages,
and a list of a million floats, on Redis, more than a hundred times that of an ndarray elsewhere.
docs/serialization.md says how it is measured.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

from sqlalchemy import Row

from collector.findings.facts import ThreadFacts
from collector.findings.look import Look
from collector.findings.rule import Rule, threshold
from storage.findings import About, Cost, Finding, Fix, Measure
from storage.queries_serializing import is_pickle

ID = "slow-serialization"

ABOUT = About(
    id=ID, title="Serializing takes the time of checkpoints",
    looks_at="Time in the serializer and in the whole call, of the newest calls of a thread that "
    "write or read, and the tag of the serializer.",
    thresholds=[
        threshold("share", 0.5, "share", 0.05, 1,
                  "Share of the time of the calls: more than all else they do."),
        threshold("step", 20, "ms", 0.1, 60_000,
                  "Median time to serialize a checkpoint; below that nobody waits for it."),
        threshold("calls", 10, "count", 3, 200, "Fewer checkpoints may have been the first ones."),
    ],
)  # fmt: skip

_WRITES = ("put", "put_writes")
_NDARRAY = """\
import numpy as np

def node(state):
    return {{"{channel}": np.asarray(values, dtype=np.float32)}}  # a list of floats before"""
_REDIS = """\
def node(state):  # its serializer keeps no ndarray: bytes, or a reference
    return {{"{channel}": np.asarray(values, dtype=np.float32).tobytes()}}"""
_PLAIN = """\
def node(state):  # plain values instead of objects: a tenth of the time and less
    return {{"{channel}": [one.model_dump() for one in found]}}"""
_MSGPACK = """\
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

saver.serde = JsonPlusSerializer()  # pickle_fallback is off: an unknown type raises
# and in the state: values of plain types, dataclasses, pydantic models, messages, ndarrays"""


def look_at(look: Look, thread: ThreadFacts) -> Iterable[Finding]:
    """The writing calls of a thread, the slowest channel and pickles among them."""
    calls = [call for call in thread.calls
             if call.operation in _WRITES and not call.error and call.duration_us >= 0
             and call.serde_us >= 0]  # fmt: skip
    puts = [call for call in calls if call.operation == "put"]
    if len(puts) < look.limits["calls"]:
        return
    steps = _steps(calls)
    step_us = median(steps)
    whole = sum(call.duration_us for call in calls)
    share = sum(call.serde_us for call in calls) / whole if whole else 0.0
    pickled = [call for call in calls if is_pickle(call.serializer)]
    slow = share >= look.limits["share"] and step_us >= look.limits["step"] * 1000
    if slow or pickled:
        yield _finding(look, thread, calls, (share, step_us, slow), pickled)


def _steps(calls: Sequence[Row[Any]]) -> list[int]:
    """µs in the serializer by checkpoint: its put, and the pending writes that follow it."""
    steps: dict[tuple[str, str], int] = defaultdict(int)
    for call in calls:
        steps[call.ns, call.checkpoint] += call.serde_us
    return list(steps.values())


def _slowest(calls: Sequence[Row[Any]]) -> tuple[str, str, float, int]:
    """Channel, type of its largest elements, µs and bytes, of calls that serialized it alone."""
    time: dict[str, int] = defaultdict(int)
    size: dict[str, int] = defaultdict(int)
    types: dict[str, str] = {}
    for call in calls:
        for name, (_, largest) in (json.loads(call.lists) or {}).items():
            types[name] = str(largest[0][1]) if largest else ""
        if call.operation == "put_writes":
            told = [(name, n) for name, n in json.loads(call.channels) or [] if n]
            if len(told) == 1:
                time[told[0][0]] += call.serde_us
                size[told[0][0]] += told[0][1]
    name = max(time, key=lambda one: time[one], default="")
    return name, types.get(name, ""), time.get(name, 0), size.get(name, 0)


def _finding(
    look: Look, thread: ThreadFacts, calls: Sequence[Row[Any]], sums: tuple[float, float, bool],
    pickled: list[Row[Any]],
) -> Finding:  # fmt: skip
    share, step_us, slow = sums
    channel, kind, took, size = _slowest(calls)
    measured = [
        Measure(name="serializer's share of the calls", value=share, unit="share",
                limit=look.limits["share"]),
        Measure(name="serializing a checkpoint, median", value=step_us, unit="us",
                limit=look.limits["step"] * 1000),
        Measure(name="calls looked at", value=len(calls), unit="count"),
    ]  # fmt: skip
    if channel and took:
        measured += [Measure(name="slowest channel", value=channel),
                     Measure(name="bytes of it in a second", value=size / took * 1e6,
                             unit="bytes")]  # fmt: skip
    if kind:
        measured.append(Measure(name="type of its largest element", value=kind))
    if pickled:
        measured.append(Measure(name="calls that wrote pickles", value=len(pickled), unit="count"))
    title = (
        f"Serializing takes {step_us / 1000:,.1f} ms a checkpoint, {share:.0%} of the calls"
        if slow else f"{len(pickled)} of {len(calls)} calls wrote pickles"
    )  # fmt: skip
    return Finding(
        rule=ID, severity="warning" if slow else "info", title=title,
        subject=thread.subject(**({"channel": channel} if slow and channel else {})),
        since_us=int(calls[0].at_us), measured=measured,
        why=("The time goes into turning values to bytes, not to the database; a faster database "
             "would not help. " if slow else "")
        + ("A pickle runs code when it is read: whoever may write to the database may run code in "
           "your process. It also breaks when a class is moved." if pickled else ""),
        fixes=_fixes(thread, channel or "channel", kind, slow, bool(pickled)),
        evidence=[thread.evidence("Time and bytes by channel and type", "serialization")],
        cost=Cost(ms=step_us / 1000, what="a checkpoint") if slow else Cost(),
    )  # fmt: skip


def _fixes(thread: ThreadFacts, channel: str, kind: str, slow: bool, pickled: bool) -> list[Fix]:
    fixes = []
    if slow:
        redis = thread.backend == "redis"
        numbers = Fix(words="Keep long lists of numbers as an array.", language="python",
                      code=(_REDIS if redis else _NDARRAY).format(channel=channel),
                      loss="Nodes get an array instead of a list.")  # fmt: skip
        plain = Fix(words="Keep plain values in the state, and make objects of them in the node.",
                    code=_PLAIN.format(channel=channel), language="python",
                    loss="The methods and the checks of the objects, in the state.")  # fmt: skip
        fixes += [numbers, plain] if kind in {"", "float", "int"} else [plain, numbers]
    if pickled:
        fixes.append(Fix(words="Write msgpack, LangGraph's own, without the fallback to pickle.",
                         code=_MSGPACK, language="python",
                         loss="Types that msgpack cannot write leave the state."))  # fmt: skip
    return fixes


RULE = Rule(about=ABOUT, thread=look_at)
