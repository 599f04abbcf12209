"""Looks into a real Redis: each wrong state is made, found, mended, and gone."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import redis
from langgraph.cache.redis import RedisCache
from langgraph.checkpoint.redis import RedisSaver
from langgraph.store.redis import RedisStore
from langgraph_checkpoint_aws import ValkeySaver

from collector.inspection import redis as looking
from collector.inspection import redis_keys
from collector.inspection.errors import CouldNotLook
from collector.inspection.redis_keys import half_width
from collector.inspection.run import inspect
from statemeter import backends, introduction
from tests.collector.inspection.looks import check, fill, mend, silent_server, wrong
from tests.servers import fixtures, redis_servers

PATIENCE_SECONDS = 60
READS = {
    "info", "module|list", "ft._list", "ft.info", "scan", "ttl", "memory|usage", "hello", "select",
    "client|setname", "client|setinfo", "ping", "auth",
    "_ft.info", "_ft._list",  # what the module sends to itself
    "command", "command|info", "config|resetstat",
}  # fmt: skip
"""Commands that change nothing, and the last, which the test itself sends."""


@pytest.fixture(scope="module")
def stack_of_this_module() -> Iterator[str]:
    """A server of its own: its settings and counters are changed."""
    yield from fixtures._served(redis_servers.stack())


@pytest.fixture(scope="module")
def plain_of_this_module() -> Iterator[str]:
    yield from fixtures._served(redis_servers.plain())


@pytest.fixture
def stack(stack_of_this_module: str) -> str:
    """A Redis Stack, empty."""
    return emptied(stack_of_this_module)


@pytest.fixture
def plain(plain_of_this_module: str) -> str:
    """A plain Redis, empty."""
    return emptied(plain_of_this_module)


@pytest.fixture
def filled(stack: str) -> str:
    """A Redis Stack that RedisSaver has filled."""
    with RedisSaver.from_conn_string(stack) as saver:
        saver.setup()
        fill(saver)
    return stack


def emptied(url: str) -> str:
    with redis.Redis.from_url(url) as client:
        client.flushall()
        client.config_set("maxmemory", 0)
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("requirepass", "")
        client.config_resetstat()
    return url


def test_a_healthy_server_has_nothing_wrong(filled: str) -> None:
    """Saver and store; keys by prefix are the server's own."""
    with RedisStore.from_conn_string(filled) as store:
        store.setup()
        store.put(("a",), "k", {"v": 1})
    found = inspect(filled)
    assert found.wrong == []
    assert found.status == "ok"
    assert len({(one.id, one.subject) for one in found.checks}) == len(found.checks)
    assert found.server.startswith("Redis ")
    with redis.Redis.from_url(filled) as client:
        keys = client.keys("checkpoint:*")
        assert check(found, "prefix.keys", "checkpoint:").value == len(keys)
        size = sum(client.memory_usage(key) or 0 for key in keys)
        assert check(found, "prefix.bytes", "checkpoint:").value == size
        assert check(found, "keys").value == client.dbsize()
    assert check(found, "index", "checkpoint").value == len(keys)


def test_the_storage_is_the_one_that_the_probe_names(filled: str) -> None:
    with RedisSaver.from_conn_string(filled) as saver:
        place = backends.place_of(saver)
    info = introduction.SaverInfo("redis", "", "", "", "", 1, identity=place.identity)
    introduction.name_storage("", info)
    found = inspect(filled)
    assert (found.storage, found.label) == (info.key, place.label)


def test_a_server_without_modules_is_found(plain: str) -> None:
    """For RedisSaver; not for what works without them."""
    found = inspect(plain)
    assert wrong(found) == [("modules", "", "critical")]
    assert "Use Redis 8, or Redis Stack" in found.wrong[0].why
    with redis.Redis.from_url(plain) as client:
        RedisCache(client).set({(("n",), "key"): (1, None)})
    found = inspect(plain)
    assert found.wrong == []
    assert check(found, "prefix.keys", "langgraph:cache:").value == 1


