"""An agent on call: a loop of model and tools, whose output is large, and a tool that may fail."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.runtime import Runtime

from examples.demo import corpus
from examples.demo.visit import Visit

TOOLS = ("search_logs", "read_metrics", "open_runbook")


class Incident(TypedDict):
    """The state of an incident."""

    messages: Annotated[list[AnyMessage], add_messages]
    tool_calls_left: int


async def model(state: Incident, runtime: Runtime[Visit]) -> dict[str, Any]:
    """Ask for a tool, or conclude when none is left to try."""
    await runtime.context.think_async()
    rng = runtime.context.rng
    message_id = corpus.message_id(rng)
    if not state["tool_calls_left"]:
        return {"messages": [AIMessage(corpus.answer(rng, 5), id=message_id)]}
    call = {
        "name": rng.choice(TOOLS),
        "args": {"service": rng.choice(corpus.TEAMS), "minutes": rng.randint(5, 90)},
        "id": f"call_{rng.getrandbits(48):012x}",
    }
    return {
        "messages": [AIMessage("", tool_calls=[call], id=message_id)],
        "tool_calls_left": state["tool_calls_left"] - 1,
    }


async def tools(state: Incident, runtime: Runtime[Visit]) -> dict[str, Any]:
    """Run the tool that was asked for: 1 to 25 KB of output."""
    if runtime.context.outage:
        raise ConnectionError("the monitoring service does not answer")
    await runtime.context.think_async()
    rng = runtime.context.rng
    call = state["messages"][-1].tool_calls[0]
    if call["name"] == "search_logs":
        output = corpus.log_lines(rng, rng.randint(20, 320))
    elif call["name"] == "read_metrics":
        output = corpus.metrics(rng, rng.randint(60, 600))
    else:
        output = corpus.document(rng, rng.randint(1_000, 9_000))
    result = ToolMessage(
        output, tool_call_id=call["id"], name=call["name"], id=corpus.message_id(rng)
    )
    return {"messages": [result]}


def wants_tool(state: Incident) -> str:
    """Where to go after the model."""
    return "tools" if state["messages"][-1].tool_calls else END


def build(saver: Any) -> Any:
    """The graph, compiled with ``saver``."""
    builder = StateGraph(Incident, context_schema=Visit)
    builder.add_node(model)
    builder.add_node(tools)
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", wants_tool, ["tools", END])
    builder.add_edge("tools", "model")
    return builder.compile(checkpointer=saver, name="ops-agent")


async def turn(graph: Any, visit: Visit) -> None:
    """An alert; where a tool failed, the run is resumed from its last checkpoint."""
    text = "ALERT " + corpus.question(visit.rng, first=True)
    inputs = {
        "messages": [HumanMessage(text, id=corpus.message_id(visit.rng))],
        "tool_calls_left": visit.rng.randint(1, 4),
    }
    outage = Visit(visit.thread, visit.number, visit.rng, visit.pause_seconds, outage=True)
    fails = visit.number % 4 == 0
    try:
        await graph.ainvoke(inputs, visit.config, context=outage if fails else visit)
    except ConnectionError:
        await graph.ainvoke(None, visit.config, context=visit)
