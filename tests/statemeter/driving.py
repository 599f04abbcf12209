"""What an application does with all that can be measured, in short scenes with the same results
each time they are played. Together they reach the functions of the probe: see ``test_faults``."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import json
import os
import pickle
import shutil
import sqlite3
import sys
import time
import tracemalloc
import types
import uuid
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import pytest
import redis
import redis.asyncio
import sqlalchemy
from langchain_core.embeddings import DeterministicFakeEmbedding
from langgraph.cache.memory import InMemoryCache
from langgraph.cache.redis import RedisCache
from langgraph.cache.sqlite import SqliteCache
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.redis import RedisSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.types import CachePolicy, Command, interrupt
from sqlalchemy.pool import QueuePool
from typing_extensions import TypedDict

import statemeter
from statemeter import look_allocations, look_census, look_chain, look_lines, probe
from statemeter.errors import UnusableName
from tests.statemeter import storing
from tests.statemeter.graphs import Notes, chat, single, thread
from tests.statemeter.opened import Servers, opened
from tests.statemeter.test_caches import OwnCache
from tests.statemeter.test_graphs import comparable
from tests.statemeter.test_redis_savers import settled


def append(found: list[Any], writes: list[list[Any]]) -> list[Any]:
    """The reducer of a channel of deltas."""
    return [*found, *(item for write in writes for item in write)]


HELLO = {"messages": [("user", "hello")]}


class Counted(TypedDict):
    """A channel of which only what is new is stored."""

    found: Annotated[list[Any], DeltaChannel(reducer=append, snapshot_frequency=2)]


class Stage:
    """Where a scene is played: measured or bare."""

    def __init__(
        self,
        measured: bool,
        folder: Path,
        servers: Servers,
        begun: Callable[[], object] = lambda: None,
    ) -> None:
        self.measured = measured
        self.folder = folder / uuid.uuid4().hex
        self.folder.mkdir(parents=True)
        self.servers = servers
        self.begun = begun
        """To be called when all is instrumented, before it is used."""

    @contextlib.contextmanager
    def using(self, *things: Any) -> Iterator[None]:
        """Instrument things, and free them at the end."""
        if self.measured:
            for thing in things:
                assert statemeter.instrument(thing) is thing
        self.begun()
        yield
        if self.measured:
            statemeter.flush()
            for thing in things:
                assert statemeter.uninstrument(thing) is thing


class Offline(InMemorySaver):
    """A saver whose server is down, as its client says."""

    def put(self, *given: Any, **named: Any) -> Any:
        raise redis.ConnectionError("Error 111 connecting to somewhere:6379")

    def prune(self, thread_ids: Any, *, strategy: str = "keep_latest") -> None:
        """Nothing is there to be pruned."""


class Odd(JsonPlusSerializer):
    """A serializer whose bytes are not what their tag says."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        tag, blob = super().dumps_typed(obj)
        return tag, b"\xc1" + blob

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        return super().loads_typed((data[0], data[1][1:]))


def talking(stage: Stage) -> Any:
    """A chat in memory, sync and async: history, copies, long names, removals, an error."""
    graph, offline = chat(InMemorySaver()), chat(Offline())
    delta = single(lambda state: {"found": ["x"]}, InMemorySaver(), schema=Counted)
    saver = graph.checkpointer
    with (
        SqliteSaver.from_conn_string(":memory:") as sqlite,
        stage.using(graph, offline, delta, odd := SqliteSaver(sqlite.conn, serde=Odd())),
    ):
        out = [
            [m.content for m in graph.invoke(HELLO, thread("t" * 70_000))["messages"]],
            list(graph.stream(HELLO, thread(), stage="", stream_mode="updates")),
            asyncio.run(agather(graph)),
            [state.next for state in graph.get_state_history(thread())],
            len(list(saver.list(thread(), limit=2))),
            copy.copy(graph).get_state(thread()).values,
            len(list(copy.deepcopy(saver).list(thread(), limit=1))),
            failing(lambda: offline.invoke(HELLO, thread())),
            offline.checkpointer.prune(["thread"]),
            [delta.invoke({"found": ["a"]}, thread()) for _ in range(3)],
            chat(odd).invoke(HELLO, thread())["topic"],
            failing(lambda: pickle.dumps(graph)),
            saver.get_delta_channel_history(config=thread(), channels=["topic"]) != {},
            type(saver.with_allowlist(())).__name__,
        ]
        graph.checkpointer = InMemorySaver()
        out.append(graph.invoke(HELLO, thread())["topic"])
        saver.delete_thread("thread")
        asyncio.run(saver.adelete_thread("thread"))
    return out


