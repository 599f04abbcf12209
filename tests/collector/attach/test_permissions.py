"""The users that docs/attach.md makes may read all that is wanted, and nothing else."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pymongo
import pytest
import redis
from langgraph.checkpoint.mongodb import MongoDBSaver
from langgraph.checkpoint.postgres import PostgresSaver
from pymongo.errors import OperationFailure

from collector.attach.check import check
from collector.attach.source import Found, Total
from collector.inspection import drivers, url
from collector.inspection.errors import CouldNotLook
from examples.backends import on_redis, on_valkey
from tests.collector.inspection.looks import fill
from tests.conftest import REPOSITORY

DOCS = (REPOSITORY / "docs" / "attach.md").read_text("utf-8")
PASSWORD = "choose-one"


def statements(language: str) -> str:
    """The one block of this language in the docs."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", DOCS, re.DOTALL)
    return str(found)


def read(text: str) -> tuple[list[Found], Total, set[str]]:
    """All that is found by a URL, how much there is, and which readings there are."""
    address = url.parse(text)
    with drivers.module("collector.attach", address).opened(address) as source:
        assert source.changed()
        found = [one for batch in source.read("") for one in batch.found]
        threads = sorted({one.thread for one in found})
        assert set(source.counts(threads)) == set(threads)
        assert source.held(threads[0]).checkpoints
        return found, source.total(), set(source.gauges())


def as_user(text: str, name: str, database: str = "") -> str:
    """The URL for another user, with the password of the docs."""
    parts = urlsplit(text)
    place = f"{name}:{PASSWORD}@{parts.hostname}:{parts.port}"
    return parts._replace(netloc=place, path=f"/{database}" if database else parts.path).geturl()


@pytest.fixture
def role() -> str:
    """A name for the user, as servers are shared between tests."""
    return f"statemeter_{uuid.uuid4().hex[:8]}"


def test_postgres(postgres_database: str, role: str) -> None:
    """SELECT on the four tables: equal to what the owner finds; no row can be written."""
    with PostgresSaver.from_conn_string(postgres_database) as saver:
        saver.setup()
        fill(saver)
    name = urlsplit(postgres_database).path[1:]
    sql = statements("sql").replace("statemeter", role).replace("DATABASE chat", f"DATABASE {name}")
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute(sql)
        try:
            reader = as_user(postgres_database, role)
            assert read(reader) == read(postgres_database)
            with psycopg.connect(reader, autocommit=True) as mine:
                for refused in ("DELETE FROM checkpoints", "CREATE TABLE x (y int)",
                                "TRUNCATE checkpoint_writes"):  # fmt: skip
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        mine.execute(refused)
        finally:
            connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_mongodb(mongo_guarded_url: str, role: str) -> None:
    """The role ``read`` on the one database: equal to what root finds; nothing can be written."""
    database = f"attach_{role}"
    client: pymongo.MongoClient[Any]
    with pymongo.MongoClient(mongo_guarded_url) as client:
        saver = MongoDBSaver(client, db_name=database)
        fill(saver)
        made = re.fullmatch(r"db\.createUser\((.*)\)", statements("javascript").strip(), re.DOTALL)
        assert made is not None
        told = json.loads(made[1].replace("checkpointing_db", database))
        assert told["user"] == "statemeter"
        client[database].command("createUser", role, pwd=told["pwd"], roles=told["roles"])
        owner = f"{mongo_guarded_url}/{database}?authSource=admin"
        reader = as_user(mongo_guarded_url, role, database)
        assert read(reader) == read(owner)
        with pymongo.MongoClient(reader) as mine:
            for refused in (
                lambda: mine[database].checkpoints.insert_one({}),
                lambda: mine[database].checkpoints.create_index("x"),
                mine["another"].checkpoints.find_one,
            ):  # fmt: skip
                refuse(refused)
        client.drop_database(database)


@pytest.mark.parametrize("kind", ["redis", "valkey"])
def test_redis(kind: str, request: pytest.FixtureRequest, role: str) -> None:
    """Commands that read, on keys to be read: equal to what the default user finds; nothing else
    can be sent."""
    plain = kind == "valkey"
    server = request.getfixturevalue("redis_url" if plain else "redis_stack_url")
    opened = on_valkey.open_saver if plain else on_redis.open_saver
    named = server.replace("redis:", f"{kind}:")
    with opened(named) as saver, redis.Redis.from_url(server) as client:
        fill(saver)
        told = statements("redis").split()
        if plain:  # a server without the modules knows none of their commands
            told = [word for word in told if not word.startswith(("+ft.", "+json."))]
        client.execute_command(*[role if word == "statemeter" else word for word in told])
        reader = as_user(server, role).replace("redis:", f"{kind}:")
        try:
            found = read(reader)
            assert found == read(named)
            assert {"t0", "t1"} <= {one.thread for one in found[0]}
            with redis.Redis.from_url(as_user(server, role)) as mine:
                for refused in (("SET", "x", 1), ("DEL", "x"), ("CONFIG", "GET", "*"),
                                ("FLUSHALL",), ("EXPIRE", "x", 1)):  # fmt: skip
                    with pytest.raises(redis.exceptions.NoPermissionError):
                        mine.execute_command(*refused)
        finally:
            client.execute_command("ACL", "DELUSER", role)
            for thread in ("t0", "t1"):
                saver.delete_thread(thread)


def test_a_user_of_redis_who_may_not_read_json(
    redis_stack_url: str, role: str, tmp_path: Path
) -> None:
    """Nothing is taken for an empty database: ``@read`` alone is not enough, and that is told."""
    with on_redis.open_saver(redis_stack_url) as saver, redis.Redis.from_url(redis_stack_url) as c:
        fill(saver)
        c.execute_command("ACL", "SETUSER", role, "on", f">{PASSWORD}", "~*", "-@all", "+@read",
                          "+@connection", "+info", "+ft.search", "+ft._list")  # fmt: skip
        try:
            with pytest.raises(CouldNotLook, match=r"json\.get"):
                check(as_user(redis_stack_url, role), spool=tmp_path, store=str(tmp_path / "s"))
        finally:
            c.execute_command("ACL", "DELUSER", role)
            for thread in ("t0", "t1"):
                saver.delete_thread(thread)


def refuse(call: Callable[[], object]) -> None:
    with pytest.raises(OperationFailure, match="not authorized"):
        call()
