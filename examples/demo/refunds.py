"""Refunds: a person approves them (interrupt and resume), and sometimes thinks again (a fork)."""

from __future__ import annotations

from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt

from examples.demo import corpus
from examples.demo.visit import Visit


class Refund(TypedDict):
    """The state of a refund."""

    request: str
    amount: float
    evidence: list[str]
    decision: str
    letter: str


def assess(state: Refund, runtime: Runtime[Visit]) -> dict[str, Any]:
    """Collect what the decision needs: 1 to 10 KB."""
    runtime.context.think()
    rng = runtime.context.rng
    evidence = [corpus.log_lines(rng, rng.randint(4, 40)) for _ in range(rng.randint(2, 3))]
    return {"amount": rng.randint(500, 90_000) / 100, "evidence": evidence}


def approve(state: Refund) -> dict[str, Any]:
    """Wait for a person."""
    return {"decision": interrupt({"approve": state["amount"]})}


def pay(state: Refund, runtime: Runtime[Visit]) -> dict[str, Any]:
    """Tell the customer."""
    return {"letter": f"{state['decision']}: {corpus.answer(runtime.context.rng, 3)}"}


def build(saver: Any) -> Any:
    """The graph, compiled with ``saver``."""
    builder = StateGraph(Refund, context_schema=Visit)
    for node in (assess, approve, pay):
        builder.add_node(node)
    builder.add_edge(START, "assess")
    builder.add_edge("assess", "approve")
    builder.add_edge("approve", "pay")
    builder.add_edge("pay", END)
    return builder.compile(checkpointer=saver, name="refunds")


def turn(graph: Any, visit: Visit) -> None:
    """By turns: a request that waits, its decision, and every third time the decision revised."""
    phase = visit.number % 3
    if phase == 1:
        inputs = {"request": corpus.question(visit.rng, first=True)}
        graph.invoke(inputs, visit.config, context=visit)
    elif phase == 2:
        decision = visit.rng.choice(("approved", "declined"))
        graph.invoke(Command(resume=decision), visit.config, context=visit)
    else:
        revise(graph, visit)


def revise(graph: Any, visit: Visit) -> None:
    """Go back to the checkpoint before the decision, change the amount there, decide again."""
    for snapshot in graph.get_state_history(visit.config, limit=12):
        if snapshot.next == ("approve",):
            amount = round(snapshot.values["amount"] / 2, 2)
            fork = graph.update_state(snapshot.config, {"amount": amount}, as_node="assess")
            graph.invoke(None, fork, context=visit)
            graph.invoke(Command(resume="approved in part"), visit.config, context=visit)
            return