async def agather(graph: Any) -> Any:
    """What the async methods of a graph and its saver give."""
    chunks = [chunk async for chunk in graph.astream(HELLO, thread("a"), stream_mode="values")]
    rows = [row async for row in graph.checkpointer.alist(thread("a"), limit=1)]
    values = (await graph.aget_state(thread("a"))).values
    await graph.checkpointer.aget_delta_channel_history(config=thread("a"), channels=["topic"])
    return len(chunks), len(rows), values


def failing(call: Callable[[], object]) -> str:
    """The class of the exception that a call raises."""
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return ""


def asking(stage: Stage) -> Any:
    """On a file: an interrupt in a subgraph, a node cache, a store with embeddings."""
    connection = sqlite3.connect(stage.folder / "c.sqlite", check_same_thread=False)
    inner = StateGraph(Notes)
    inner.add_node("ask", lambda state: {"found": [interrupt("?")]})
    inner.add_edge(START, "ask")
    outer = StateGraph(Notes)
    outer.add_node("quick", lambda state: {"found": ["q"]}, cache_policy=CachePolicy(ttl=60))
    outer.add_node("recall", recall)
    outer.add_node("inner", inner.compile())
    outer.add_edge(START, "quick")
    outer.add_edge("quick", "recall")
    outer.add_edge("recall", "inner")
    embeddings = DeterministicFakeEmbedding(size=4)
    store = InMemoryStore(index={"embed": embeddings, "dims": 4})
    cache = InMemoryCache()
    graph = outer.compile(checkpointer=SqliteSaver(connection), cache=cache, store=store)
    with contextlib.closing(connection), stage.using(graph, store, embeddings):
        out: list[Any] = [
            graph.invoke({"found": ["a"]}, thread()),
            graph.invoke(Command(resume="yes"), thread()),
            list(graph.stream({"found": ["a"]}, thread("2"), stream_mode="updates")),
            [(state.values, state.next) for state in graph.get_state_history(thread())],
            len(list(graph.checkpointer.list(None, limit=2))),
            [item and item.value for item in asyncio.run(both(store))],
            embeddings.embed_query("a text"),
            pickle.loads(pickle.dumps(embeddings)).embed_query("a text"),
            asyncio.run(embeddings.aembed_documents(["one", "two"])),
        ]
        graph.checkpointer.delete_thread("thread")
        graph.clear_cache()
        out.append(graph.get_state(thread()).values)
    return out


def recall(state: Notes, *, store: BaseStore) -> Notes:
    """A node that uses each call of a store."""
    name = ("notes", str(len(state["found"])))
    store.put(name, "a", {"text": "first"})
    store.put(name, "b", {"text": "second"})
    found = store.search(("notes",), query="first", limit=3)
    item = store.get(name, "a")
    store.delete(name, "b")
    spaces = store.list_namespaces(prefix=("notes",))
    return {"found": [f"{len(found)} {item and item.value} {spaces}"]}


async def both(store: Any) -> list[Any]:
    """Two calls at once, of which a store may make one batch."""
    await store.aput(("later",), "c", {"text": "third"})
    return await asyncio.gather(store.aget(("later",), "c"), store.aget(("later",), "none"))


def keeping(stage: Stage) -> Any:
    """Stores on files, sync and async."""
    backend = storing.Backend("sqlite", str(stage.folder))

    async def through() -> Any:
        async with backend.aopen(storing.place()) as store:
            with stage.using(store):
                return await storing.adrive(store)

    with backend.open(storing.place()) as store, stage.using(store):
        out = storing.drive(store), list(store.batch(iter(())))
    return out, asyncio.run(through())


