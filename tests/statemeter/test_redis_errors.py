"""A server without modules, down, slow, or refusing: the graph sees the error it would see bare."""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import redis
import redis.asyncio
import valkey
import valkey.asyncio
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.redis import AsyncRedisSaver, RedisSaver, ShallowRedisSaver
from langgraph_checkpoint_aws import AsyncValkeySaver, ValkeySaver

import statemeter
from statemeter import events, hints
from tests.servers import redis_servers
from tests.statemeter.graphs import chat, thread
from tests.statemeter.redises import call
from tests.statemeter.spooled import Spooled

SECRET = "s3cret-wrong"
_NEW = re.compile(r"[0-9a-f]{8}-[0-9a-f-]*|\d{4}-\d\d-\d\dT[0-9:.+]+|\d{9,}(\.\d+)?|:\d{5}\b")
"""Ids, times and ports."""


@pytest.fixture
def log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> pytest.LogCaptureFixture:
    """The log of a probe that has said nothing yet."""
    monkeypatch.setattr(hints, "_said", set())
    caplog.set_level(logging.WARNING, "statemeter")
    return caplog


def said(log: pytest.LogCaptureFixture) -> list[str]:
    """What the probe itself wrote."""
    return [record.getMessage() for record in log.records if record.name == "statemeter"]


@contextlib.asynccontextmanager
async def client(kind: Any, url: str, **options: Any) -> AsyncIterator[Any]:
    """A client of redis-py or valkey-py that tries once."""
    made = kind.from_url(url, retry=None, **options)
    try:
        yield made
    finally:
        closed = made.aclose() if hasattr(made, "aclose") else made.close()
        if closed is not None:
            await closed


def stable(error: BaseException) -> list[tuple[str, str]]:
    """Classes and texts of an error and what caused it, without what is new each time."""
    found = []
    link: BaseException | None = error
    while link is not None:
        found.append((f"{type(link).__module__}.{type(link).__name__}", _NEW.sub("?", str(link))))
        link = link.__cause__ or link.__context__
    return found


async def errors_of(saver: Any) -> list[Any]:
    """What each way to use a saver raises; what works gives nothing."""
    config = thread("t", checkpoint_ns="", checkpoint_id="c")
    turn = {"messages": [("user", "hi")]}
    results = [
        await call(chat(saver) if not measured(saver) else statemeter.instrument(chat(saver)),
                   "invoke", turn, thread("t")),
        await call(saver, "put", thread("t", checkpoint_ns=""), empty_checkpoint(), {}, {}),
        await call(saver, "put_writes", config, [("a", 1)], "task"),
        await call(saver, "get_tuple", config),
        await call(saver, "list", thread("t")),
        await call(saver, "delete_thread", "t"),
    ]  # fmt: skip
    if isinstance(saver, RedisSaver | AsyncRedisSaver):
        results.append(await call(saver, "setup"))
    return [stable(result) if isinstance(result, Exception) else None for result in results]


def measured(saver: Any) -> bool:
    return hasattr(saver, "_statemeter_info")


async def compare(make: Any, spool: Spooled) -> Any:
    """The same errors bare and instrumented; the label of the instrumented saver."""
    results = []
    for instrumented in (False, True):
        async with make() as saver:
            if instrumented:
                assert statemeter.instrument(saver) is saver
                assert measured(saver)
            results.append(await errors_of(saver))
    assert results[0] == results[1]
    assert any(results[0]), "nothing failed"
    told = [event for event in spool.told() if isinstance(event, events.Operation)]
    assert {event.error for event in told} - {""}
    assert SECRET.encode() not in spool.content()
    return spool.of(events.Saver)[0].label


def saver_on(cls: Any, kind: Any, url: str, **options: Any) -> Any:
    """Makes a saver of a client that tries once."""

    @contextlib.asynccontextmanager
    async def make() -> AsyncIterator[Any]:
        async with client(kind, url, **options) as made:
            yield cls(made) if "Valkey" in cls.__name__ else cls(redis_client=made)

    return make


ALL = [
    (RedisSaver, redis.Redis),
    (ShallowRedisSaver, redis.Redis),
    (AsyncRedisSaver, redis.asyncio.Redis),
    (ValkeySaver, valkey.Valkey),
    (AsyncValkeySaver, valkey.asyncio.Valkey),
]
LAZY = [(cls, kind) for cls, kind in ALL if kind is not redis.Redis]
"""Those that can be made without a server: RedisSaver asks it at once."""


