"""The users that docs/attach.md makes may read all that is wanted, and nothing else."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pymongo
import pytest
from langgraph.checkpoint.mongodb import MongoDBSaver
from langgraph.checkpoint.postgres import PostgresSaver
from pymongo.errors import OperationFailure

from collector.attach.source import Found
from collector.inspection import drivers, url
from tests.collector.inspection.looks import fill
from tests.conftest import REPOSITORY

DOCS = (REPOSITORY / "docs" / "attach.md").read_text("utf-8")
PASSWORD = "choose-one"


def statements(language: str) -> str:
    """The one block of this language in the docs."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", DOCS, re.DOTALL)
    return str(found)


def read(text: str) -> tuple[list[Found], set[str]]:
    """All that is found by a URL, and which readings there are."""
    address = url.parse(text)
    with drivers.module("collector.attach", address).opened(address) as source:
        assert source.changed()
        found = [one for batch in source.read("") for one in batch.found]
        threads = sorted({one.thread for one in found})
        assert set(source.counts(threads)) == set(threads)
        assert source.held(threads[0]).checkpoints
        assert source.total().checkpoints
        return found, set(source.gauges())


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


def refuse(call: Callable[[], object]) -> None:
    with pytest.raises(OperationFailure, match="not authorized"):
        call()