def sparing(stage: Stage) -> Any:
    """A node cache on a file, by itself."""
    cache, own = SqliteCache(path=str(stage.folder / "cache.sqlite")), OwnCache()
    with stage.using(cache, own):
        out = cached(cache), cached(copy.deepcopy(own))
    cache._conn.close()
    return out


def cached(cache: Any) -> Any:
    """What a cache answers."""
    key, other = (("a", "node"), "1"), (("b", "node"), "2")
    cache.set({key: ([("c", 1)], 60), other: ([("c", 2)], None)})
    found = cache.get([key, other, (("a", "node"), "3")])
    cache.clear([("a", "node")])
    after = asyncio.run(cache.aget([key, other]))
    asyncio.run(cache.aclear())
    return sorted(found.items()), sorted(after.items())


def pooling(stage: Stage) -> Any:
    """An engine whose pool runs dry, loses a connection and is made anew; a watched function."""

    @functools.lru_cache(maxsize=4)
    def square(number: int) -> int:
        return number * number

    engine = sqlalchemy.create_engine(
        f"sqlite:///{stage.folder / 'p.sqlite'}", poolclass=QueuePool, pool_size=1, max_overflow=0,
        pool_timeout=0.01,
    )  # fmt: skip
    out: list[Any] = []
    with stage.using(engine):
        if stage.measured:
            name = f"square {stage.folder}"
            assert statemeter.watch_cache(name, square) is square
            with contextlib.suppress(UnusableName):
                statemeter.watch_cache(name, functools.cache(failing))
        with engine.connect() as connection:
            out.append(failing(engine.connect))
            connection.invalidate(ValueError())
        engine.dispose()
        with engine.connect() as connection:
            out.append(connection.execute(sqlalchemy.text("select 1")).all())
        out.append([square(n) for n in (1, 2, 1)])
    engine.dispose()
    return out


class OneTurn:
    """In place of the event that ends the probe's thread: one turn, without a wait."""

    def __init__(self) -> None:
        self.turns = [False, True]

    def wait(self, seconds: float) -> bool:
        return self.turns.pop(0)

    def set(self) -> None:
        """Nothing waits."""


def ending(stage: Stage) -> Any:
    """The spool cannot be written, then it can; a turn of the thread, a fork's child, the end."""
    graph, spool = chat(InMemorySaver()), stage.folder / "spool"
    kept = functools.lru_cache(str)
    with stage.using(graph), pytest.MonkeyPatch.context() as settings:
        settings.setenv("STATEMETER_SPOOL", str(spool))
        settings.setenv("STATEMETER_SEGMENT_MB", "0.01")
        settings.setenv("STATEMETER_NO_SUCH", "1")
        target: Any = probe._probe if stage.measured else None
        target = target if hasattr(target, "_at_exit") and hasattr(target, "_wake") else None
        if target:
            statemeter.watch_cache(f"kept {stage.folder}", kept)
            spool.write_text("no folder")
            target._wake.set()
            target.queue_events = 8
            target._after_fork()
        out = [graph.invoke(HELLO, thread("t" * 3000))["topic"]]
        if target:
            statemeter.flush(0.1)
            spool.unlink(missing_ok=True)
        for number in range(5):
            out.append(graph.invoke(HELLO, thread(f"{number}{'t' * 500}"))["topic"])
            if target:
                statemeter.flush()
        if target:
            target._wake.set()
            target._wake = OneTurn()
            target._run()
            target._at_exit()
    return out


