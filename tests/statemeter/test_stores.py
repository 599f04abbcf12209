"""Stores: they do what they did, each call is told once, and its bytes are those of the server."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import threading
import weakref
from pathlib import Path
from typing import Any, ClassVar

import pytest
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore, GetOp, ListNamespacesOp, PutOp
from langgraph.store.memory import InMemoryStore
from langgraph.store.sqlite import SqliteStore
from langgraph.store.sqlite.aio import AsyncSqliteStore

import statemeter
from statemeter import events, probe, store_calls
from tests.statemeter import storing
from tests.statemeter.graphs import Notes, single
from tests.statemeter.spooled import Spooled
from tests.statemeter.storing import USER, VALUES, Backend

URLS = {
    "postgres": "postgres_database",
    "redis": "redis_stack_url",
    "mongodb": "mongo_url",
}
SIZED = ["sqlite", *URLS]
ALL = ["memory", *SIZED]
METHODS = [
    prefix + name
    for name in ("get", "put", "delete", "search", "list_namespaces", "batch")
    for prefix in ("", "a")
]


@pytest.fixture
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """The backend whose name is the parameter; its server, if it has one, is running."""
    name = request.param
    url = request.getfixturevalue(URLS[name]) if name in URLS else str(tmp_path)
    return Backend(name, url)


def told(spool: Spooled, method: str = "") -> list[events.Access]:
    """What was told of stores, maybe of one method."""
    keys = {event.key for event in resources(spool)}
    return [
        event
        for event in spool.of(events.Access)
        if event.resource in keys and method in ("", event.method)
    ]


def resources(spool: Spooled, kind: str = "store") -> list[events.Resource]:
    """The resources of one kind: a store's pool is another."""
    return [event for event in spool.of(events.Resource) if event.kind == kind]


@pytest.mark.parametrize("backend", ALL, indirect=True)
def test_a_store_does_what_it_did(backend: Backend, spool: Spooled) -> None:
    """The same calls on two stores give the same results, batches and exceptions."""
    with backend.open(storing.place()) as store:
        bare = storing.drive(store)
    with backend.open(storing.place()) as store:
        assert statemeter.instrument(store) is store
        assert storing.drive(store) == bare
    expected = sum(1 for method, *_ in storing.steps() if method != "batch")
    batches = {"get": 2, "put": 1, "delete": 1, "search": 1, "list_namespaces": 1}
    assert len(told(spool)) == expected + sum(batches.values())


@pytest.mark.parametrize("backend", ALL, indirect=True)
def test_an_async_store_does_what_it_did(backend: Backend, spool: Spooled) -> None:
    """The same by the async methods, where a store may answer from a batch, task or thread."""
    at_once = backend.name == "redis"  # AsyncRedisStore gathers the kinds of a batch

    async def both() -> None:
        async with backend.aopen(storing.place()) as store:
            bare = await storing.adrive(store, at_once)
        async with backend.aopen(storing.place()) as store:
            statemeter.instrument(store)
            assert await storing.adrive(store, at_once) == bare

    asyncio.run(both())
    expected = sum(1 for method, *_ in storing.steps() if method != "batch")
    assert len(told(spool)) == expected + 2 + 4


@pytest.mark.parametrize("backend", SIZED, indirect=True)
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_bytes_are_those_of_the_server(backend: Backend, mode: str, spool: Spooled) -> None:
    """Each value has, written and read, as many bytes as its server says that it holds."""
    place = storing.place()
    server = {}

    async def through() -> None:
        async with backend.aopen(place) as store:
            statemeter.instrument(store)
            for key, value in VALUES.items():
                await store.aput(USER, key, value)
            for key in VALUES:
                await store.aget(USER, key)
                server[key] = backend.bytes_of(place, USER, key)
            await store.asearch(USER)

    if mode == "async":
        asyncio.run(through())
    else:
        with backend.open(place) as store:
            statemeter.instrument(store)
            for key, value in VALUES.items():
                store.put(USER, key, value)
            for key in VALUES:
                store.get(USER, key)
                server[key] = backend.bytes_of(place, USER, key)
            store.search(USER)
    expected = list(server.values())
    assert [event.bytes for event in told(spool, "put")] == expected
    assert [event.bytes for event in told(spool, "get")] == expected
    assert [event.bytes for event in told(spool, "search")] == [sum(expected)]


class Counting(AsyncSqliteStore):
    """Notes how many operations each batch has."""

    sizes: ClassVar[list[int]] = []

    async def abatch(self, ops: Any) -> Any:
        ops = list(ops)
        self.sizes.append(len(ops))
        return await super().abatch(ops)


