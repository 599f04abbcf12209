"""Checkpoints of Redis and Valkey, found while their application may write more."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as driver

from collector.attach import cursors, redis, redis_asking, redis_gauges, redis_new
from collector.attach.source import FoundWrites
from collector.inspection import url
from collector.inspection.errors import CouldNotLook
from examples.backends import on_redis, on_valkey
from tests import long_thread
from tests.collector.attach import twins
from tests.collector.test_exact_redis import held_by_redis, held_by_valkey
from tests.servers import redis_servers
from tests.servers.fixtures import _served

OLD = cursors.id_at(1_600_000_000)
"""An id of 2020."""


@pytest.fixture(scope="module")
def stack() -> Iterator[str]:
    """A Redis with search and JSON of this module's own: scans go through all there is."""
    yield from _served(redis_servers.stack())


@pytest.fixture
def emptied(stack: str) -> str:
    """The same, empty."""
    with driver.Redis.from_url(stack) as client:
        client.flushall()
    return stack


@pytest.fixture(scope="module")
def plain() -> Iterator[str]:
    """A Redis without modules of this module's own, as a Valkey."""
    for address in _served(redis_servers.plain()):
        yield address.replace("redis://", "valkey://")


@pytest.fixture
def place(request: pytest.FixtureRequest) -> tuple[Any, str]:
    """How a saver is opened, and an empty server for it."""
    module, server = {"redis": (on_redis, "stack"), "valkey": (on_valkey, "plain")}[request.param]
    address = request.getfixturevalue(server)
    with driver.Redis.from_url(address.replace("valkey://", "redis://")) as client:
        client.flushall()
    return module.open_saver, address


BOTH = pytest.mark.parametrize("place", ["redis", "valkey"], indirect=True)


@contextlib.contextmanager
def opened(address: str) -> Iterator[redis.Redis]:
    """The source of a database."""
    with redis.opened(url.parse(address)) as source:
        yield source


def stored(address: str) -> dict[str, int]:
    """Bytes by thread, as the server has them."""
    if address.startswith("valkey"):
        return held_by_valkey(address.replace("valkey://", "redis://")).stored
    return held_by_redis(address).stored


def test_what_is_found_is_what_was_told(emptied: str, plain: str, tmp_path: Path) -> None:
    """Of RedisSaver and ValkeySaver, sync and async: each checkpoint and write with the same
    numbers, and stored bytes as the server has them; what shallow savers keep beside it is not
    taken for theirs."""
    server = plain.replace("valkey://", "redis://")
    with driver.Redis.from_url(server) as client:
        client.flushall()
    told = twins.run("tests.collector.on_redis", tmp_path, emptied, server)
    for address, prefixes, name in (
        (emptied, ("redis-", "aredis-"), "RedisSaver"),
        (plain, ("valkey-", "avalkey-"), "ValkeySaver"),
    ):
        with opened(address) as source:
            batches = list(source.read(""))
            facts = source.saver()
        found = twins.seen(batches)
        twins.in_order(twins.all_of(batches))
        assert facts.class_name == name
        known = {
            thread: size for thread, size in stored(address).items() if thread.startswith(prefixes)
        }
        assert {thread: found.stored(thread) for thread in known} == known
        assert {key[0] for key in found.checkpoints} <= known.keys()
        keys = {event.saver for key, (event, _) in told.puts.items() if key[0].startswith(prefixes)}
        assert keys == {facts.key}
        for prefix in prefixes:
            assert twins.compare(told, found, prefix) > 20
        for key, node in found.nodes.items() if name == "RedisSaver" else ():
            assert node == told.nodes[key]


