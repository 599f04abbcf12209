"""Short questions: the conversation is trimmed, so that its memory stays flat."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.runtime import Runtime

from examples.demo import corpus
from examples.demo.visit import Visit

KEPT_MESSAGES = 6


class Conversation(TypedDict):
    """The state of a conversation."""

    messages: Annotated[list[AnyMessage], add_messages]


async def forget(state: Conversation) -> dict[str, Any]:
    """Remove all but the newest messages."""
    old = state["messages"][:-KEPT_MESSAGES]
    return {"messages": [RemoveMessage(id=message.id) for message in old]}


async def respond(state: Conversation, runtime: Runtime[Visit]) -> dict[str, Any]:
    """A short answer."""
    await runtime.context.think_async()
    rng = runtime.context.rng
    text = corpus.answer(rng, rng.randint(1, 4))
    return {"messages": [AIMessage(text, id=corpus.message_id(rng))]}


def build(saver: Any) -> Any:
    """The graph, compiled with ``saver``."""
    builder = StateGraph(Conversation, context_schema=Visit)
    builder.add_node(forget)
    builder.add_node(respond)
    builder.add_edge(START, "forget")
    builder.add_edge("forget", "respond")
    builder.add_edge("respond", END)
    return builder.compile(checkpointer=saver, name="faq-bot")


async def turn(graph: Any, visit: Visit) -> None:
    """A visitor asks."""
    text = corpus.question(visit.rng, first=True)
    question = HumanMessage(text, id=corpus.message_id(visit.rng))
    await graph.ainvoke({"messages": [question]}, visit.config, context=visit)