def test_calls_of_one_moment_stay_one_batch(tmp_path: Path, spool: Spooled) -> None:
    """Ten calls are one batch of the store's own task, as bare; each tells how long it waited."""
    Counting.sizes.clear()

    async def through(measured: bool) -> None:
        async with Counting.from_conn_string(str(tmp_path / f"{measured}.sqlite")) as store:
            await store.setup()
            if measured:
                statemeter.instrument(store)
            await asyncio.gather(
                *(store.aput(USER, str(n), {"n": "x" * n}) for n in range(8)),
                store.aput(USER, "same", {"n": 1}),
                store.aput(USER, "same", {"n": 22}),
            )
            await asyncio.gather(*(store.aget(USER, str(n)) for n in range(9)))
            await asyncio.to_thread(store.get, USER, "7")
            await asyncio.to_thread(store.batch, [GetOp(USER, "7"), GetOp(USER, "8")])

    asyncio.run(through(False))
    bare, Counting.sizes[:] = list(Counting.sizes), []
    asyncio.run(through(True))
    assert Counting.sizes == bare == [9, 9, 1, 2]
    empty = len('{"n":""}')
    puts, gets = told(spool, "put"), told(spool, "get")
    assert [event.bytes for event in puts[:8]] == [empty + n for n in range(8)]
    assert sorted(event.bytes for event in puts[8:]) == [0, len('{"n":22}')], "one is written"
    sizes = [*(empty + n for n in range(8)), 0, empty + 7, empty + 7]
    assert [event.bytes for event in gets] == sizes
    assert [(event.items, event.hits) for event in gets[-3:]] == [(1, 0), (1, 1), (2, 1)]
    batched = puts + gets[:-1]
    assert all(0 <= event.numbers["waited_us"] <= event.duration_us for event in batched)
    assert "waited_us" not in gets[-1].numbers


def test_a_cancelled_call_is_told_and_waits_no_more(tmp_path: Path, spool: Spooled) -> None:
    """Nothing is kept of a call whose caller went away."""

    async def through() -> None:
        async with AsyncSqliteStore.from_conn_string(str(tmp_path / "s.sqlite")) as store:
            await store.setup()
            statemeter.instrument(store)
            call = asyncio.create_task(store.aget(USER, "k"))
            await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            kept = store_calls.measured(store)
            assert kept is not None
            assert not kept.open
            assert not kept.waiting
            await store.aput(USER, "k", {})

    asyncio.run(through())
    assert [(event.method, event.error) for event in told(spool)] == [
        ("get", "CancelledError"),
        ("put", ""),
    ]


@pytest.mark.parametrize("opener", [InMemoryStore, lambda: None])
def test_the_object_stays_itself(opener: Any, tmp_path: Path, spool: Spooled) -> None:
    """Class, signatures, what it can do and what it is set to: all as they were; and undone."""
    with Backend("sqlite", str(tmp_path)).open("s", ttl={"default_ttl": 2}) as opened:
        store = opener() or opened
        cls = type(store)
        before = {name: inspect.signature(getattr(store, name)) for name in METHODS}
        settings = store.supports_ttl, store.ttl_config, bool(store)
        statemeter.instrument(store)
        statemeter.instrument(store)
        assert isinstance(store, cls)
        assert type(store).__name__ == cls.__name__
        assert {name: inspect.signature(getattr(store, name)) for name in METHODS} == before
        for name in METHODS:
            coroutine = inspect.iscoroutinefunction(getattr(cls, name))
            assert inspect.iscoroutinefunction(getattr(store, name)) is coroutine
        assert (store.supports_ttl, store.ttl_config, bool(store)) == settings
        store.put(("a",), "k", {})
        assert statemeter.uninstrument(store) is store
        assert type(store) is cls
        store.put(("a",), "k", {})
        assert statemeter.uninstrument(store) is store
    assert len(told(spool)) == 1


def test_a_store_that_is_let_go_is_gone(spool: Spooled) -> None:
    """The probe keeps no store alive, and nothing of it afterwards."""
    store = InMemoryStore()
    statemeter.instrument(store)
    store.put(("a",), "k", {"text": "kept"})
    number, alive = id(store), weakref.ref(store)
    del store
    gc.collect()
    assert alive() is None
    assert number not in store_calls._measured
    assert len(spool.of(events.Access)) == 1


