"""Embeddings: calls, texts, characters, and texts that were embedded before."""

from __future__ import annotations

import asyncio
import gc
import inspect
import pickle
import weakref
from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langgraph.runtime import Runtime
from langgraph.store.base.batch import AsyncBatchedBaseStore
from langgraph.store.memory import InMemoryStore

import statemeter
from statemeter import embeddings, events, probe
from tests.statemeter import storing
from tests.statemeter.graphs import Notes, single
from tests.statemeter.spooled import Spooled
from tests.statemeter.storing import USER, avectors, vectors
from tests.statemeter.test_stores import backend, resources

__all__ = ["backend"]


class Lengths(Embeddings):
    """An object of LangChain's own interface, whose async methods call its sync ones."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return vectors(texts)

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


class Batched(AsyncBatchedBaseStore):
    """A store in memory that makes batches, by a task that knows of no run."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.inner = InMemoryStore(**options)
        self.embeddings = self.inner.embeddings

    async def abatch(self, ops: Any) -> Any:
        return await self.inner.abatch(ops)


def told(spool: Spooled) -> list[events.Access]:
    """What was told of embeddings."""
    keys = {event.key for event in resources(spool, "embeddings")}
    return [event for event in spool.of(events.Access) if event.resource in keys]


def figures(spool: Spooled) -> list[tuple[str, int, int, int]]:
    """Method, texts, texts embedded before, characters."""
    return [(e.method, e.items, e.hits, e.numbers["characters"]) for e in told(spool)]


@pytest.fixture(autouse=True)
def nothing_embedded() -> None:
    embeddings._embedded.clear()