def test_a_valkey_saver_needs_no_modules(plain: str) -> None:
    with ValkeySaver.from_conn_string(plain.replace("redis:", "valkey:")) as saver:
        fill(saver)
        place = backends.place_of(saver)
    found = inspect(plain.replace("redis:", "valkey:"))
    assert found.wrong == []
    info = introduction.SaverInfo("valkey", "", "", "", "", 1, identity=place.identity)
    introduction.name_storage("", info)
    assert (found.backend, found.storage) == ("valkey", info.key)
    assert check(found, "prefix.keys", "checkpoint:").value


def test_a_missing_index_is_found(filled: str) -> None:
    """And its documents are in it again once setup() has run."""
    documents = check(inspect(filled), "index", "checkpoint").value
    with redis.Redis.from_url(filled) as client:
        client.execute_command("FT.DROPINDEX", "checkpoint")
    found = inspect(filled)
    assert wrong(found) == [("index", "checkpoint", "critical")]
    mend(found.wrong[0], url=filled)
    end = time.monotonic() + PATIENCE_SECONDS
    while check(found := inspect(filled), "index", "checkpoint").value != documents:
        assert time.monotonic() < end
    assert found.wrong == []


def test_a_server_that_was_not_set_up_is_found(stack: str) -> None:
    found = inspect(stack)
    assert [one[:2] for one in wrong(found)] == [
        ("index", "checkpoint"),
        ("index", "checkpoint_write"),
    ]
    mend(found.wrong[0], url=stack)
    assert inspect(stack).wrong == []


