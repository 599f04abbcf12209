"""Node caches answer as they do bare; keys, hits, bytes and TTL are those of the cache itself."""

from __future__ import annotations

import asyncio
import copy
import inspect
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import valkey
from langgraph.cache.base import BaseCache
from langgraph.cache.memory import InMemoryCache
from langgraph.cache.redis import RedisCache
from langgraph.cache.sqlite import SqliteCache
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import CachePolicy
from langgraph_checkpoint_aws.cache.valkey.cache import ValkeyCache

import statemeter
from statemeter import events
from tests.sqlite_files import opened
from tests.statemeter.graphs import Notes
from tests.statemeter.spooled import Spooled

Make = Callable[[], BaseCache]
NS = ("__pregel_ns_writes", "tests.look", "look")
OTHER = ("__pregel_ns_writes", "tests.fetch", "fetch")
BACKENDS = ("memory", "sqlite", "redis", "valkey", "other")


class OwnCache(BaseCache):
    """A cache of the application's own."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[Any, Any] = {}

    def get(self, keys: Any) -> Any:
        return {key: self.serde.loads_typed(self.held[key]) for key in keys if key in self.held}

    def set(self, entries: Any) -> None:
        for key, (value, _) in entries.items():
            self.held[key] = self.serde.dumps_typed(value)

    def clear(self, namespaces: Any = None) -> None:
        gone = [key for key in self.held if namespaces is None or key[0] in namespaces]
        for key in gone:
            del self.held[key]

    async def aget(self, keys: Any) -> Any:
        return self.get(keys)

    async def aset(self, entries: Any) -> None:
        self.set(entries)

    async def aclear(self, namespaces: Any = None) -> None:
        self.clear(namespaces)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes empty caches of a backend, each with a place of its own."""
    clients: list[Any] = []

    def one() -> BaseCache:
        name = uuid.uuid4().hex
        if backend == "memory":
            return InMemoryCache()
        if backend == "other":
            return OwnCache()
        if backend == "sqlite":
            return SqliteCache(path=str(tmp_path / f"{name}.sqlite"))
        url = request.getfixturevalue("redis_url")
        if backend == "redis":
            clients.append(redis.Redis.from_url(url))
            return RedisCache(clients[-1], prefix=f"{name}:")
        clients.append(valkey.Valkey.from_url(url))
        return ValkeyCache(clients[-1], prefix=f"{name}:")

    yield one
    for client in clients:
        client.close()


def stored(cache: Any) -> list[int]:
    """Bytes of each value, as the cache or its server tells them."""
    if isinstance(cache, SqliteCache):
        return [size for (size,) in cache._conn.execute("SELECT length(val) FROM cache")]
    if isinstance(cache, OwnCache):
        return [len(value) for _, value in cache.held.values()]
    if isinstance(cache, InMemoryCache):
        return [len(value) for part in cache._cache.values() for _, value, _ in part.values()]
    client = cache.redis if isinstance(cache, RedisCache) else cache.client
    return [client.strlen(key) for key in client.scan_iter(f"{cache.prefix}*")]


def graph_of(cache: Any, **policy: Any) -> Any:
    """Two nodes side by side whose results are cached, and one whose are not."""
    builder = StateGraph(Notes)
    builder.add_node("look", lambda s: {"found": ["l" * 50]}, cache_policy=CachePolicy(**policy))
    builder.add_node("fetch", lambda s: {"found": ["f" * 900]}, cache_policy=CachePolicy(**policy))
    builder.add_node("end", lambda s: {"other": 1})
    builder.add_edge(START, "look")
    builder.add_edge(START, "fetch")
    builder.add_edge(["look", "fetch"], "end")
    return builder.compile(cache=cache)


def run(graph: Any, given: Any, asynchronous: bool) -> Any:
    return asyncio.run(graph.ainvoke(given)) if asynchronous else graph.invoke(given)