def test_shallow_is_what_is_there(emptied: str, tmp_path: Path) -> None:
    """Of a saver that keeps the newest checkpoint of a namespace: it, and every write there is;
    then the next one."""
    from langgraph.checkpoint.redis import ShallowRedisSaver

    with ShallowRedisSaver.from_conn_string(emptied) as saver:
        saver.setup()
        graph = long_thread.build(saver)
        graph.invoke(long_thread.question(1), {"configurable": {"thread_id": "shallow-1"}})
        with opened(emptied) as source:
            batches = list(source.read(""))
            found, facts, last = twins.seen(batches), source.saver(), batches[-1]
            known = stored(emptied)
            graph.invoke(long_thread.question(2), {"configurable": {"thread_id": "shallow-1"}})
            new = twins.seen(source.read(last.cursor))
            again = [batch for batch in source.read(last.cursor) if batch.found]
            held = source.held("shallow-1")
    assert (facts.layout, facts.class_name) == ("latest", "ShallowRedisSaver")
    assert {thread: found.stored(thread) for thread in known} == known
    assert len({ns for _, ns, _ in found.checkpoints}) == len(found.checkpoints) == 2
    assert {ns for _, ns, _ in new.checkpoints} >= {""}
    assert not new.checkpoints.keys() & found.checkpoints.keys()
    assert again == []
    newest = {ns: checkpoint for _, ns, checkpoint in [*found.checkpoints, *new.checkpoints]}
    assert held.checkpoints == set(newest.items())


