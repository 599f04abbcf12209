"""What a design gives up, whether it can be had, and the code that makes it so."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from storage import design_pruning
from storage.design_changes import returns_all
from storage.design_thread import Recorded, runs_of

DELTA_SINCE = (1, 2)
"""Version of langgraph that has ``DeltaChannel``."""

SLOW_WALK = frozenset({"mongodb", "valkey"})
"""Backends without ``get_delta_channel_history`` of their own."""


@dataclass(frozen=True)
class Advice:
    """For a person who considers a design."""

    why_not: str = ""
    """Empty: it can be had."""
    gives_up: list[str] = field(default_factory=list)
    code: str = ""


def of(kind: str, channel: str, number: int, thread: Recorded) -> Advice:
    """About one design of a thread."""
    if "exit" in kind and _has_delta(thread):
        return Advice(
            'The thread has a DeltaChannel. With durability="exit" its deltas are gathered under '
            "the checkpoint before a run; what that takes is not worked out here."
        )
    if kind == "trim+exit":
        parts = (of("trim", channel, number, thread), of("exit", channel, number, thread))
        return Advice(
            gives_up=[text for part in parts for text in part.gives_up],
            code="\n\n".join(part.code for part in parts),
        )
    return _KINDS[kind](thread, channel, number)


def _delta(thread: Recorded, channel: str, number: int) -> Advice:
    if thread.backend == "redis":
        return Advice("RedisSaver loses writes of a DeltaChannel: messages vanish. Not on Redis.")
    if thread.langgraph and _version(thread.langgraph) < DELTA_SINCE:
        return Advice(
            f"DeltaChannel came with langgraph 1.2; the application runs {thread.langgraph}."
        )
    gives_up = ["DeltaChannel is in beta: its API and what it stores may change."]
    if not thread.langgraph:
        gives_up.append("It needs langgraph 1.2 or newer; which one writes this thread is unknown.")
    gives_up.append(
        f"Loading walks up to {number:,} updates back to a snapshot; older checkpoints cost the "
        "same. Never delete checkpoints one by one: the value is rebuilt from them."
    )
    if thread.backend in SLOW_WALK:
        gives_up.append(
            "This saver has no read of its own for it: each ancestor is a query, with all of its "
            "writes. Keep the frequency low."
        )
    if returns_all(thread, channel):
        gives_up.append(
            f"Nodes return the whole of {channel} today; they have to return what they add. The "
            "prediction takes its growth for that."
        )
    if _is_exit(thread):
        gives_up.append(
            'The thread is written with durability="exit": updates within a run were not seen, so '
            "that snapshots may come sooner than predicted."
        )
    return Advice(gives_up=gives_up, code=_delta_code(thread, channel, number))


def _trim(thread: Recorded, channel: str, number: int) -> Advice:
    gives_up = [f"All but the newest {number:,} are gone from the state, for nodes and the model."]
    if channel in thread.message_channels:
        gives_up.append(
            "The first one kept may be the answer of a tool whose call is gone, which some models "
            "refuse: cut at a human message where tools are called."
        )
        code = f"""\
from langgraph.graph import add_messages

def newest(left: list, right: list) -> list:
    return add_messages(left, right)[-{number}:]

class State(TypedDict):
    {_field(channel)}: Annotated[list[AnyMessage], newest]"""
        return Advice(gives_up=gives_up, code=code)
    code = f"""\
def newest(left: list, right: list) -> list:
    return (left + right)[-{number}:]

class State(TypedDict):
    {_field(channel)}: Annotated[list, newest]"""
    return Advice(gives_up=gives_up, code=code)


def _summarize(thread: Recorded, channel: str, number: int) -> Advice:
    if channel not in thread.message_channels:
        return Advice("Only messages can be summarized by a model.")
    gives_up = [
        "A summary forgets: details of older messages are gone from the state.",
        "A call of a model more each time, and one super-step; the prediction counts its bytes, "
        "not its time or tokens.",
    ]
    name = json.dumps(channel)
    return Advice(
        gives_up=gives_up,
        code=f"""\
from langchain_core.messages import HumanMessage, RemoveMessage
from langgraph.graph.message import REMOVE_ALL_MESSAGES

def summarize(state: State) -> State:
    old, kept = state[{name}][:-4], state[{name}][-4:]
    summary = model.invoke([*old, HumanMessage("Summarize this in a few sentences.")]).text
    return {{{name}: [RemoveMessage(REMOVE_ALL_MESSAGES), HumanMessage(summary), *kept]}}

