"""Questions about a handbook: the documents found lie in the state, rewritten by each step."""

from __future__ import annotations

import operator
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from examples.demo import corpus
from examples.demo.visit import Visit

DURABILITIES = ("async", "sync", "exit")


class Search(TypedDict):
    """The state of a search."""

    question: str
    documents: list[dict[str, Any]]
    answer: str
    asked: Annotated[list[str], operator.add]


async def retrieve(state: Search, runtime: Runtime[Visit]) -> dict[str, Any]:
    """Two to six documents of 2 to 30 KB, one in a dozen of up to 200 KB."""
    await runtime.context.think_async()
    rng = runtime.context.rng
    documents = []
    for rank in range(rng.randint(2, 6)):
        limit = 200_000 if rng.random() < 0.08 else 30_000
        documents.append(
            {
                "source": f"handbook/{rng.choice(corpus.TEAMS)}/{rng.randint(1, 400)}.md",
                "score": round(0.95 - 0.1 * rank, 2),
                "text": corpus.document(rng, rng.randint(2_000, limit)),
            }
        )
    return {"documents": documents}


async def rerank(state: Search) -> dict[str, Any]:
    """Keep the better half."""
    return {"documents": state["documents"][: max(1, len(state["documents"]) // 2)]}


async def compose(state: Search, runtime: Runtime[Visit]) -> dict[str, Any]:
    """Answer from what was kept."""
    await runtime.context.think_async()
    sources = ", ".join(document["source"] for document in state["documents"])
    text = corpus.answer(runtime.context.rng, 4)
    return {"answer": f"{text} ({sources})", "asked": [state["question"]]}


def build(saver: Any) -> Any:
    """The graph, compiled with ``saver``."""
    builder = StateGraph(Search, context_schema=Visit)
    for node in (retrieve, rerank, compose):
        builder.add_node(node)
    builder.add_edge(START, "retrieve")
    builder.add_edge("retrieve", "rerank")
    builder.add_edge("rerank", "compose")
    builder.add_edge("compose", END)
    return builder.compile(checkpointer=saver, name="knowledge-base")


async def turn(graph: Any, visit: Visit) -> None:
    """One search; each thread has one of the three durabilities."""
    inputs = {"question": corpus.question(visit.rng, first=True)}
    durability = DURABILITIES[int(visit.thread.rpartition("-")[2]) % 3]
    async for _update in graph.astream(
        inputs, visit.config, context=visit, stream_mode="updates", durability=durability
    ):
        pass
