"""Looks into a real MongoDB: each wrong state is made, found, mended, and gone."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pymongo
import pytest
from langgraph.checkpoint.mongodb import MongoDBSaver
from pymongo.database import Database

from collector.inspection import mongodb
from collector.inspection.errors import CouldNotLook
from collector.inspection.limits import from_settings
from collector.inspection.run import inspect
from statemeter import backends, introduction
from tests.collector.inspection.looks import check, fill, mend, silent_server, wrong


@pytest.fixture
def database(mongo_url: str) -> Iterator[Database[Any]]:
    """A database of the test's own, empty."""
    name = f"look_{uuid.uuid4().hex}"
    client: pymongo.MongoClient[Any]
    with pymongo.MongoClient(mongo_url) as client:
        yield client[name]
        client.drop_database(name)


@pytest.fixture
def url(mongo_url: str, database: Database[Any]) -> str:
    """Its URL; MongoDBSaver has filled it."""
    with MongoDBSaver.from_conn_string(mongo_url, database.name) as saver:
        fill(saver)
    return f"{mongo_url}/{database.name}"


def test_a_healthy_database_has_nothing_wrong(url: str, database: Database[Any]) -> None:
    """Figures are the server's own."""
    found = inspect(url)
    assert found.wrong == []
    assert found.status == "ok"
    assert len({(one.id, one.subject) for one in found.checks}) == len(found.checks)
    assert found.server.startswith("MongoDB ")
    stats = database.command("collStats", "checkpoints")
    assert check(found, "collection.documents", "checkpoints").value == stats["count"]
    assert check(found, "collection.size", "checkpoints").value == stats["size"]
    sizes = database.checkpoints.aggregate([{"$project": {"n": {"$bsonSize": "$$ROOT"}}}])
    assert check(found, "document.largest", "checkpoints").value == max(row["n"] for row in sizes)


def test_the_storage_is_the_one_that_the_probe_names(
    url: str, mongo_url: str, database: Database[Any]
) -> None:
    with MongoDBSaver.from_conn_string(mongo_url, database.name) as saver:
        place = backends.place_of(saver)
    info = introduction.SaverInfo("mongodb", "", "", "", "", 1, identity=place.identity)
    introduction.name_storage("", info)
    found = inspect(url)
    assert (found.storage, found.label) == (info.key, place.label)


def test_a_database_that_no_saver_used_is_found(mongo_url: str, database: Database[Any]) -> None:
    url = f"{mongo_url}/{database.name}"
    found = inspect(url)
    assert wrong(found) == [("setup", "", "critical")]
    assert database.list_collection_names() == []
    mend(found.wrong[0], url=mongo_url)
    assert inspect(url).wrong == []


def test_the_default_database_is_the_savers(mongo_url: str) -> None:
    assert inspect(mongo_url).label.endswith("/checkpointing_db")


def test_a_dropped_index_is_found(url: str, database: Database[Any]) -> None:
    """And that look-ups read the whole collection."""
    for name in ("checkpoints", "checkpoint_writes"):
        database[name].drop_indexes()
    found = inspect(url)
    assert sorted(wrong(found)) == [
        ("index", "checkpoint_writes", "critical"),
        ("index", "checkpoints", "critical"),
        ("lookup.key", "checkpoint_writes", "critical"),
        ("lookup.key", "checkpoints", "critical"),
    ]
    for one in found.wrong:
        mend(one, database=database)
    assert inspect(url).wrong == []


def test_look_ups_by_metadata_get_an_index(url: str, database: Database[Any]) -> None:
    limits = from_settings(filters=("tenant",))
    assert inspect(url, limits).wrong == []
    few = {name: getattr(limits, name) for name in limits.__dataclass_fields__} | {"scan_rows": 5}
    limits = type(limits)(**few)
    found = inspect(url, limits)
    assert wrong(found) == [
        ("lookup.metadata", "run_id", "warning"),
        ("lookup.metadata", "tenant", "warning"),
    ]
    for one in found.wrong:
        mend(one, database=database)
    found = inspect(url, limits)
    assert found.wrong == []
    assert check(found, "lookup.metadata", "tenant").value == "checkpoints_by_tenant"