@BOTH
def test_new_ones_are_found_once(place: tuple[Any, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after the first pass: new checkpoints with their writes, by the index and by a
    scan, and the resumed ones' writes under an old checkpoint; nothing twice."""
    open_saver, address = place
    with open_saver(address) as saver, opened(address) as source:
        graph = long_thread.build(saver)
        config = long_thread.play(graph, "long-1", 9)
        last = list(source.read(""))[-1]
        assert [batch.found for batch in source.read(last.cursor) if batch.found] == []
        source.changed()
        assert not source.changed()
        graph.invoke(long_thread.question(10), config)
        assert source.changed()
        found = list(source.read(last.cursor))
        one, last = twins.seen(found), found[-1]
        monkeypatch.setattr(redis_new, "RESCAN_SECONDS", 0)
        graph.invoke(long_thread.Command(resume="yes"), config)
        two = twins.seen(source.read(last.cursor))
    with opened(address) as source:
        whole = twins.seen(source.read(""))
    assert not one.checkpoints.keys() & two.checkpoints.keys()
    new = one.checkpoints.keys() | two.checkpoints.keys()
    assert {key: whole.checkpoints[key] for key in new} == one.checkpoints | two.checkpoints
    assert {key for key in two.writes if key[0] not in two.checkpoints}
    for key, held in whole.writes.items():
        if key[0] in new:
            assert one.writes.get(key, {}) | two.writes.get(key, {}) == held
    known = stored(address)
    assert {thread: whole.stored(thread) for thread in known} == known


@BOTH
def test_it_goes_on_after_any_batch(place: tuple[Any, str]) -> None:
    """A reader that is killed after a batch, and begins with its cursor, misses nothing."""
    open_saver, address = place
    with open_saver(address) as saver:
        long_thread.play(long_thread.build(saver), "long-1", 5)
    with opened(address) as source:
        batches = list(source.read(""))
        everything = twins.seen(batches)
    for batch in range(len(batches)):
        with opened(address) as source:
            rest = list(source.read(batches[batch].cursor))
        together = twins.seen([*batches[: batch + 1], *rest])
        assert together.checkpoints == everything.checkpoints
        assert together.writes == everything.writes


@BOTH
def test_only_reading_commands_are_sent(place: tuple[Any, str]) -> None:
    """By what MONITOR sees; and every key has the time to live that it had."""
    open_saver, address = place
    server = address.replace("valkey://", "redis://")
    with open_saver(address) as saver:
        long_thread.play(long_thread.build(saver), "long-1", 2)
    names: set[str] = set()
    with driver.Redis.from_url(server) as client, client.monitor() as watched:  # type: ignore[no-untyped-call]
        for key in client.scan_iter("checkpoint:*"):
            client.expire(key, 100_000)
        before = {key: (client.expiretime(key), client.dump(key)) for key in client.scan_iter()}

        def watch() -> None:
            for command in watched.listen():
                names.add(command["command"].split()[0].upper())
                if command["command"] == "ECHO the end":
                    return

        watcher = threading.Thread(target=watch)
        watcher.start()
        with opened(address) as source:
            list(source.read(""))
            source.changed()
            source.gauges()
            source.counts(["long-1"])
            source.held("long-1")
        client.echo("the end")
        watcher.join()
        assert {k: (client.expiretime(k), client.dump(k)) for k in client.scan_iter()} == before
    ours = names - {"ECHO", "DUMP", "EXPIRETIME", "EXPIRE"}
    assert ours <= {name.split()[0] for name in redis_asking.READS} | {"CLIENT", "HELLO"}
    with opened(address) as source, pytest.raises(redis_asking.Refused):
        source.server.one("DEL", "checkpoint:x")


@BOTH
def test_leftovers_are_counted(place: tuple[Any, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes without a checkpoint, but for those that may just be on their way; they are found as
    well, for their bytes are stored."""
    open_saver, address = place
    with (
        open_saver(address) as saver,
        driver.Redis.from_url(address.replace("valkey://", "redis://")) as client,
    ):
        long_thread.play(long_thread.build(saver), "long-1", 1)
        for checkpoint, value in ((OLD, b"abc"), (cursors.id_at(4_000_000_000), b"fresh")):
            config = {"configurable": {
                "thread_id": "lost", "checkpoint_ns": "", "checkpoint_id": checkpoint,
            }}  # fmt: skip
            saver.put_writes(config, [("c", value.decode())], "t")
            client.delete(f"checkpoint:lost:__empty__:{checkpoint}")  # of has_writes alone
        checkpoints = len(list(client.scan_iter("checkpoint:*")))
    with opened(address) as source:
        found = source.gauges()
        lost = [one for one in twins.all_of(source.read("")) if one.thread == "lost"]
    sizes = {one.checkpoint: one.writes[0][2] for one in lost if isinstance(one, FoundWrites)}
    assert len(sizes) == 2
    assert (found["orphan_writes"], found["orphan_write_bytes"]) == (1, sizes[OLD])
    assert found["checkpoints"] == checkpoints
    assert found["memory_bytes"] > 0
    monkeypatch.setattr(redis_gauges, "LOOK_SECONDS", 0.0)
    with opened(address) as source:
        assert source.gauges() == {}, "not told before all was looked at"


@BOTH
def test_what_is_gone(place: tuple[Any, str]) -> None:
    """A thread that was deleted has nothing; of another, what it has is named. Any text may be the
    name of a thread."""
    open_saver, address = place
    name = "a:b [c]*"
    with open_saver(address) as saver:
        graph = long_thread.build(saver)
        long_thread.play(graph, name, 2)
        long_thread.play(graph, "gone", 1)
        with opened(address) as source:
            before = source.counts([name, "gone", "never"])
            whole = twins.seen(source.read(""))
            held = source.held(name)
        saver.delete_thread("gone")
        with opened(address) as source:
            after = source.counts([name, "gone", "never"])
            gone = source.held("gone")
    assert before[name] == sum(key[0] == name for key in whole.checkpoints)
    assert (before["gone"] > 0, before["never"]) == (True, 0)
    assert (after[name], after["gone"]) == (before[name], 0)
    assert (gone.checkpoints, gone.writes) == (set(), set())
    assert held.checkpoints == {key[1:] for key in whole.checkpoints if key[0] == name}
    assert held.writes == {key[1:] for key, _ in whole.writes if key[0] == name}


def test_a_database_of_others_is_refused(emptied: str) -> None:
    """It says what was looked at, and what to do."""
    with driver.Redis.from_url(emptied) as client:
        client.set("session:1", "x")
        with (
            pytest.raises(CouldNotLook, match="not a database of LangGraph: of 1 keys"),
            opened(emptied),
        ):
            pass


def test_an_empty_database_waits_for_its_saver(emptied: str) -> None:
    """The URL says which saver it will be."""
    with opened(emptied) as source:
        assert source.saver().class_name == "RedisSaver"
        assert list(twins.all_of(source.read(""))) == []
    with opened(emptied.replace("redis://", "valkey://")) as source:
        assert source.saver().class_name == "ValkeySaver"
