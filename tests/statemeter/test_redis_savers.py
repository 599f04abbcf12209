"""RedisSaver, its relatives and ValkeySaver: unchanged, told once, and sized as the server says."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from typing import Any

import pytest
import redis
import valkey
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple, empty_checkpoint
from langgraph.checkpoint.redis import RedisSaver
from langgraph.checkpoint.redis.jsonplus_redis import JsonPlusRedisSerializer
from langgraph.types import Command, interrupt
from langgraph_checkpoint_aws import AgentCoreValkeySaver

import statemeter
from statemeter import events
from tests.statemeter.graphs import Chat, chat, single, thread
from tests.statemeter.redises import ON_MODULES, SAVERS, call, opened
from tests.statemeter.spooled import Spooled
from tests.statemeter.test_graphs import comparable

MESSAGE_COUNT = 300
_VERSION = re.compile(r"\d{32}\.[\d.e-]+")
"""Of a channel: a number and a random one, which may be short."""


@pytest.fixture
def urls(redis_stack_url: str, redis_url: str) -> dict[str, str]:
    """Class → the server that it needs."""
    return {name: redis_stack_url if name in ON_MODULES else redis_url for name in SAVERS}


@pytest.fixture
def server(redis_stack_url: str) -> Any:
    """A client that has nothing to do with the savers."""
    with redis.Redis.from_url(redis_stack_url, decode_responses=True) as client:
        yield client


def checkpoint(**values: Any) -> Any:
    """With numbers for versions and a part that newer ones do not have."""
    return empty_checkpoint() | {
        "channel_values": values,
        "channel_versions": dict.fromkeys(values, 1),
        "pending_sends": ["old"],
    }


async def put(saver: Any, name: str, metadata: Any = None, **values: Any) -> Any:
    """One checkpoint, as a graph would write it."""
    given = {"step": 0, "source": "loop", **(metadata or {})}
    versions = dict.fromkeys(values, 1)
    made = await call(
        saver, "put", thread(name, checkpoint_ns=""), checkpoint(**values), given, versions
    )
    assert isinstance(made, dict), made
    return made


def compact(value: Any) -> bytes:
    """JSON without blanks, every letter as itself."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def calls(spool: Spooled) -> list[Any]:
    """What was told of the saver's calls."""
    return [event for event in spool.told() if isinstance(event, events.Operation)]


def document_of(server: Any, name: str) -> tuple[str, dict[str, Any]]:
    """The key and the one checkpoint of a thread, on Redis."""
    for key in server.scan_iter(f"checkpoint:{name}:*", _type="ReJSON-RL"):
        return key, json.loads(server.execute_command("JSON.GET", key))
    raise AssertionError(name)


# Unchanged


async def converse(graph: Any, name: str) -> list[str]:
    """An interrupt, its resumption, a fork, history, listings, deletion: all results."""
    saver = graph.checkpointer
    config = thread(name)
    results = [
        await call(graph, "invoke", {"messages": [("user", "hi")]}, config, durability="sync"),
        await call(graph, "get_state", config),
        await call(graph, "invoke", Command(resume="yes"), config, durability="sync"),
        await call(graph, "get_state", config),
        past := await call(graph, "get_state_history", config),
        await call(graph, "update_state", past[-1].config, {"topic": "fork"}, as_node="ask"),
        await call(graph, "invoke", None, past[-1].config, durability="sync"),
        await call(graph, "get_state", config),
        await call(saver, "list", config, limit=2),
        await call(saver, "list", config, filter={"source": "loop"}),
        await call(saver, "list", config, before=past[0].config),
        await call(saver, "get_tuple", thread("nobody")),
        await call(saver, "delete_thread", name),
        await call(saver, "get_tuple", config),
    ]
    return [settled(result) for result in results]