class Swept(SqliteStore):
    """Says when its sweeper deleted something."""

    swept = threading.Event()

    def sweep_ttl(self) -> int:
        deleted = super().sweep_ttl()
        if deleted:
            self.swept.set()
        return deleted


def test_the_sweeper_still_deletes(tmp_path: Path, spool: Spooled) -> None:
    """What has outlived its time goes; times to live are told in seconds."""
    path = str(tmp_path / "s.sqlite")
    with Swept.from_conn_string(path, ttl={"default_ttl": 3}) as store:
        store.setup()
        statemeter.instrument(store)
        store.put(USER, "default", {})
        store.put(USER, "short", {}, ttl=0.5)
        store.put(USER, "ever", {}, ttl=None)
        store.conn.execute("UPDATE store SET expires_at = DATETIME('now', '-1 minute') "
                           "WHERE key = 'short'")  # fmt: skip
        store.start_ttl_sweeper(sweep_interval_minutes=0.001)  # type: ignore[arg-type]
        assert store.swept.wait(30)
        assert store.stop_ttl_sweeper(30)
        assert store.get(USER, "short") is None
        assert store.get(USER, "ever") is not None
    ttls = [event.numbers.get("ttl_seconds") for event in told(spool, "put")]
    assert ttls == [180, 30, None]
    assert resources(spool)[0].facts == {"ttl_seconds": 180}


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_calls_belong_to_the_run_of_their_graph(mode: str, tmp_path: Path, spool: Spooled) -> None:
    """A graph's store is measured with it, and its calls carry the number of the run."""

    def remember(state: Notes, runtime: Runtime) -> Notes:
        runtime.store.put(USER, "k", {"a": 1})  # type: ignore[union-attr]
        return {"found": [runtime.store.get(USER, "k").value]}  # type: ignore[union-attr]

    async def aremember(state: Notes, runtime: Runtime) -> Notes:
        await runtime.store.aput(USER, "k", {"a": 1})  # type: ignore[union-attr]
        item = await runtime.store.aget(USER, "k")  # type: ignore[union-attr]
        return {"found": [item.value]}  # type: ignore[union-attr]

    async def through() -> None:
        async with AsyncSqliteStore.from_conn_string(str(tmp_path / "s.sqlite")) as store:
            await store.setup()
            graph = statemeter.instrument(single(aremember, store=store))
            for _ in range(2):
                assert (await graph.ainvoke({"found": []}))["found"] == [{"a": 1}]

    if mode == "async":
        asyncio.run(through())
    else:
        store = InMemoryStore()
        graph = statemeter.instrument(single(remember, store=store))
        for _ in range(2):
            assert graph.invoke({"found": []})["found"] == [{"a": 1}]
        statemeter.uninstrument(graph)
        assert type(store) is InMemoryStore
    runs = [run.number for run in spool.of(events.Run)]
    assert [(e.method, e.run, e.graph) for e in told(spool)] == [
        (method, run, "LangGraph") for run in runs for method in ("put", "get")
    ]