@pytest.mark.parametrize(("size", "status"), [(9_000_000, "warning"), (15_000_000, "critical")])
def test_large_documents_are_found(
    url: str, mongo_url: str, database: Database[Any], size: int, status: str
) -> None:
    """Before the server refuses them; the thread is named."""
    with MongoDBSaver.from_conn_string(mongo_url, database.name) as saver:
        config = {"configurable": {"thread_id": "it's big", "checkpoint_ns": ""}}
        checkpoint = {
            "v": 4, "id": "1f1e4e7c-0000-6000-8000-000000000001", "ts": "", "versions_seen": {},
            "channel_versions": {"files": 1}, "channel_values": {"files": b"x" * size},
        }  # fmt: skip
        saver.put(config, checkpoint, {"step": 1}, {})
        found = inspect(url)
        assert wrong(found) == [("document.largest", "checkpoints", status)]
        assert found.wrong[0].value >= size
        assert '"it\'s big"' in found.wrong[0].why
        mend(found.wrong[0], saver=saver)
    assert inspect(url).wrong == []


def test_documents_that_never_expire_are_found(
    url: str, mongo_url: str, database: Database[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those written before the saver had a ttl."""
    monkeypatch.setenv("STATEMETER_TTL_WARN_KEYS", "5")
    found = inspect(url)
    assert {one[:2] for one in wrong(found)} == {
        ("ttl", "checkpoints"),
        ("ttl", "checkpoint_writes"),
    }
    monkeypatch.undo()
    assert inspect(url).wrong == []
    with MongoDBSaver.from_conn_string(mongo_url, database.name, ttl=86_400) as saver:
        fill(saver, threads=1)
    found = inspect(url)
    assert {one[:2] for one in wrong(found)} == {
        ("ttl.never", "checkpoints"),
        ("ttl.never", "checkpoint_writes"),
    }
    assert check(found, "ttl", "checkpoints").value == 86_400
    undated = database.checkpoints.count_documents({"created_at": {"$exists": False}})
    assert check(found, "ttl.never", "checkpoints").value == undated
    for one in found.wrong:
        mend(one, database=database)
    assert inspect(url).wrong == []


def test_a_look_writes_nothing(url: str, database: Database[Any]) -> None:
    """By the server's own hash of the database."""
    before = database.command("dbHash")["md5"]
    indexes = [list(database[name].list_indexes()) for name in ("checkpoints", "checkpoint_writes")]
    inspect(url)
    assert database.command("dbHash")["md5"] == before
    assert indexes == [
        list(database[name].list_indexes()) for name in ("checkpoints", "checkpoint_writes")
    ]


def test_what_cannot_be_looked_into_is_told_in_one_line(
    mongo_url: str, database: Database[Any], free_port: int
) -> None:
    """The thing, its value with *** for the password, the fix."""
    database.customers.insert_one({"name": "x"})
    secret = mongo_url.replace("//", "//me:hunter2@")
    for address, told in (
        (f"mongodb://me:hunter2@127.0.0.1:{free_port}/x", r"Connection refused. Start the server"),
        (secret, r"Authentication failed. Check user and password"),
        ("mongodb://me:hun@ter2/hunter2@h/x", r"quoted as %3A"),
        ("mongodb://me:hunter2@h:port/x", r"cannot be used"),
        (f"{mongo_url}/{database.name}", r"has no collections checkpoints .*but customers"),
    ):
        with pytest.raises(CouldNotLook, match=told) as caught:
            inspect(address)
        assert "ter2" not in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mongodb, "CONNECT_SECONDS", 1)
    with silent_server() as port, pytest.raises(CouldNotLook, match=r"Check host, port"):
        inspect(f"mongodb://127.0.0.1:{port}/x")