def then(state: State) -> str:  # where the graph ended until now
    return "summarize" if len(state[{name}]) >= {number} else END

builder.add_node("summarize", summarize)
builder.add_edge("summarize", END)
builder.add_conditional_edges("answer", then, ["summarize", END])""",
    )


def _reference(thread: Recorded, channel: str, _: int) -> Advice:
    gives_up = [
        "A read of the store wherever a node needs the value, and a write for each new one.",
        "Time travel finds older values as long as their items are kept: nobody deletes them with "
        "the thread.",
    ]
    name = json.dumps(channel)
    return Advice(
        gives_up=gives_up,
        code=f"""\
import uuid

def keep(store: BaseStore, value: object) -> str:
    key = f"{{uuid.uuid4()}}"
    store.put(({name},), key, {{"value": value}})
    return key

def node(state: State, *, store: BaseStore) -> State:
    value = store.get(({name},), state[{name}]).value["value"]
    return {{{name}: keep(store, changed(value))}}  # and before invoke: keep(store, value)

graph = builder.compile(checkpointer=saver, store=store)""",
    )


def _exit(thread: Recorded, _: str, __: int) -> Advice:
    gives_up = [
        "A process that dies in mid-run loses all of the run: nothing to resume from.",
        "History has the end of each run alone: no time travel to, and no fork from, a step "
        "within.",
    ]
    interrupted = any(name == "__interrupt__" for write in thread.writes for name, _ in write.parts)
    if interrupted:
        gives_up.append(
            "This thread was interrupted: that still works, as a run that stops is written, but a "
            "crash before it loses the run."
        )
    if any(put.source in {"fork", "update"} for put in thread.puts):
        gives_up.append(
            "This thread was forked or updated by hand: with exit, only ends of runs can be."
        )
    code = 'graph.invoke(inputs, config, durability="exit")  # stream, ainvoke, astream as well'
    return Advice(gives_up=gives_up, code=code)


def _prune(thread: Recorded, _: str, number: int) -> Advice:
    if thread.backend in design_pruning.WHY_NOT:
        return Advice(design_pruning.WHY_NOT[thread.backend])
    if _has_delta(thread):
        return Advice(design_pruning.DELTAS)
    code = design_pruning.code(thread, number)
    if not code:
        return Advice(f"Nothing is known of how {thread.class_name or 'this saver'} deletes.")
    gives_up = [
        "Time travel further back than what is kept, and the record of what was.",
        "As much is written as before, and the deletes besides.",
    ]
    if thread.backend == "sqlite":
        gives_up.append("The file stays as large until VACUUM; new checkpoints use the room.")
    return Advice(gives_up=gives_up, code=code)


_KINDS = {
    "delta": _delta, "trim": _trim, "summarize": _summarize, "reference": _reference,
    "exit": _exit, "prune": _prune,
}  # fmt: skip


def _delta_code(thread: Recorded, channel: str, number: int) -> str:
    if channel in thread.message_channels:
        return f"""\
from langgraph.channels import DeltaChannel
from langgraph.graph.message import _messages_delta_reducer  # LangGraph's own, experimental

class State(TypedDict):
    {_field(channel)}: Annotated[
        list[AnyMessage], DeltaChannel(_messages_delta_reducer, snapshot_frequency={number})
    ]"""
    return f"""\
from langgraph.channels import DeltaChannel

def extend(state: list, writes: list[list]) -> list:
    return [*state, *(item for write in writes for item in write)]

class State(TypedDict):
    {_field(channel)}: Annotated[list, DeltaChannel(extend, snapshot_frequency={number})]"""


def _field(channel: str) -> str:
    """The name of a channel where Python wants an identifier: users' own text."""
    return channel if channel.isidentifier() else "messages"


def _has_delta(thread: Recorded) -> bool:
    return any(put.walked for put in thread.puts)


def _is_exit(thread: Recorded) -> bool:
    runs = runs_of(thread.puts)
    return bool(runs) and max(runs.values()) == 1


def _version(told: str) -> tuple[int, ...]:
    """The first two numbers of a version; what is none counts as new."""
    numbers = [int(part) for part in told.split(".")[:2] if part.isdigit()]
    return tuple(numbers) or DELTA_SINCE