def settled(result: Any) -> str:
    """A result without what is new in each run, pending writes in one order: tasks race."""
    if isinstance(result, list):
        return "\n".join(map(settled, result))
    if isinstance(result, CheckpointTuple):
        writes = sorted(map(settled, result.pending_writes or []))
        result = result._replace(pending_writes=writes)
    return comparable(_VERSION.sub("?", repr(result)))


def asking(saver: Any) -> Any:
    """A graph that asks before it answers."""

    def ask(state: Chat) -> Chat:
        return {"messages": [("ai", interrupt("go on?"))], "topic": "x" * 50}

    return single(ask, saver, Chat)


@pytest.mark.parametrize("name", SAVERS)
async def test_a_conversation_is_the_same(name: str, urls: dict[str, str], spool: Spooled) -> None:
    """Bare and instrumented, every result and every error is the same, and no call failed in us."""
    results = []
    for measured in (False, True):
        async with opened(name, urls[name]) as saver:
            graph = asking(saver)
            if measured:
                assert statemeter.instrument(graph) is graph
            results.append(await converse(graph, f"talk-{name}"))
    assert results[0] == results[1]
    kinds = {type(event) for event in spool.told()}
    assert kinds >= {events.Put, events.Writes, events.Read, events.List, events.Removal}


@pytest.mark.parametrize("name", SAVERS)
async def test_the_saver_stays_itself(name: str, urls: dict[str, str], spool: Spooled) -> None:
    """Class, serializer's class, and the signature of every method of its class."""
    cls: Any = SAVERS[name]
    async with opened(name, urls[name]) as saver:
        serializer = type(saver.serde)
        assert statemeter.instrument(saver) is saver
        assert isinstance(saver, cls)
        assert isinstance(saver, BaseCheckpointSaver)
        assert isinstance(saver.serde, serializer)
        assert isinstance(saver.serde, JsonPlusRedisSerializer) == (name in ON_MODULES)
        for method, bare in inspect.getmembers(cls, inspect.isfunction):
            now = getattr(type(saver), method)
            assert inspect.signature(now) == inspect.signature(bare), method
            assert inspect.iscoroutinefunction(now) == inspect.iscoroutinefunction(bare), method
        statemeter.uninstrument(saver)
        assert type(saver) is cls
        assert type(saver.serde) is serializer


@pytest.mark.parametrize("name", SAVERS)
async def test_keys_expire_as_before(name: str, urls: dict[str, str], spool: Spooled) -> None:
    """With a time to live, every key has it, instrumented or not, and a read renews it."""
    limit = 60
    options: Any = {"ttl_seconds": limit}
    if name in ON_MODULES:
        options = {"ttl": {"default_ttl": limit / 60, "refresh_on_read": True}}
    found = []
    with redis.Redis.from_url(urls[name], decode_responses=True) as client:
        for measured in (False, True):
            async with opened(name, urls[name], **options) as saver:
                if measured:
                    statemeter.instrument(saver)
                config = await put(saver, f"ttl-{name}", a=1)
                await call(saver, "put_writes", config, [("a", 2)], "task")
                await call(saver, "get_tuple", thread(f"ttl-{name}", checkpoint_ns=""))
                keys = sorted(client.scan_iter(f"*ttl-{name}*"))
                lives = [client.ttl(key) for key in keys]
                assert keys
                assert all(life == -1 or 0 < life <= limit for life in lives)
                found.append([life > 0 for life in lives])
                await call(saver, "delete_thread", f"ttl-{name}")
    assert found[0] == found[1]
    assert any(found[0])


# Told