def test_keys_that_never_expire_are_found(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each prefix on its own; the lines given set the rest and leave shorter ones."""
    monkeypatch.setenv("STATEMETER_TTL_WARN_KEYS", "3")
    with redis.Redis.from_url(filled) as client:
        (first, *_) = client.keys("checkpoint:*")
        client.expire(first, 1_000)
        found = inspect(filled)
        assert ("prefix.forever", "checkpoint:", "warning") in wrong(found)
        assert {one.id for one in found.wrong} == {"prefix.forever"}
        keys = len(client.keys("checkpoint:*"))
        forever = check(found, "prefix.forever", "checkpoint:").value
        assert forever == pytest.approx(100 * (keys - 1) / keys)
        for one in found.wrong:
            mend(one, url=filled)
        assert inspect(filled).wrong == []
        assert client.ttl(first) <= 1_000


def test_eviction_is_found(filled: str) -> None:
    """Checkpoints were thrown away; the policy, the memory and the counter are set right."""
    with redis.Redis.from_url(filled) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        found = inspect(filled)
        assert wrong(found) == [("memory.policy", "", "warning")]
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 2_000_000)
        number = 0
        while not client.info("stats")["evicted_keys"]:
            client.set(f"langgraph:cache:x:{number}", b"x" * 100_000)
            number += 1
            assert number < 200
        fill_again(filled)
        found = inspect(filled)
        assert {("memory.evicted", "", "critical"), ("memory.policy", "", "critical")} <= set(
            wrong(found)
        )
        for _ in range(4):  # RESETSTAT, noeviction, and memory enough
            for one in inspect(filled).wrong:
                mend(one, url=filled)
        assert inspect(filled).wrong == []


def fill_again(url: str) -> None:
    """Checkpoints that were written after others were evicted."""
    with RedisSaver.from_conn_string(url) as saver:
        fill(saver, threads=1)


def test_full_memory_is_found(filled: str) -> None:
    with redis.Redis.from_url(filled) as client:
        client.config_set("maxmemory", int(client.info("memory")["used_memory"] * 1.02))
    found = inspect(filled)
    assert wrong(found) == [("memory.used", "", "warning")]
    mend(found.wrong[0], url=filled)
    assert inspect(filled).wrong == []


def test_many_keys_are_sampled(plain: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shares are near the true ones, within a multiple of the error that is told."""
    monkeypatch.setattr(redis_keys, "SCAN_KEYS", 3_000)
    with redis.Redis.from_url(plain) as client:
        pipeline = client.pipeline(transaction=False)
        for number in range(20_000):
            name = "checkpoint" if number % 4 else "writes"
            pipeline.set(f"{name}:{number}", "x", ex=None if number % 5 else 1_000)
        pipeline.execute()
        before = client.info("stats")["keyspace_hits"]
        found = inspect(plain.replace("redis:", "valkey:"))
        asked = client.info("stats")["keyspace_hits"] - before
    assert asked <= 2 * redis_keys.TTL_KEYS
    keys = check(found, "prefix.keys", "checkpoint:")
    assert keys.estimate
    assert isinstance(keys.value, int)
    assert keys.error is not None
    assert abs(keys.value - 15_000) <= 4 * keys.error
    forever = check(found, "prefix.forever", "checkpoint:")
    assert isinstance(forever.value, float)
    assert forever.error is not None
    assert abs(forever.value - 80) <= 4 * forever.error
    assert 0 < forever.error < 5


def test_the_error_is_that_of_the_formula() -> None:
    assert half_width(50, 100, 10**9) == pytest.approx(0.098, abs=1e-4)
    assert half_width(50, 100, 100) == 0  # all were looked at
    assert half_width(0, 100, 10**9) == 0


def test_a_look_sends_reads_only(filled: str) -> None:
    """By the server's own count of commands, and every key stays what it is."""
    with redis.Redis.from_url(filled) as client:
        before = {key: client.dump(key) for key in client.keys("*")}
        client.config_resetstat()
        inspect(filled)
        sent = {name.removeprefix("cmdstat_").lower() for name in client.info("commandstats")}
        assert {key: client.dump(key) for key in client.keys("*")} == before
    assert sent <= READS
    assert "scan" in sent


def test_what_cannot_be_looked_into_is_told_in_one_line(plain: str, free_port: int) -> None:
    """The thing, its value with *** for the password, the fix."""
    with redis.Redis.from_url(plain) as client:
        client.set("session:1", "x")
    secret = plain.replace("//", "//me:hunter2@")
    for address, told in (
        (f"redis://:hunter2@127.0.0.1:{free_port}", "Connection refused. Start the server"),
        ("redis://:hunter2@host.invalid", "Check the name of the host"),
        (secret, "Check user and password"),
        (f"{plain}/0?x=hunter2", "unexpected keyword argument 'x'. Write redis://user:password@"),
        ("redis://:hunter2", "cannot be used"),
    ):
        with pytest.raises(CouldNotLook, match=told) as caught:
            inspect(address)
        assert "hunter2" not in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(CouldNotLook, match="is not a database of LangGraph: its keys have other"):
        inspect(plain)
    with pytest.raises(CouldNotLook, match=r"DB index is out of range. Check the number"):
        inspect(f"{plain}/99")


def test_a_wanted_password_is_told(plain: str) -> None:
    with redis.Redis.from_url(plain) as client:
        client.config_set("requirepass", "right")
        try:
            for address in (plain, plain.replace("//", "//:hunter2@")):
                with pytest.raises(CouldNotLook, match=r"the password|user and password") as caught:
                    inspect(address)
                assert "hunter2" not in str(caught.value)
            assert (
                inspect(plain.replace("//", "//:right@")).label == plain.rpartition("/")[2] + "/0"
            )
        finally:
            client.config_set("requirepass", "")


def test_what_a_user_may_not_is_unknown(stack: str) -> None:
    """The rest is seen."""
    with redis.Redis.from_url(stack) as client:
        client.acl_setuser(
            "guest", enabled=True, passwords=["+secret1"], keys=["*"],
            commands=["+info", "+client", "+scan", "+ttl", "+hello", "+ping"],
        )  # fmt: skip
        try:
            found = inspect(stack.replace("//", "//guest:secret1@"))
        finally:
            client.acl_deluser("guest")
    assert check(found, "modules").status == "unknown"
    assert "no permissions" in check(found, "modules").why
    assert check(found, "memory.used").status == "ok"


def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "STATEMENT_SECONDS", 1)
    with silent_server() as port, pytest.raises(CouldNotLook, match=r"imeout.*Check host, port"):
        inspect(f"redis://127.0.0.1:{port}")
