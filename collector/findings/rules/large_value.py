"""Rule: a large value lies in the state, and is stored again and again beside what changes.

SqliteSaver and RedisSaver write all channels with each checkpoint, so that a document of 1 MB that
no node touches costs 1 MB a step; the others write it once for each step that writes its channel.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from collector.findings.facts import Channel, ThreadFacts
from collector.findings.look import Look
from collector.findings.predictions import fix
from collector.findings.rule import Rule, threshold
from storage import formats
from storage.findings import About, Cost, Finding, Fix, Measure
from storage.history_sizes import is_internal

ID = "large-value"
CRITICAL_BYTES = 1_000_000_000
"""Stored of one value of one thread."""
TOOL = "ToolMessage"

ABOUT = About(
    id=ID, title="A large value lies in the state",
    looks_at="The largest value of each channel, and of each list its largest element, at the "
    "newest checkpoints of a thread, and how often they stored it. What it holds is never read.",
    thresholds=[
        threshold("value", 256_000, "bytes", 1_000, 1e10,
                  "A value or an element of a list that is larger: a document, an image in base64. "
                  "Text of 256 KB is about 64,000 tokens, more than most models are given."),
        threshold("tool", 50_000, "bytes", 1_000, 1e10,
                  "The same of a ToolMessage: 50 KB are about 12,000 tokens of tool output."),
        threshold("stored", 2, "times", 1, 10_000,
                  "Stored so often; what is stored once costs no more than it would elsewhere."),
    ],
)  # fmt: skip


@dataclass(frozen=True)
class _Value:
    """A large value as the thread has it now."""

    channel: Channel
    kind: str
    """Class of an element of a list; empty: the value of the channel."""
    size: int
    limit: float
    versions: list[tuple[int, int]]
    """(µs, bytes) of what held it, each time that it was stored."""

    @property
    def stored_bytes(self) -> int:
        """Of all times."""
        if self.kind:
            return self.size * len(self.versions)
        return sum(size for _, size in self.versions)


def look_at(look: Look, thread: ThreadFacts) -> Iterable[Finding]:
    """Channels of the root graph with a large value."""
    for channel in thread.channels:
        if channel.namespace or is_internal(channel.name):
            continue
        if channel.live_bytes <= min(look.limits["value"], look.limits["tool"]):
            continue
        value = _largest(look, thread, channel)
        if value is not None and len(value.versions) >= look.limits["stored"]:
            yield _finding(look, thread, value)


def _largest(look: Look, thread: ThreadFacts, channel: Channel) -> _Value | None:
    kind, size, limit = "", channel.live_bytes, look.limits["value"]
    if channel.elements is not None:
        told = [one.lists[channel.name][1] for one in thread.checkpoints
                if channel.name in one.lists and one.lists[channel.name][1]]  # fmt: skip
        if not told:
            return None  # it was last written before the checkpoints that are looked at
        _, kind, size = told[-1][0]
        limit = look.limits["tool"] if kind == TOOL else limit
    if size <= limit:
        return None
    versions = thread.versions(channel.name)
    return _Value(channel, kind, size, limit, [one for one in versions if one[1] >= size])


def _finding(look: Look, thread: ThreadFacts, value: _Value) -> Finding:
    name, times, size = value.channel.name, len(value.versions), value.size
    what = f"A {value.kind} in {name}" if value.kind else name
    needless = value.stored_bytes - size
    usd = look.usd_a_month(thread.backend, needless)
    again = (
        "This saver writes all channels with each checkpoint, whether a step changed them or not"
        if thread.whole
        else "This saver writes the channel anew with each step that writes to it"
    )
    return Finding(
        rule=ID, severity="critical" if value.stored_bytes >= CRITICAL_BYTES else "warning",
        title=f"{what} has {formats.size(size)}, and was stored {times:,} times",
        subject=thread.subject(channel=name), since_us=value.versions[0][0],
        measured=[
            Measure(name="largest value", value=size, unit="bytes", limit=value.limit),
            Measure(name="kind", value=value.kind or "the value of the channel"),
            Measure(name="stored", value=times, unit="times", limit=look.limits["stored"]),
            Measure(name="stored of it", value=value.stored_bytes, unit="bytes"),
            Measure(name="checkpoints looked at", value=len(thread.puts), unit="count"),
        ],
        why=f"{again}. Every load of the thread reads it, too. Keep large values in a store or in "
        "files, and a key in the state.",
        fixes=[*_designs(look, thread, name), *_by_hand(look, thread, value)],
        evidence=[
            thread.evidence("Bytes by channel, and the largest elements"),
            thread.evidence("What each checkpoint holds", "history"),
        ],
        cost=Cost(bytes=needless, usd_a_month=usd),
    )  # fmt: skip


def _designs(look: Look, thread: ThreadFacts, name: str) -> list[Fix]:
    return [
        fix(one, Cost(bytes=one.saved_bytes,
                      usd_a_month=look.usd_a_month(thread.backend, one.saved_bytes)))
        for one in look.designs(thread)
        if one.design.kind == "reference" and one.design.channel == name
    ]  # fmt: skip


def _by_hand(look: Look, thread: ThreadFacts, value: _Value) -> Iterable[Fix]:
    name = value.channel.name
    if value.kind:
        saved = value.stored_bytes - value.size
        yield Fix(
            words="Keep the content in the store, and its key in the list",
            code=f"""\
import uuid

def keep(store: BaseStore, content: str) -> str:
    key = str(uuid.uuid4())
    store.put(("{name if name.isidentifier() else "content"}",), key, {{"content": content}})
    return key  # read it by store.get(...).value["content"]

graph = builder.compile(checkpointer=saver, store=store)""",
            language="python", loss="A read of the store where the content is needed. Items are "
            "not deleted with the thread.",
            saving=Cost(bytes=saved, usd_a_month=look.usd_a_month(thread.backend, saved)),
        )  # fmt: skip
        return
    saved = value.stored_bytes
    field = name if name.isidentifier() else "value"
    yield Fix(
        words="Do not store it at all, where one run alone needs it",
        code=f"""\
from langgraph.channels import UntrackedValue

class State(TypedDict):
    {field}: Annotated[bytes, UntrackedValue]  # with the type that it has now""",
        language="python", loss="The next run, and a run that goes on after an interrupt or a "
        "failure, does not have it. As a part of the input it is still stored once.",
        saving=Cost(bytes=saved, usd_a_month=look.usd_a_month(thread.backend, saved)),
    )  # fmt: skip


RULE = Rule(about=ABOUT, thread=look_at)
