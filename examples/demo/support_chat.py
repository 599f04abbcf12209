"""Support tickets: every message is kept, so what is stored grows with the square of the turns."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.runtime import Runtime

from examples.demo import corpus
from examples.demo.visit import Visit


class Ticket(TypedDict):
    """The state of a ticket."""

    messages: Annotated[list[AnyMessage], add_messages]
    customer: dict[str, Any]
    priority: str


def triage(state: Ticket, runtime: Runtime[Visit]) -> dict[str, Any]:
    """Who asks, and how urgent it is."""
    rng = runtime.context.rng
    urgent = "error" in str(state["messages"][-1].content)
    update: dict[str, Any] = {"priority": "high" if urgent else "normal"}
    if "customer" not in state:
        update["customer"] = {
            "name": rng.choice(corpus.CUSTOMERS),
            "account": f"AC-{rng.randint(100_000, 999_999)}",
            "products": rng.sample(corpus.PRODUCTS, 2),
        }
    return update


def reply(state: Ticket, runtime: Runtime[Visit]) -> dict[str, Any]:
    """Answer the newest message."""
    runtime.context.think()
    rng = runtime.context.rng
    text = corpus.answer(rng, rng.randint(2, 14))
    return {"messages": [AIMessage(text, id=corpus.message_id(rng))]}


def build(saver: Any) -> Any:
    """The graph, compiled with ``saver``."""
    builder = StateGraph(Ticket, context_schema=Visit)
    builder.add_node(triage)
    builder.add_node(reply)
    builder.add_edge(START, "triage")
    builder.add_edge("triage", "reply")
    builder.add_edge("reply", END)
    return builder.compile(checkpointer=saver, name="support-chat")


def turn(graph: Any, visit: Visit) -> None:
    """The customer writes; now and then the browser is closed before the answer is there."""
    text = corpus.question(visit.rng, first=visit.number == 1)
    inputs = {"messages": [HumanMessage(text, id=corpus.message_id(visit.rng))]}
    if visit.number % 2:
        graph.invoke(inputs, visit.config, context=visit)
        return
    leaves_early = visit.rng.random() < 0.05
    updates = graph.stream(inputs, visit.config, context=visit, stream_mode="updates")
    for _update in updates:
        if leaves_early:
            updates.close()
            break