@pytest.mark.parametrize(
    ("labels", "part"), [(None, "users/ada"), ("0", ""), ("1", "users"), ("9", "/".join(USER))]
)
def test_as_many_labels_are_told_as_is_set(
    labels: str | None, part: str, spool: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Namespaces may hold ids of users; a batch tells what all of its namespaces have in common."""
    if labels is not None:
        monkeypatch.setenv("STATEMETER_NAMESPACE_LABELS", labels)
    store = statemeter.instrument(InMemoryStore())
    store.put(USER, "k", {})
    store.search(USER)
    store.list_namespaces(prefix=USER)
    assert {event.part for event in told(spool)} == {part}
    store.batch([GetOp(USER, "k"), GetOp(("users", "bob"), "k"), ListNamespacesOp()])
    gets, listed = told(spool)[-2:]
    assert gets.part == ("users" if part else "")
    assert listed.part == ""


def test_no_value_and_no_key_leaves_the_process(tmp_path: Path, spool: Spooled) -> None:
    """The spool holds sizes and the first labels of namespaces only."""
    with Backend("sqlite", str(tmp_path)).open("s") as store:
        statemeter.instrument(store)
        store.put((*USER, "label4"), "secret-key", {"secret-field": "secret-text"})
        store.get(USER, "secret-key")
        store.search(USER, filter={"secret-field": "secret-text"})
    assert len(told(spool)) == 3
    assert b"secret" not in spool.content()
    assert b"label4" not in spool.content()


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_a_backlog_lets_what_is_unmeasured_go(backend: Backend, spool: Spooled) -> None:
    """Beyond the limit of what is held, the size of a value is unknown; the rest is told."""
    with backend.open(storing.place()) as store:
        statemeter.instrument(store)
        probe.get().held_limit = 100
        store.put(USER, "short", {"text": "x"})
        store.put(USER, "long", {"text": "x" * 200})
        store.get(USER, "long")
    assert [event.bytes for event in told(spool)] == [13, -1, 212]


@pytest.mark.parametrize("backend", ["sqlite", "redis", "mongodb"], indirect=True)
def test_stores_of_one_place_have_one_key(backend: Backend, spool: Spooled) -> None:
    """Two objects that use the same data are one resource, another place is another."""
    first, second = storing.place(), storing.place()
    for place in (first, first, second):
        with backend.open(place) as store:
            statemeter.instrument(store)
            store.get(USER, "k")
    keys = [event.resource for event in spool.of(events.Access)]
    assert keys[0] == keys[1] != keys[2]
    assert {event.backend for event in resources(spool)} == {backend.name}


class OwnStore(BaseStore):
    """A store that nobody knows; its async calls run in threads that know nothing of them."""

    def __init__(self) -> None:
        self.inner = InMemoryStore()

    def batch(self, ops: Any) -> Any:
        return self.inner.batch(ops)

    async def abatch(self, ops: Any) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, self.batch, list(ops))


def test_any_store_is_measured(spool: Spooled) -> None:
    """An unknown store is ``other``: all is told but bytes, and each call once."""
    store = statemeter.instrument(OwnStore())

    async def through() -> None:
        await store.aput(USER, "k", {"a": 1})
        assert await store.aget(USER, "k")
        await store.abatch([GetOp(USER, "k")])

    asyncio.run(through())
    store.batch(GetOp(USER, key) for key in ("k", "missing"))
    assert [(e.method, e.items, e.hits, e.bytes) for e in told(spool)] == [
        ("put", 1, -1, -1),
        ("get", 1, 1, -1),
        ("get", 1, 1, -1),
        ("get", 2, 1, -1),
    ]
    assert resources(spool)[0].backend == "other"


def test_operations_are_gone_through_by_the_store_alone(spool: Spooled) -> None:
    """A generator is asked for an operation only when the store wants it, and may fail."""
    asked = []

    def operations() -> Any:
        for key in ("a", "b"):
            asked.append(key)
            yield PutOp(USER, key, {})
        raise ValueError("mine")

    store = statemeter.instrument(InMemoryStore())
    with pytest.raises(ValueError, match="mine"):
        store.batch(operations())
    assert asked == ["a", "b"]
    (event,) = told(spool)
    assert (event.method, event.items, event.error) == ("put", 2, "ValueError")


def test_a_coroutine_that_is_let_go_is_told(tmp_path: Path, spool: Spooled) -> None:
    """It ends wherever Python collects it, in a context that is not the one it began in."""

    async def through() -> None:
        async with AsyncSqliteStore.from_conn_string(str(tmp_path / "s.sqlite")) as store:
            await store.setup()
            statemeter.instrument(store)
            call = store.aget(USER, "k")
            contextvars.copy_context().run(call.send, None)
            call.close()
            await store.aput(USER, "k", {})

    asyncio.run(through())
    assert [(e.method, e.error) for e in told(spool)] == [("get", "GeneratorExit"), ("put", "")]


@pytest.mark.parametrize("backend", SIZED, indirect=True)
def test_a_batch_tells_what_it_wrote(backend: Backend, spool: Spooled) -> None:
    """Of operations on one key the last counts, as it does for the store."""
    place = storing.place()
    with backend.open(place) as store:
        statemeter.instrument(store)
        store.batch(
            [
                PutOp(USER, "a", {"n": 1}),
                PutOp(USER, "b", {"n": 2}),
                PutOp(USER, "a", {"text": "the last"}),
                PutOp(USER, "c", {"n": 3}),
                PutOp(USER, "c", None),
            ]
        )
        written = sum(backend.bytes_of(place, USER, key) for key in ("a", "b"))
        found = store.batch([GetOp(USER, key) for key in ("a", "b", "c")])
        assert [bool(item) for item in found] == [True, True, False]
    puts, deletes, gets = told(spool)
    assert (puts.method, puts.items, puts.bytes) == ("put", 4, written)
    assert (deletes.method, deletes.items, deletes.bytes) == ("delete", 1, 0)
    assert (gets.items, gets.hits, gets.bytes) == (3, 2, written)