class Squeezed(JsonPlusSerializer):
    """A serializer that compresses, with the tag that says so."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        tag, blob = super().dumps_typed(obj)
        return f"zlib:{tag}", zlib.compress(blob, 1)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        return super().loads_typed((data[0].removeprefix("zlib:"), zlib.decompress(data[1])))


def showing(stage: Stage) -> Any:
    """Somebody looks at checkpoints of savers in memory, and asks for some that are not there."""
    savers = InMemorySaver(), InMemorySaver(serde=Squeezed())
    graphs = [single(lambda state: {"found": ["x"]}, one, schema=Counted) for one in savers]
    with stage.using(*graphs):
        out = [graph.invoke({"found": ["a"]}, thread()) for graph in graphs for _ in range(3)]
        control: Any = getattr(probe._probe if stage.measured else None, "control", None)
        if hasattr(control, "_answers"):
            statemeter.flush()
            target: Any = probe._probe
            control.allowed = control.values = True
            leave_a_folder(control.folder)
            turn(control)
            keys = [info.key for info in target.savers.values()]
            asked = [("thread", key) for key in keys] + [("no thread", "".join(keys[:1]))]
            for number, (name, key) in enumerate([*asked, ("thread", "none")]):
                told = {"saver": key, "thread": name, "ns": "", "checkpoint": ""}
                ask(control.folder, f"{number:032}.ask", told)
            turn(control)
            control._answers.update(dict.fromkeys(control._answers, 0.0))
            turn(control)
            shutil.rmtree(control.folder, ignore_errors=True)
            turn(control)
            with contextlib.suppress(MemoryError, RuntimeError):
                control.close()
    return out


def turn(control: Any) -> None:
    """A look for requests, as the probe's thread has once a second: here in its place."""
    control.look = lambda savers: None
    control._next = 0.0
    with contextlib.suppress(MemoryError, RuntimeError):
        type(control).look(control, probe.get().savers)


def leave_a_folder(folder: Path) -> None:
    """A folder beside that of the process, of one that was killed long ago."""
    if folder.parent.parent.is_dir():
        left = folder.with_name("left")
        left.mkdir(parents=True, exist_ok=True)
        folder.parent.chmod(0o700)
        os.utime(left, (0, 0))


def ask(folder: Path, name: str, told: dict[str, Any]) -> Path:
    """Ask for something, if the process lets anybody."""
    path = folder / name
    if folder.is_dir():
        path.touch(0o600)
        path.write_text(json.dumps(told))
    return path


F = TypeVar("F")


class Unmarked(contextlib.nullcontext[None]):
    """In place of a region, where nothing is measured."""

    def __call__(self, function: F) -> F:
        return function


def tracking(stage: Stage) -> Any:
    """Regions in nodes: functions, generators, blocks, awaited and not, one that fails."""
    chosen: Any = statemeter.track if stage.measured else lambda name: Unmarked()
    track: Callable[[str], Unmarked] = chosen

    @track("sum")
    def add(first: int, second: int) -> int:
        return first + second

    @track("wait")
    async def wait(number: int) -> int:
        await asyncio.sleep(0)
        return number

    @track("count")
    def count(most: int) -> Iterator[int]:
        yield from range(most)

    @track("count later")
    async def later(most: int) -> AsyncIterator[int]:
        for number in range(most):
            yield number

    def node(state: Notes) -> Notes:
        with track("outer"), contextlib.suppress(KeyError), (block := track("block")):
            with block:
                found = [add(1, 2), *count(2)]
            raise KeyError
        return {"found": [str(found), failing(lambda: add(1, "a"))]}  # type: ignore[arg-type]

    async def awaiting(state: Notes) -> Notes:
        with track("block"):
            return {"found": [str([await wait(3), *[number async for number in later(2)]])]}

    one, other = single(node, InMemorySaver()), single(awaiting, InMemorySaver())
    with stage.using(one, other), track("all"):
        out = [one.invoke({"found": ["a"]}, thread())]
        out.append(asyncio.run(other.ainvoke({"found": ["a"]}, thread())))
    return out


class Kept:
    """What a look finds the holder of."""

    def __init__(self, inner: Any = None) -> None:
        self.inner = inner


KEPT = Kept([Kept()])