@pytest.mark.parametrize("name", SAVERS)
async def test_each_call_is_told_once(name: str, urls: dict[str, str], spool: Spooled) -> None:
    """Every method gives one event with what it did."""
    async with opened(name, urls[name]) as saver:
        statemeter.instrument(saver)
        config = await put(saver, f"once-{name}", a="x" * 10)
        writes = [("a", "yy"), ("b", b"zzz"), ("c", None)]
        await call(saver, "put_writes", config, writes, "task", "~__pregel_pull, node")
        assert await call(saver, "get_tuple", config) is not None
        assert await call(saver, "get_tuple", thread("nobody", checkpoint_ns="")) is None
        assert len(await call(saver, "list", thread(f"once-{name}"))) == 1
        await call(saver, "delete_thread", f"once-{name}")
    told = calls(spool)
    kinds = [type(event).__name__ for event in told]
    assert kinds == ["Put", "Writes", "Read", "Read", "List", "Removal"]
    assert [event.error for event in told] == [""] * 6
    assert [event.thread for event in told if event.thread != "nobody"] == [f"once-{name}"] * 5
    assert told[0].checkpoint == told[1].checkpoint == config["configurable"]["checkpoint_id"]
    assert [event.found for event in told[2:4]] == [1, 0]
    assert (told[4].rows, told[4].complete) == (1, 1)
    # Values are held as base64: '"yy"' or packed, b"zzz", and nothing for None.
    sizes = [size for _, size in told[1].writes]
    assert sizes == [8 if name in ON_MODULES else 4, 4, 0]
    (key,) = {event.saver for event in told}
    assert key == spool.of(events.Saver)[0].key


@pytest.mark.parametrize("name", ["AsyncRedisSaver", "AsyncShallowRedisSaver"])
async def test_sync_methods_of_an_async_saver(
    name: str, urls: dict[str, str], spool: Spooled
) -> None:
    """They work on its loop, from another thread: one call each, its serializer's time in it."""
    async with opened(name, urls[name]) as saver:
        statemeter.instrument(saver)

        def work() -> None:
            config = saver.put(
                thread(f"sync-{name}", checkpoint_ns=""), checkpoint(a=1), {"step": 1}, {"a": 1}
            )
            saver.put_writes(config, [("a", 5)], "task")
            assert saver.get_tuple(config) is not None

        await asyncio.to_thread(work)
        await saver.adelete_thread(f"sync-{name}")
    told = calls(spool)
    assert [type(event).__name__ for event in told] == ["Put", "Writes", "Read", "Removal"]
    assert [event.serializer for event in told[:3]] == ["json", "json", told[2].serializer]
    assert told[0].document_bytes > 0


@pytest.mark.parametrize("name", SAVERS)
async def test_the_serializer_is_timed(name: str, urls: dict[str, str], spool: Spooled) -> None:
    """Its time is part of each call that writes or reads state, RedisSaver's own included."""
    async with opened(name, urls[name]) as saver:
        statemeter.instrument(saver)
        graph = chat(saver)
        messages = {"messages": [("user", "x")] * MESSAGE_COUNT}
        await call(graph, "invoke", messages, thread(f"timed-{name}"), durability="sync")
        await call(graph, "get_state", thread(f"timed-{name}"))
        await call(saver, "delete_thread", f"timed-{name}")
    put, read = spool.of(events.Put)[-1], spool.of(events.Read)[-1]
    for event in (put, read):
        assert 0 < event.serde_us <= event.duration_us, event
    assert put.serializer == ("json" if name in ON_MODULES else "msgpack")


def test_values_are_gone_through_as_before(redis_stack_url: str, spool: Spooled) -> None:
    """The saver calls itself for each part of a value; only the first call passes the probe, and a
    class of the application may be made in a way of its own."""

    class Own(RedisSaver):
        calls: list[type]

        def __new__(cls, url: str, more: str) -> Own:
            return super().__new__(cls)

        def __init__(self, url: str, more: str) -> None:
            super().__init__(url)
            self.calls = []

        def _recursive_deserialize(self, obj: Any) -> Any:
            self.calls.append(type(self))
            return super()._recursive_deserialize(obj)

    saver = Own(redis_stack_url, "more")
    saver.setup()
    statemeter.instrument(saver)
    config = saver.put(thread("own", checkpoint_ns=""), checkpoint(a=[1, [2, {"b": 3}]]), {}, {})
    assert saver.get_tuple(config).checkpoint["channel_values"] == {"a": [1, [2, {"b": 3}]]}
    assert set(saver.calls) == {Own}
    assert len(saver.calls) > 5
    saver.delete_thread("own")
    saver._redis.close()


