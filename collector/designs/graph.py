"""A real graph that plays a plan: its one node returns what each step of the thread wrote.

Contents are made up: lists of messages hold messages of the same bytes, other lists texts, other
channels a text. The difference between designs is what a user would change: the reducer, a
``DeltaChannel``, the durability, a node that summarizes, a value in a store.
"""

from __future__ import annotations

import itertools
import operator
import uuid
from collections.abc import Callable, Iterator
from typing import Annotated, Any, TypedDict

from langchain_core.messages import HumanMessage, RemoveMessage
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.graph.message import REMOVE_ALL_MESSAGES, _messages_delta_reducer
from langgraph.store.memory import InMemoryStore
from langgraph.types import Overwrite

from collector.designs.plan import Change, Plan, Run
from storage.design_changes import REFERENCE_BYTES
from storage.designs import Design, Settings

_ID = "0" * 36
_BARE_BYTES = len(JsonPlusSerializer().dumps_typed(HumanMessage("", id=_ID))[1])
"""A message without a text."""


class Player:
    """The graph of one design, and what its node is about to return."""

    def __init__(self, plan: Plan, design: Design, settings: Settings) -> None:
        self._plan, self._design, self._settings = plan, design, settings
        self._steps: Iterator[tuple[Change, ...]] = iter(())
        self._next: tuple[Change, ...] | None = None
        self._numbers = itertools.count()
        self._store = InMemoryStore()
        self.durability: Any = "exit" if "exit" in design.kind else plan.durability

    def compiled(self, saver: Any) -> Any:
        """The graph over a saver."""
        fields: dict[str, Any] = {name: Annotated[list, self._reducer(name)]
                                  for name in self._plan.lists}  # fmt: skip
        fields |= dict.fromkeys(self._plan.values, str)
        state: Any = TypedDict("State", fields, total=False)  # type: ignore[misc]
        builder = StateGraph(state)
        builder.add_node("step", self._step)
        builder.add_edge(START, "step")
        ends: list[Any] = ["step", END]
        if self._design.kind == "summarize":
            builder.add_node("summarize", self._summarize)
            builder.add_edge("summarize", END)
            ends.append("summarize")
        builder.add_conditional_edges("step", self._then, ends)
        return builder.compile(checkpointer=saver, store=self._store)

    def begin(self, run: Run) -> dict[str, Any]:
        """Have a run played next; its input."""
        first, *rest = run.steps or [()]
        self._steps = iter(rest)
        self._next = next(self._steps, None)
        return self._update(first)

    def steps(self, run: Run) -> int:
        """Super-steps that a run takes at most."""
        return len(run.steps) + 5

    def _step(self, state: Any) -> dict[str, Any]:
        now, self._next = self._next or (), next(self._steps, None)
        return self._update(now)

    def _then(self, state: Any) -> str:
        if self._next is not None:
            return "step"
        design = self._design
        if design.kind == "summarize" and len(state.get(design.channel, ())) >= design.number:
            return "summarize"
        return str(END)

    def _summarize(self, state: Any) -> dict[str, Any]:
        _, size, keep = self._settings.summary
        channel = self._design.channel
        old = [RemoveMessage(REMOVE_ALL_MESSAGES), self._message(size)]
        return {channel: [*old, *state[channel][-keep:]]}

    def _reducer(self, channel: str) -> Any:
        messages = channel in self._plan.messages
        if channel == self._design.channel:
            if self._design.kind == "delta":
                reducer: Any = _messages_delta_reducer if messages else _extend
                return DeltaChannel(reducer, list, snapshot_frequency=self._design.number)
            if self._design.kind.startswith("trim"):
                return _newest(add_messages if messages else operator.add, self._design.number)
        return add_messages if messages else operator.add

    def _update(self, step: tuple[Change, ...]) -> dict[str, Any]:
        return {change.channel: self._value(change) for change in step}

    def _value(self, change: Change) -> Any:
        if change.channel in self._plan.lists:
            count = change.elements or change.replaced
            make = self._message if change.channel in self._plan.messages else _text
            size, more = divmod(max(change.bytes, count), max(count, 1))
            made = [make(size + (place < more)) for place in range(count)]
            return made if change.elements else Overwrite(made)
        if self._design.kind == "reference" and change.channel == self._design.channel:
            key = f"{uuid.UUID(int=next(self._numbers))}"
            self._store.put((change.channel,), key, {"value": _text(change.bytes)})
            return _text(REFERENCE_BYTES - len(key) - 2) + key
        return _text(change.bytes)

    def _message(self, size: int) -> HumanMessage:
        return HumanMessage("x" * max(size - _BARE_BYTES, 0), id=f"{next(self._numbers):036d}")


def _text(size: int) -> str:
    """A text that msgpack packs into so many bytes."""
    head = 1 if size < 33 else 2 if size < 258 else 3 if size < 65_539 else 5
    return "x" * max(size - head, 0)


def _extend(state: list[Any], writes: list[list[Any]]) -> list[Any]:
    return [*state, *itertools.chain.from_iterable(writes)]


def _newest(reducer: Callable[..., Any], number: int) -> Callable[[Any, Any], Any]:
    def reduce(left: Any, right: Any) -> Any:
        return reducer(left, right)[-number:]

    return reduce
