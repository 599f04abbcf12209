"""Weekly reports: a ``Send`` to each section, written in parallel, for two regions in one batch."""

from __future__ import annotations

import operator
from random import Random
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from examples.demo import corpus
from examples.demo.visit import Visit, config_of

REGIONS = ("emea", "apac")


class Report(TypedDict):
    """The state of a report."""

    week: int
    sections: list[str]
    figures: dict[str, str]
    drafts: Annotated[list[dict[str, str]], operator.add]
    summary: str


class Section(TypedDict):
    """What the writer of one section is sent."""

    week: int
    title: str
    figures: str


def plan(state: Report, runtime: Runtime[Visit]) -> dict[str, Any]:
    """Which sections this week has, with the figures for each."""
    # Both regions run at once: each has its own generator, so that neither depends on the other.
    rng = Random(f"{runtime.context.thread}/{state['week']}")
    sections = rng.sample(corpus.TEAMS, rng.randint(3, 5))
    figures = {title: corpus.metrics(rng, rng.randint(20, 240)) for title in sections}
    return {"sections": sections, "figures": figures}


def hand_out(state: Report) -> list[Send]:
    """One task for each section."""
    return [
        Send("write", Section(week=state["week"], title=title, figures=state["figures"][title]))
        for title in state["sections"]
    ]


def write(section: Section, runtime: Runtime[Visit]) -> dict[str, Any]:
    """Draft a section from its figures."""
    runtime.context.think()
    rng = Random(f"{section['title']}/{section['week']}/{len(section['figures'])}")
    return {"drafts": [{"title": section["title"], "text": corpus.answer(rng, 10)}]}


def summarize(state: Report) -> dict[str, Any]:
    """The first sentence of each draft."""
    newest = state["drafts"][-len(state["sections"]) :]
    return {"summary": " ".join(draft["text"].partition(".")[0] + "." for draft in newest)}


def build(saver: Any) -> Any:
    """The graph, compiled with ``saver``."""
    builder = StateGraph(Report, context_schema=Visit)
    for node in (plan, write, summarize):
        builder.add_node(node)
    builder.add_edge(START, "plan")
    builder.add_conditional_edges("plan", hand_out, ["write"])
    builder.add_edge("write", "summarize")
    builder.add_edge("summarize", END)
    return builder.compile(checkpointer=saver, name="report-builder")


def threads_of(thread: str) -> list[str]:
    """A report has a thread for each region."""
    return [f"{thread}-{region}" for region in REGIONS]


def turn(graph: Any, visit: Visit) -> None:
    """The reports of one week."""
    inputs = [{"week": visit.number} for _ in REGIONS]
    graph.batch(inputs, [config_of(thread) for thread in threads_of(visit.thread)], context=visit)
