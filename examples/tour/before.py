"""The chatbot as many are first written; ``python -m examples.tour.before THREAD`` runs it."""

from __future__ import annotations

import sys
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

import statemeter
from examples.tour import talk

seen: list[bytes] = []
"""The leak: what a turn worked with stays here."""


class Chat(MessagesState):
    """The whole conversation is in the state."""

    prompt_chars: int


def prompt(state: Chat) -> dict[str, Any]:
    """Loads the prompt in each turn."""
    return {"prompt_chars": len(talk.load_prompt())}


def respond(state: Chat) -> dict[str, Any]:
    """Answers, and keeps what it worked with."""
    turn = len(state["messages"]) // 2
    seen.append(b"x" * 300_000)
    return {"messages": [AIMessage(talk.answer(turn), id=f"answer-{turn:03}")]}


def build(saver: Any) -> Any:
    """The graph, compiled with ``saver``."""
    builder = StateGraph(Chat)
    builder.add_node(prompt)
    builder.add_node(respond)
    builder.add_edge(START, "prompt")
    builder.add_edge("prompt", "respond")
    builder.add_edge("respond", END)
    return builder.compile(checkpointer=saver, name="chatbot")


def asked(turn: int) -> dict[str, Any]:
    """The input of a turn."""
    return {"messages": [HumanMessage(talk.question(turn), id=f"question-{turn:03}")]}


def held_bytes(saver: InMemorySaver) -> int:
    """Values of channels, checkpoints and pending writes, added up."""
    values = sum(len(value) for _, value in saver.blobs.values())
    documents = sum(
        len(checkpoint[1])
        for namespaces in saver.storage.values()
        for checkpoints in namespaces.values()
        for checkpoint, _, _ in checkpoints.values()
    )
    writes = sum(len(one[2][1]) for tasks in saver.writes.values() for one in tasks.values())
    return values + documents + writes


def main(thread: str) -> None:
    """Run it in memory."""
    saver = InMemorySaver()
    graph = statemeter.instrument(build(saver))
    talk.run(lambda turn: graph.invoke(asked(turn), talk.config(thread)), lambda: held_bytes(saver))


if __name__ == "__main__":
    main(sys.argv[1])