# Sized


@pytest.mark.parametrize("name", ON_MODULES)
async def test_a_document_has_the_bytes_that_the_server_says(
    name: str, urls: dict[str, str], server: Any, spool: Spooled
) -> None:
    """Document and metadata to the byte, and what else the key holds is the saver's envelope."""
    values = {"a": 'é\n"\x00', "b": [1.5, None, {"c": 2}], "c": {1, 2}, "d": 1}
    async with opened(name, urls[name]) as saver:
        statemeter.instrument(saver)
        await put(saver, f"sized-{name}", {"note": "é", "parents": {}}, **values)
        key, document = document_of(server, f"sized-{name}")
        raw = len(server.execute_command("JSON.GET", key).encode())
        held = len(server.execute_command("JSON.GET", key, ".checkpoint").encode())
        kept = document["metadata"]
        (used,) = server.execute_command("JSON.DEBUG", "MEMORY", key, "$")
        memory = server.memory_usage(key, samples=0)
        parts = {
            channel: len(
                server.execute_command(
                    "JSON.GET", key, f".checkpoint.channel_values.{channel}"
                ).encode()
            )
            for channel in values
        }
        await call(saver, "delete_thread", f"sized-{name}")
    told = spool.one(events.Put)
    assert (told.whole, told.document_bytes) == (1, held)
    assert json.loads(bytes(told.channels)) == parts
    assert told.metadata_bytes == len(kept.encode() if isinstance(kept, str) else compact(kept))
    # The rest is LangGraph's ids, times and marks, once again beside the document.
    rest = document | {"checkpoint": 0}
    assert raw - held == len(compact(rest)) - 1
    # In memory Redis keeps JSON as a tree, which takes more than its text.
    assert held < raw < used < memory


@pytest.mark.parametrize("name", ["ValkeySaver", "AsyncValkeySaver"])
async def test_a_string_has_the_bytes_that_the_server_says(
    name: str, urls: dict[str, str], spool: Spooled
) -> None:
    """Document and metadata are base64 inside a string of JSON; ids and names are the rest."""
    async with opened(name, urls[name]) as saver:
        statemeter.instrument(saver)
        config = await put(saver, f"sized-{name}", {"note": "é"}, a="x" * 100, b=b"\x00\xff")
        await call(saver, "put_writes", config, [("a", "y" * 50), ("b", b"z")], "task")
        with redis.Redis.from_url(urls[name], decode_responses=True) as client:
            (key,) = client.scan_iter(f"checkpoint:{{sized-{name}}}:*")
            stored, length = json.loads(client.get(key)), client.strlen(key)
            (key,) = client.scan_iter(f"writes:{{sized-{name}}}:*")
            writes = json.loads(client.get(key))
        await call(saver, "delete_thread", f"sized-{name}")
    told = spool.one(events.Put)
    assert (told.whole, told.document_bytes) == (1, len(stored["checkpoint"]))
    assert told.metadata_bytes == len(stored["metadata"])
    rest = stored | {"checkpoint": "", "metadata": ""}
    beside = len(compact(rest))
    assert length == told.document_bytes + told.metadata_bytes + beside
    # Channels are told as they were serialized: base64 makes a third more of them.
    channels = json.loads(bytes(told.channels))
    assert channels == {"a": 102, "b": 4}
    assert spool.one(events.Writes).writes == [(w["channel"], len(w["value"])) for w in writes]


