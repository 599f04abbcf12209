"""A personal assistant: what it knows of people outlives their threads, in a long-term store."""

from __future__ import annotations

from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from examples.demo import corpus, stores
from examples.demo.savers import thread_number
from examples.demo.visit import Visit

PEOPLE = 12
"""Of one prefix of threads: all threads of a person share what is remembered."""

KEPT = 6
"""Preferences of a person; beyond it the oldest are forgotten, several at once."""

FORGOTTEN = 4

NOTE_MINUTES = 10


class Talk(TypedDict):
    """The state of a conversation: small, since the store remembers."""

    question: str
    known: list[str]
    answer: str


def recall(state: Talk, runtime: Runtime[Visit]) -> dict[str, Any]:
    """Read what is known of the person; what lies nearest to the question where there is an index.

    All of it is read, and sorted by key: a store without index sorts by time, to the second.
    """
    store, person = runtime.store, person_of(runtime.context.thread)
    assert store is not None
    people = namespace("people")
    if store.get(people, person) is None:
        store.put(people, person, {"name": runtime.context.rng.choice(corpus.CUSTOMERS)})
    query = state["question"] if stores.has_index(store) else None
    found = store.search(namespace("preferences", person), query=query, limit=50)
    return {"known": [item.value["text"] for item in sorted(found, key=lambda item: item.key)]}


def answer(state: Talk, runtime: Runtime[Visit]) -> dict[str, Any]:
    """An answer that the newest preferences go into."""
    runtime.context.think()
    return {"answer": " ".join([*state["known"][-2:], corpus.answer(runtime.context.rng, 2)])}


def learn(state: Talk, runtime: Runtime[Visit]) -> None:
    """Remember two or three preferences under keys of their own, and a note that expires."""
    store, visit = runtime.store, runtime.context
    assert store is not None
    person = person_of(visit.thread)
    preferences = namespace("preferences", person)
    moment = f"{visit.thread}-{visit.number:03}"
    for number in range(visit.rng.randint(2, 3)):
        text = corpus.preference(visit.rng)
        store.put(preferences, f"{moment}-{number}", {"text": text})
    if stores.expires(store):
        note = {"text": state["question"], "answer": state["answer"]}
        store.put(namespace("notes", person), moment, note, index=False, ttl=NOTE_MINUTES)
    keys = sorted(item.key for item in store.search(preferences, limit=50))
    if len(keys) > KEPT:
        for key in keys[:FORGOTTEN]:
            store.delete(preferences, key)


def person_of(thread: str) -> str:
    """Who visits in a thread."""
    return f"{thread.rpartition('-')[0]}-{thread_number(thread) % PEOPLE}"


def namespace(*labels: str) -> tuple[str, ...]:
    """A namespace of the assistant; its first two labels name no person."""
    return ("assistant", *labels)


def build(saver: Any, store: Any) -> Any:
    """The graph, compiled with ``saver`` and ``store``."""
    builder = StateGraph(Talk, context_schema=Visit)
    for node in (recall, answer, learn):
        builder.add_node(node.__name__, node)
    builder.add_edge(START, "recall")
    builder.add_edge("recall", "answer")
    builder.add_edge("answer", "learn")
    builder.add_edge("learn", END)
    return builder.compile(checkpointer=saver, store=store, name="assistant")


def turn(graph: Any, visit: Visit) -> None:
    """A person asks for something."""
    graph.invoke({"question": corpus.wish(visit.rng)}, visit.config, context=visit)