def told(spool: Spooled, method: str) -> dict[str, list[events.Access]]:
    """The events of a method by node."""
    found: dict[str, list[events.Access]] = {}
    for event in spool.of(events.Access):
        if event.method == method:
            found.setdefault(event.part, []).append(event)
    return found


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_graph_with_a_cache(make: Make, backend: str, asynchronous: bool, spool: Spooled) -> None:
    """Misses, what is then set, and the hits of the next run: each node's own, to the byte."""
    bare = graph_of(make(), ttl=600)
    cache = make()
    graph = statemeter.instrument(graph_of(cache, ttl=600))
    for value in (1, 1, 2):
        given = {"value": value}
        assert run(graph, given, asynchronous) == run(bare, given, asynchronous)
    (resource,) = [e for e in spool.of(events.Resource) if e.kind == "cache"]
    assert resource.backend == backend
    gets, sets = told(spool, "get"), told(spool, "set")
    assert set(gets) == set(sets) == {"look", "fetch"}
    sizes = {}
    for node in ("look", "fetch"):
        assert [(e.items, e.hits, e.run) for e in gets[node]] == [(1, 0, 1), (1, 1, 2), (1, 0, 3)]
        assert [(e.items, e.hits, e.run) for e in sets[node]] == [(1, -1, 1), (1, -1, 3)]
        assert {e.numbers["ttl_seconds"] for e in sets[node]} == {600}
        assert all(e.numbers["serde_us"] >= 0 for e in sets[node])
        first, second = (e.keys for e in sets[node])
        assert [e.keys for e in gets[node]] == [first, first, second]
        assert first != second
        assert len(first[0]) == 16
        (sizes[node],) = {e.bytes for e in sets[node]}
        assert [e.bytes for e in gets[node]] == [0, sizes[node], 0]
        assert all(e.resource == resource.key and not e.error for e in gets[node] + sets[node])
    assert sorted([*sizes.values()] * 2) == sorted(stored(cache))
    nodes = [(e.node, e.run) for e in spool.of(events.Node) if e.cached]
    assert sorted(nodes) == [("fetch", 2), ("look", 2)]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_each_method_gives_what_it_gives_bare(
    make: Make, backend: str, asynchronous: bool, spool: Spooled
) -> None:
    """Called directly, with arguments by place or by name: results and errors are the same."""
    twin, cache = make(), make()
    statemeter.instrument(cache)
    value = {"a": [1, 2, 3], "b": None}

    def both(method: str, *given: Any, **named: Any) -> Any:
        out = []
        for each in (twin, cache):
            function = getattr(each, f"a{method}" if asynchronous else method)
            try:
                result = function(*given, **named)
                out.append(asyncio.run(result) if asynchronous else result)
            except Exception as error:
                out.append((type(error), str(error)))
        assert out[0] == out[1]
        return out[1]

    name = next(iter(inspect.signature(cache.set).parameters))
    both("set", {(NS, "k1"): (value, None), (NS, "k2"): (7, None), (OTHER, "k1"): (7, 100)})
    both("set", **{name: {(NS, "k3"): ("x", 50)}})
    asked = [(NS, "k1"), (NS, "none"), (OTHER, "k1"), (NS, "k2")]
    assert both("get", asked) == {
        (NS, "k1"): value, (NS, "k2"): 7, (OTHER, "k1"): 7
    }  # fmt: skip
    assert both("get", keys=[(NS, "k3")]) == {(NS, "k3"): "x"}
    assert both("get", []) == {}
    assert both("set", "no mapping")[0] in (AttributeError, TypeError)
    all_bytes = sum(stored(cache))
    both("clear", [OTHER])
    assert both("get", [(OTHER, "k1")]) == {}
    both("clear")
    assert both("get", [(NS, "k1")]) == {}
    assert stored(cache) == stored(twin) == []

    sets = told(spool, "set")
    (failed,) = sets.pop("")
    assert failed.error in ("AttributeError", "TypeError")
    assert [(e.items, e.numbers.get("ttl_seconds")) for e in sets["look"]] == [(2, None), (1, 50)]
    assert [(e.items, e.numbers["ttl_seconds"]) for e in sets["fetch"]] == [(1, 100)]
    assert sum(e.bytes for part in sets.values() for e in part) == all_bytes
    gets = told(spool, "get")
    first = gets["look"][0]
    assert (first.items, first.hits, first.numbers) == (3, 2, {"nodes": 2})
    assert first.keys[:2] == sets["look"][0].keys, "hits first"
    assert [(e.items, e.hits) for e in gets["fetch"]] == [(1, 1), (1, 0)]
    assert [(part, [e.items for e in found]) for part, found in told(spool, "clear").items()] == [
        ("fetch", [1]), ("", [0]),
    ]  # fmt: skip