def _looking(kind: str, stage: Stage) -> Any:
    """Somebody looks at the memory of the process, in one way after the other of a kind."""

    async def later(state: Notes) -> Notes:
        return {"found": ["y" * 10]}

    graph = single(lambda state: {"found": ["x" * 10]}, InMemorySaver())
    awaited = StateGraph(Notes).add_node("later", later).add_edge(START, "later").compile()
    out: list[Any] = []
    with stage.using(graph, awaited), pytest.MonkeyPatch.context() as patched:

        def talk() -> None:
            out.append(graph.invoke({"found": ["a"]}, thread(str(len(out)))))
            out.append(asyncio.run(awaited.ainvoke({"found": ["a"]})))

        # Of the objects of this process only some: a look at all takes its time.
        small: Any = types.SimpleNamespace(
            collect=lambda: 0, is_tracked=lambda one: True,
            get_objects=lambda: [graph, awaited, KEPT, KEPT.inner[0], KEPT.inner, ["x"] * 200],
        )  # fmt: skip
        for module in (look_allocations, look_census, look_chain, look_lines):
            patched.setattr(module, "gc", small)
        patched.setitem(sys.modules, "memray", memray())
        control: Any = getattr(probe._probe if stage.measured else None, "control", None)
        talk()
        control = control if hasattr(control, "looks") else None
        if control:
            statemeter.flush()
            control.allowed = True
            turn(control)
        node = next(name for name in graph.nodes if name != START)
        for asked, until in LOOKS[kind]:
            named = node if asked.get("name") == START else asked.get("name", "")
            look(control, asked | {"kind": kind, "name": named}, until)
            talk()
            if asked is not UNENDED:
                enough(control)
        if control:
            with contextlib.suppress(MemoryError, RuntimeError):
                control.close()
            leave(control)
    return out


def _restoring() -> bool:
    return bool(look_lines._State.restore)


UNENDED = {"seconds": 60}
"""A look that lasts until the process ends."""
LOOKS: dict[str, list[tuple[dict[str, Any], Callable[[], Any]]]] = {
    "census": [({"seconds": 0.01}, lambda: False)],
    "chain": [
        ({"name": f"{__name__}.Kept", "address": id(KEPT.inner[0])}, lambda: False),
        ({"name": "no.such.Type"}, lambda: False),
    ],
    "allocations": [({"seconds": 0.05}, lambda: False), (UNENDED, tracemalloc.is_tracing)],
    "lines": [
        ({"name": START, "seconds": 60}, _restoring),
        ({"name": "later", "seconds": 60}, _restoring),
    ],
    "recording": [({"run": True, "seconds": 3}, lambda: RECORDED)],
}
"""Kind → what is asked for and when it is under way; the name of the start stands for a node."""


def enough(control: Any) -> None:
    """Wait for the answer; want it now where it would come in a minute."""
    running = control and control.looks._running
    if running and running.look.seconds >= UNENDED["seconds"]:
        running.attention.request.with_suffix(".now").touch()
    look_over(control)


def leave(control: Any) -> None:
    """End a look that did not end, and turn off what it turned on."""
    shutil.rmtree(control.folder, ignore_errors=True)
    look_over(control)
    look_lines._State.restore.clear()
    look_lines._State.call, look_allocations._State.started = None, False
    sys.settrace(None)
    tracemalloc.stop()


RECORDED: list[int] = []


def memray() -> Any:
    """In place of memray, which cannot record twice at once, nor where there is a profiler."""
    RECORDED.clear()

    @contextlib.contextmanager
    def tracker(**given: Any) -> Iterator[None]:
        RECORDED.append(1)
        yield

    return types.SimpleNamespace(
        Tracker=tracker, FileDestination=lambda *given, **named: None,
        FileFormat=types.SimpleNamespace(AGGREGATED_ALLOCATIONS=1),
    )  # fmt: skip


def look(control: Any, asked: dict[str, Any], until: Callable[[], Any]) -> None:
    """Ask for a look, and wait until it is under way."""
    if control:
        ask(control.folder, f"{uuid.uuid4().hex}.look", asked)
        turn(control)
        turn(control)
        end = time.monotonic() + 5
        while control.looks._running and not until() and time.monotonic() < end:
            time.sleep(0.001)