@pytest.mark.parametrize(
    "make", [Lengths, lambda: DeterministicFakeEmbedding(size=4)], ids=["plain", "pydantic"]
)
def test_embeddings_alone(make: Any, spool: Spooled) -> None:
    """Any Embeddings object may be given: it stays itself, and each call is told once."""
    bare, measured = make(), make()
    assert statemeter.instrument(measured) is measured
    statemeter.instrument(measured)
    assert isinstance(measured, type(bare))
    assert type(measured).__name__ == type(bare).__name__
    for name in ("embed_documents", "aembed_documents", "embed_query", "aembed_query"):
        before, now = getattr(bare, name), getattr(measured, name)
        assert inspect.signature(now) == inspect.signature(before)
        assert inspect.iscoroutinefunction(now) is inspect.iscoroutinefunction(before)
    assert measured.embed_documents(["one", "three"]) == bare.embed_documents(["one", "three"])
    assert measured.embed_query("two") == bare.embed_query("two")
    assert measured.embed_query(text="two") == bare.embed_query("two")
    assert asyncio.run(measured.aembed_documents(["one", "six", "six"]))
    assert asyncio.run(measured.aembed_query("ten"))
    assert type(pickle.loads(pickle.dumps(measured))) is type(bare)
    statemeter.uninstrument(measured)
    assert type(measured) is type(bare)
    measured.embed_query("untold")
    assert figures(spool) == [
        ("embed_documents", 2, 0, 8),
        ("embed_query", 1, 0, 3),
        ("embed_query", 1, 1, 3),
        ("embed_documents", 3, 2, 9),
        ("embed_query", 1, 0, 3),
    ]
    size = 4 * len(bare.embed_query("x"))
    assert [e.numbers["vector_bytes"] // size for e in told(spool)] == [2, 1, 1, 3, 1]
    assert b"three" not in spool.content()


@pytest.mark.parametrize("backend", ["memory", "redis"], indirect=True)
@pytest.mark.parametrize(
    "embed", [vectors, Lengths(), avectors], ids=["function", "object", "async"]
)
def test_those_of_a_store(backend: Any, embed: Any, spool: Spooled) -> None:
    """What the index of a store embeds is told: functions, async functions, and objects."""

    async def through(measured: bool) -> list[Any]:
        index = {"dims": 3, "embed": embed, "fields": ["text"]}
        async with backend.aopen(storing.place(), index=index) as store:
            if measured:
                statemeter.instrument(store)
            await store.aput(USER, "a", {"text": "hello"})
            await store.aput(USER, "b", {"text": "eee"})
            await store.aput(USER, "c", {"text": "not embedded"}, index=False)
            await store.aput(USER, "a", {"text": "hello", "changed": 1})
            found = await store.asearch(USER, query="hell", limit=1)
            if measured:
                statemeter.uninstrument(store)
            return [(item.key, round(item.score, 5)) for item in found]

    assert asyncio.run(through(True)) == asyncio.run(through(False))
    query = "embed_query" if backend.name == "memory" else "embed_documents"
    assert figures(spool) == [
        ("embed_documents", 1, 0, 5),
        ("embed_documents", 1, 0, 3),
        ("embed_documents", 1, 1, 5),
        (query, 1, 0, 4),
    ]
    assert {e.facts["dimensions"] for e in spool.of(events.Resource) if e.kind != "pool"} == {3}


def test_embeddings_made_anew_by_setup_are_measured(redis_stack_url: str, spool: Spooled) -> None:
    """AsyncRedisStore wraps its function again in ``setup``."""

    async def through() -> None:
        index = {"dims": 3, "embed": vectors}
        opener = storing.Backend("redis", redis_stack_url)
        async with opener.aopen(storing.place(), index=index) as store:
            statemeter.instrument(store)
            await store.setup()
            await store.aput(USER, "a", {"text": "hello"})

    asyncio.run(through())
    assert [e.method for e in told(spool)] == ["embed_documents"]


@pytest.mark.parametrize("mode", ["sync", "async", "batched"])
def test_they_belong_to_the_run_of_the_call(mode: str, tmp_path: Path, spool: Spooled) -> None:
    """Although a store embeds in threads and tasks of its own."""

    def remember(state: Notes, runtime: Runtime) -> Notes:
        runtime.store.put(USER, "k", {"a": 1})  # type: ignore[union-attr]
        return {"found": [len(runtime.store.search(USER, query="q"))]}  # type: ignore[union-attr]

    async def aremember(state: Notes, runtime: Runtime) -> Notes:
        await runtime.store.aput(USER, "k", {"a": 1})  # type: ignore[union-attr]
        found = await runtime.store.asearch(USER, query="q")  # type: ignore[union-attr]
        return {"found": [len(found)]}

    async def through(store: Any) -> None:
        graph = statemeter.instrument(single(aremember, store=store))
        for _ in range(2):
            assert (await graph.ainvoke({"found": []}))["found"] == [1]

    async def batched() -> None:
        await through(Batched(index={"dims": 3, "embed": vectors}))

    store = InMemoryStore(index={"dims": 3, "embed": vectors})
    if mode == "sync":
        graph = statemeter.instrument(single(remember, store=store))
        for _ in range(2):
            assert graph.invoke({"found": []})["found"] == [1]
    else:
        asyncio.run(batched() if mode == "batched" else through(store))
    runs = [run.number for run in spool.of(events.Run)]
    assert [(e.method, e.run) for e in told(spool)] == [
        (method, run) for run in runs for method in ("embed_documents", "embed_query")
    ]
    assert {e.graph for e in told(spool)} == {"LangGraph"}


def test_an_error_is_told_and_its_texts_were_not_embedded(spool: Spooled) -> None:
    """The exception is the application's own; the next try embeds the text for the first time."""
    failing = [True]

    def embed(texts: Any) -> Any:
        if failing:
            failing.pop()
            raise ConnectionError("down")
        return vectors(texts)

    store = statemeter.instrument(InMemoryStore(index={"dims": 3, "embed": embed}))
    with pytest.raises(ConnectionError, match="down"):
        store.put(USER, "k", {"a": 1})
    store.put(USER, "k", {"a": 1})
    assert [(e.error, e.hits) for e in told(spool)] == [("ConnectionError", 0), ("", 0)]
    stores = [e for e in spool.of(events.Access) if e.method == "put"]
    assert [(e.error, e.bytes) for e in stores] == [("ConnectionError", -1), ("", -1)]


def test_a_bounded_number_of_texts_is_remembered(
    spool: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest; of two embeddings each has its own."""
    monkeypatch.setattr(embeddings, "REMEMBERED", 3)
    first, second = statemeter.instrument(Lengths()), statemeter.instrument(Lengths())
    for text in ("a", "b", "c", "a", "d", "a", "b"):
        first.embed_query(text)
    second.embed_query("b")
    assert [e.hits for e in told(spool)] == [0, 0, 0, 1, 0, 1, 0, 0]
    assert len(embeddings._embedded) == 3


def test_a_backlog_lets_texts_go(spool: Spooled) -> None:
    """Beyond the limit of what is held it is unknown whether a text is new; the rest is told."""
    measured = statemeter.instrument(Lengths())
    probe.get().held_limit = 10
    measured.embed_documents(["x" * 20, "y"])
    assert figures(spool) == [("embed_documents", 2, -1, 21)]


def test_embeddings_that_are_let_go_are_gone(spool: Spooled) -> None:
    """The probe keeps none alive."""
    measured = statemeter.instrument(Lengths())
    measured.embed_query("x")
    alive, number = weakref.ref(measured), id(measured)
    del measured
    gc.collect()
    assert alive() is None
    assert number not in embeddings._kept
    assert len(told(spool)) == 1