def test_it_stays_the_same_object(make: Make, spool: Spooled) -> None:
    """Class, serializer, copies and what is undone: as before."""
    cache: Any = make()
    cls, serializer = type(cache), cache.serde
    before = dict(vars(cache))
    assert statemeter.instrument(cache) is cache
    assert statemeter.instrument(cache) is cache
    assert isinstance(cache, cls)
    assert type(cache).__name__ == cls.__name__
    assert isinstance(cache.serde, JsonPlusSerializer)
    assert cache.serde is not serializer, "shared by all caches: a copy is measured"
    for method in ("get", "aset", "clear"):
        assert inspect.signature(getattr(cache, method)) == inspect.signature(
            getattr(cls, method).__get__(cache)
        )
    cache.set({(NS, "k"): (1, None)})
    assert spool.one(events.Access).method == "set"
    statemeter.uninstrument(cache)
    assert type(cache) is cls
    assert cache.serde is serializer
    assert dict(vars(cache)) == before
    assert cache.get([(NS, "k")]) == {(NS, "k"): 1}
    assert len(spool.of(events.Access)) == 1


def test_a_key_function_and_a_time_to_live_of_zero_point(spool: Spooled) -> None:
    """Equal keys are one hash, whatever the state; expired entries are misses."""
    cache = InMemoryCache()
    graph = statemeter.instrument(graph_of(cache, key_func=lambda state: "same", ttl=-1))
    for value in (1, 2):
        graph.invoke({"value": value})
    gets = told(spool, "get")["look"]
    assert [e.hits for e in gets] == [0, 0]
    assert len({key for e in gets for key in e.keys}) == 1
    assert told(spool, "set")["look"][0].numbers["ttl_seconds"] == 0


def test_a_task_of_the_functional_api_is_named_as_its_node(spool: Spooled) -> None:
    """Its namespace ends with module and name of the function; told is the name."""

    @task(cache_policy=CachePolicy())
    def double(number: int) -> int:
        return 2 * number

    @entrypoint(cache=InMemoryCache())
    def flow(number: int) -> int:
        return int(double(number).result())

    statemeter.instrument(flow)
    assert [flow.invoke(4), flow.invoke(4)] == [8, 8]
    gets = told(spool, "get")["double"]
    assert [e.hits for e in gets if e.items] == [0, 1]
    assert [e.node for e in spool.of(events.Node) if e.cached] == ["double"]


def test_two_processes_agree_on_a_server_and_its_keys(tmp_path: Path, spool: Spooled) -> None:
    """A file has one key for all who open it, its entries one hash; in-memory caches differ."""
    path = str(tmp_path / "shared.sqlite")
    both = [statemeter.instrument(SqliteCache(path=path)) for _ in range(2)]
    alone = [statemeter.instrument(InMemoryCache()) for _ in range(2)]
    for cache in (*both, *alone):
        cache.set({(NS, "k"): (1, None)})
    accesses = spool.of(events.Access)
    assert accesses[0].resource == accesses[1].resource
    assert accesses[0].keys == accesses[1].keys
    assert accesses[2].resource != accesses[3].resource
    resources = {event.key: event for event in spool.of(events.Resource)}
    assert resources[accesses[0].resource].database == path
    assert len(resources) == 3


def test_many_keys_and_foreign_names(spool: Spooled) -> None:
    """At most 32 keys are told, all are counted; keys that no text can hold are hashed, too."""
    cache = statemeter.instrument(InMemoryCache())
    pairs = {(NS, f"k{n}"): (n, None) for n in range(40)} | {(("a", "\ud800"), "\ud801"): (1, None)}
    cache.set(pairs)
    cache.get([*pairs, (NS, "no")])
    first, foreign = spool.of(events.Access)[:2]
    assert (first.items, len(first.keys)) == (40, 32)
    assert (foreign.items, len(foreign.keys)) == (1, 1)
    assert all(len(key) == 16 for key in first.keys)