async def test_bytes_are_held_in_another_form(
    urls: dict[str, str], server: Any, spool: Spooled
) -> None:
    """With ``bytes`` in the state, RedisSaver serializes to msgpack, and stores that as JSON with
    base64: told is what it serialized, the server holds more."""
    async with opened("RedisSaver", urls["RedisSaver"]) as saver:
        statemeter.instrument(saver)
        await put(saver, "bytes", a=b"\x00" * 3000, b="text")
        key, _ = document_of(server, "bytes")
        held = len(server.execute_command("JSON.GET", key, ".checkpoint"))
        saver.delete_thread("bytes")
    told = spool.one(events.Put)
    assert told.serializer == "msgpack"
    assert json.loads(bytes(told.channels)) == {"a": 3003, "b": 5}
    assert told.document_bytes < held < 2 * told.document_bytes


async def test_large_floats_lose_a_plus(urls: dict[str, str], server: Any, spool: Spooled) -> None:
    """From 1e16 on the serializer writes ``1e+16`` and Redis ``1e16``: one byte less for each."""
    async with opened("RedisSaver", urls["RedisSaver"]) as saver:
        statemeter.instrument(saver)
        await put(saver, "floats", a=[1e16, 1e300, -1e22], b=[1e15, 1e-7, 0.1, 5e-324, -0.0])
        key, _ = document_of(server, "floats")
        held = len(server.execute_command("JSON.GET", key, ".checkpoint"))
        saver.delete_thread("floats")
    assert spool.one(events.Put).document_bytes == held + 3


async def test_a_backlog_keeps_the_totals(
    urls: dict[str, str], server: Any, spool: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where serialized state may not wait to be measured, its size is known all the same."""
    from statemeter import probe

    monkeypatch.setattr(probe.get(), "held_limit", 0)
    async with opened("RedisSaver", urls["RedisSaver"]) as saver:
        statemeter.instrument(saver)
        graph = chat(saver)
        graph.invoke({"messages": [("user", "x")]}, thread("backlog"), durability="exit")
        key, _ = document_of(server, "backlog")
        held = len(server.execute_command("JSON.GET", key, ".checkpoint"))
        saver.delete_thread("backlog")
    told = spool.one(events.Put)
    assert told.channels_unknown == "backlog"
    assert told.document_bytes == held


@pytest.mark.parametrize("name", ["RedisSaver", "AsyncRedisSaver", "ShallowRedisSaver"])
async def test_pruning_tells_how_many_stay(name: str, urls: dict[str, str], spool: Spooled) -> None:
    """``keep_last`` goes before the strategy."""
    async with opened(name, urls[name]) as saver:
        statemeter.instrument(saver)
        await call(saver, "prune", ["p"])
        await call(saver, "prune", ["p"], strategy="delete")
        for count in (0, 1, 3):
            await call(saver, "prune", ["p"], keep_last=count)
    strategies = [event.strategy for event in spool.of(events.Removal) if event.method == "prune"]
    assert strategies == ["keep_latest", "delete", "delete", "keep_latest", "keep_latest:3"]


def test_a_saver_of_another_form(redis_url: str, spool: Spooled) -> None:
    """AgentCoreValkeySaver serializes where the probe does not see it: its bytes are unknown, and
    nothing is made up."""
    with valkey.Valkey.from_url(redis_url) as client:
        saver = AgentCoreValkeySaver(client)
        config = {"configurable": {"thread_id": "agent", "actor_id": "a", "checkpoint_ns": ""}}
        graph = statemeter.instrument(chat(saver))
        graph.invoke({"messages": [("user", "hi")]}, config)
        assert len(graph.get_state(config).values["messages"]) == 3
        keys = client.keys("*agent*")
        assert keys
        client.delete(*keys)
    told = spool.of(events.Saver)[0]
    assert (told.backend, told.layout) == ("valkey", "unknown")
    assert told.label == f"{redis_url.partition('//')[2]}/0"
    assert {(put.document_bytes, put.error) for put in spool.of(events.Put)} == {(-1, "")}
    assert {size for writes in spool.of(events.Writes) for _, size in writes.writes} == {-1}