@pytest.mark.parametrize(("cls", "kind"), ALL[:3])
async def test_a_server_without_modules(
    cls: Any, kind: Any, redis_url: str, spool: Spooled, log: pytest.LogCaptureFixture
) -> None:
    """Plain Redis under RedisSaver: one hint, which names Redis 8 and Redis Stack."""
    label = await compare(saver_on(cls, kind, redis_url), spool)
    assert said(log) == [f"statemeter: {cls.__name__} at {label}: {hints._MODULES}"]
    assert "Redis 8 or Redis Stack" in hints._MODULES


@pytest.mark.parametrize(("cls", "kind"), LAZY)
async def test_a_server_that_is_down(
    cls: Any, kind: Any, free_port: int, spool: Spooled, log: pytest.LogCaptureFixture
) -> None:
    """Instrumenting asks no server; each use raises what the client raises."""
    url = f"redis://ann:{SECRET}@127.0.0.1:{free_port}/3"
    label = await compare(saver_on(cls, kind, url), spool)
    assert label == f"127.0.0.1:{free_port}/3"
    assert said(log) == [f"statemeter: {cls.__name__} at {label}: {hints._DOWN}"]


async def test_a_server_that_goes_down(spool: Spooled, log: pytest.LogCaptureFixture) -> None:
    """RedisSaver, too, goes on with the client's own error."""
    with redis_servers.stack() as url:
        saver = RedisSaver(url, connection_args={"retry": None})
        saver.setup()
        graph = statemeter.instrument(chat(saver))
        graph.invoke({"messages": [("user", "hi")]}, thread())
    error = await call(graph, "invoke", {"messages": [("user", "hi")]}, thread())
    saver._redis.close()
    assert type(error) is redis.ConnectionError
    (hint,) = said(log)
    assert hint.endswith(hints._DOWN)


@pytest.mark.parametrize(("cls", "kind"), LAZY)
async def test_a_login_that_is_refused(
    cls: Any, kind: Any, redis_url: str, spool: Spooled, log: pytest.LogCaptureFixture
) -> None:
    """The hint says where to look, and neither user nor password."""
    with redis.Redis.from_url(redis_url) as admin:
        admin.acl_setuser("ann", enabled=True, passwords="+right", commands=["+@all"], keys=["*"])
        try:
            url = redis_url.replace("//", f"//ann:{SECRET}@")
            label = await compare(saver_on(cls, kind, url), spool)
        finally:
            admin.acl_deluser("ann")
    assert said(log) == [f"statemeter: {cls.__name__} at {label}: {hints._LOGIN}"]
    assert SECRET not in "".join(said(log))


@pytest.fixture
def silent() -> Iterator[str]:
    """URL of a server that accepts connections and never answers."""
    done = threading.Event()
    kept: list[socket.socket] = []

    def accept() -> None:
        while not done.is_set():
            with contextlib.suppress(TimeoutError):
                kept.append(listening.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        thread = threading.Thread(target=accept)
        thread.start()
        yield f"redis://127.0.0.1:{listening.getsockname()[1]}"
        done.set()
        thread.join()
    for connection in kept:
        connection.close()


@pytest.mark.parametrize(("cls", "kind"), LAZY)
async def test_a_server_that_is_slow(
    cls: Any, kind: Any, silent: str, spool: Spooled, log: pytest.LogCaptureFixture
) -> None:
    """The client's timeout is the client's: it passes on as it is."""
    label = await compare(saver_on(cls, kind, silent, socket_timeout=0.1), spool)
    assert said(log) == [f"statemeter: {cls.__name__} at {label}: {hints._SLOW}"]


@pytest.mark.parametrize("name", ["setup", "asetup"])
async def test_set_up_is_explained_as_well(
    name: str, redis_url: str, spool: Spooled, log: pytest.LogCaptureFixture
) -> None:
    """It is where a server without modules shows first."""
    async with client(redis.asyncio.Redis, redis_url) as made:
        saver = statemeter.instrument(AsyncRedisSaver(redis_client=made))
        with pytest.raises(Exception, match=r"unknown command 'FT\.INFO'"):
            await getattr(saver, name)()
    assert len(said(log)) == 1