def test_no_key_and_no_value_is_told(spool: Spooled) -> None:
    """Only hashes and sizes reach the spool."""
    cache = statemeter.instrument(InMemoryCache())
    cache.set({(NS, "very-secret-key"): ("very-secret-value", None)})
    cache.get([(NS, "very-secret-key")])
    assert b"very-secret" not in spool.content()


def test_values_are_not_kept_alive(spool: Spooled) -> None:
    """What a call was given and found is let go when it ends."""
    import gc

    from statemeter import probe

    cache = statemeter.instrument(InMemoryCache())
    value = [object.__new__(type("Marked", (), {"__reduce__": lambda self: (int, ())}))]
    del value
    cache.set({(NS, "k"): ([1, 2], None)})
    queued = [item for _, _, item in list(probe.get().queue)]
    assert not any(isinstance(part, list) and part == [1, 2] for part in gc.get_referents(*queued))


def test_a_cache_whose_server_is_down(free_port: int, spool: Spooled) -> None:
    """RedisCache hides it: misses. ValkeyCache raises: told by its class, and raised unchanged."""
    quiet = statemeter.instrument(RedisCache(redis.Redis(port=free_port)))
    assert quiet.get([(NS, "k")]) == {}
    quiet.set({(NS, "k"): (1, None)})
    loud_client = valkey.Valkey(port=free_port)
    loud: Any = object.__new__(ValkeyCache)  # its constructor asks the server
    BaseCache.__init__(loud)
    loud.client, loud.prefix, loud.ttl = loud_client, "p:", 9
    statemeter.instrument(loud)
    with pytest.raises(valkey.ConnectionError):
        loud.get([(NS, "k")])
    seen = [(e.method, e.error, e.hits) for e in spool.of(events.Access)]
    assert seen == [("get", "", 0), ("set", "", -1), ("get", "ConnectionError", -1)]


def test_a_serializer_that_savers_share(spool: Spooled) -> None:
    """One object given to a cache and a saver: each measures its own copy."""
    from langgraph.checkpoint.memory import InMemorySaver

    serializer = JsonPlusSerializer()
    saver = statemeter.instrument(InMemorySaver(serde=serializer))
    cache = statemeter.instrument(InMemoryCache(serde=saver.serde))
    cache.set({(NS, "k"): ("v" * 100, None)})
    assert spool.one(events.Access).bytes == 102
    twin = copy.copy(cache)
    assert twin.get([(NS, "k")]) == {(NS, "k"): "v" * 100}


def test_a_cache_without_a_usable_serializer(spool: Spooled) -> None:
    """Its bytes are unknown; everything else is measured."""

    class Plain(OwnCache):
        serde = None  # type: ignore[assignment]

        def __init__(self) -> None:
            self.held = {}

        def get(self, keys: Any) -> Any:
            return {key: self.held[key] for key in keys if key in self.held}

        def set(self, entries: Any) -> None:
            self.held |= {key: value for key, (value, _) in entries.items()}

    cache: Any = Plain()
    statemeter.instrument(cache)
    cache.set({(NS, "k"): (1, None)})
    assert cache.get([(NS, "k")]) == {(NS, "k"): 1}
    assert [(e.items, e.hits, e.bytes) for e in spool.of(events.Access)] == [
        (1, -1, -1),
        (1, 1, -1),
    ]
    statemeter.uninstrument(cache)
    assert "serde" not in vars(cache)


def test_rows_of_a_file_are_what_is_told(tmp_path: Path, spool: Spooled) -> None:
    """Distinct keys and bytes of a SqliteCache, counted in its file by another connection."""
    path = tmp_path / "c.sqlite"
    graph = statemeter.instrument(graph_of(SqliteCache(path=str(path))))
    for value in (1, 2, 3, 1):
        graph.invoke({"value": value})
    with opened(path) as other:
        rows = other.execute("SELECT count(*), sum(length(val)) FROM cache").fetchone()
    sets = [event for event in spool.of(events.Access) if event.method == "set"]
    assert rows == (len({(e.part, *e.keys) for e in sets}), sum(e.bytes for e in sets))