def look_over(control: Any) -> None:
    """Wait for the end of a look."""
    running = control and control.looks._running
    if running and running.thread:
        running.thread.join(20)


def all_graphs(stage: Stage) -> Any:
    """``instrument()`` without argument."""
    early = single(lambda state: {"found": [1]}, InMemorySaver())
    with stage.using(), pytest.MonkeyPatch.context() as settings:
        settings.delenv("STATEMETER_SPOOL", raising=False)
        if stage.measured:
            statemeter.instrument()
        try:
            late = single(lambda state: {"found": [2]}, InMemorySaver())
            return [graph.invoke({"found": []}, thread()) for graph in (early, late, early)]
        finally:
            if stage.measured:
                statemeter.uninstrument(early)
                statemeter.uninstrument()


def _on_server(name: str, stage: Stage) -> Any:
    """A conversation on a saver of a server, in the test's own loop."""

    async def through() -> Any:
        async with opened(name, stage.servers) as saver:
            graph, key = chat(saver), uuid.uuid4().hex
            is_async = type(saver).__name__.startswith("Async")
            with stage.using(graph):
                if is_async:
                    out = [await graph.ainvoke(HELLO, thread(key))]
                    out += [row async for row in saver.alist(thread(key), limit=1)]
                    out += [(await graph.aget_state(thread(key))).values]
                    await saver.adelete_thread(key)
                    again = getattr(saver, "asetup", None) or getattr(saver, "setup", None)
                    await again() if again else None
                else:
                    out = [graph.invoke(HELLO, thread(key))]
                    out += saver.list(thread(key), limit=1)
                    out += [graph.get_state(thread(key)).values]
                    saver.delete_thread(key)
                    if hasattr(saver, "setup"):
                        saver.setup()
            return settled(out).replace(key, "key")

    return asyncio.run(through())


def _store_on_server(name: str, fixture: str, stage: Stage) -> Any:
    """A store of a server."""
    backend = storing.Backend(name, stage.servers.get(fixture))
    with backend.open(storing.place()) as store, stage.using(store):
        return storing.drive(store)


def _sparing_on_redis(stage: Stage) -> Any:
    """A node cache on Redis, with the pool of its client; pools that run dry; no modules."""
    url = stage.servers.get("redis_url")
    pool: Any = redis.BlockingConnectionPool.from_url(url, max_connections=1, timeout=0.01)
    apool: Any = redis.asyncio.BlockingConnectionPool.from_url(url, max_connections=1)
    with redis.Redis.from_url(url) as client, contextlib.closing(pool):
        cache = RedisCache(client, prefix=uuid.uuid4().hex)
        saver = RedisSaver(redis_client=client)
        with stage.using(cache, client, pool, apool, saver):
            connection = pool.get_connection()
            out = [cached(cache), failing(pool.get_connection), failing(saver.setup)]
            pool.release(connection)
            out.append(asyncio.run(lend(apool)))
    return out


async def lend(pool: Any) -> int:
    """A connection of an async pool, taken and given back."""
    connection = await pool.get_connection()
    await pool.release(connection)
    await pool.disconnect()
    return 1


Scene = Callable[[Stage], Any]
SCENES: dict[str, Scene] = {
    scene.__name__: scene
    for scene in (
        all_graphs, pooling, sparing, tracking, ending, showing, talking, asking, keeping,
    )
} | {kind: functools.partial(_looking, kind) for kind in LOOKS} | {
    f"{name} saver": functools.partial(_on_server, name)
    for name in ("postgres", "async postgres", "mongodb", "redis", "async redis", "valkey")
} | {
    f"{name} store": functools.partial(_store_on_server, name, fixture)
    for name, fixture in (
        ("postgres", "postgres_database"), ("mongodb", "mongo_url"), ("redis", "redis_stack_url")
    )
} | {"redis cache": _sparing_on_redis}  # fmt: skip
"""Name → scene; those that need a server last."""


def play(scene: str, stage: Stage) -> str:
    """The results of a scene, as text."""
    return comparable(SCENES[scene](stage))
