"""The chatbot as many are first written; ``python -m examples.tour.before THREAD`` runs it."""

from __future__ import annotations

import sys
from typing import Annotated, Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.cache.memory import InMemoryCache
from langgraph.channels import UntrackedValue
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import CachePolicy

import statemeter
from examples.tour import talk


class Chat(MessagesState):
    """The whole conversation is in the state."""

    prompt: Annotated[str, UntrackedValue]
    """Of this run alone: it is in no checkpoint."""


def prompt(state: Chat) -> dict[str, Any]:
    """Loads the prompt: cached, as it is slow. But the key of the cache is made of all that the
    node is given, and no turn has the messages of another: it is loaded each time, and each result
    stays."""
    turn = len(state["messages"]) // 2
    return {"prompt": talk.load_prompt(talk.topic(turn))}


def respond(state: Chat) -> dict[str, Any]:
    """Answers."""
    turn = len(state["messages"]) // 2
    text = talk.answer(turn, state["prompt"])
    return {"messages": [AIMessage(text, id=f"answer-{turn:03}")]}


def build(saver: Any) -> Any:
    """The graph, compiled with ``saver``."""
    builder = StateGraph(Chat)
    builder.add_node("prompt", prompt, cache_policy=CachePolicy())
    builder.add_node("respond", respond)
    builder.add_edge(START, "prompt")
    builder.add_edge("prompt", "respond")
    builder.add_edge("respond", END)
    return builder.compile(checkpointer=saver, cache=InMemoryCache(), name="chatbot")


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
