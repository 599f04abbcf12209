"""mongo-16mb: a checkpoint that nears the limit is found, with the size that the server tells."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any, TypedDict

import pymongo
import pytest
from langgraph.checkpoint.mongodb import MongoDBSaver
from langgraph.graph import START, StateGraph

import statemeter
from tests.collector.findings.conftest import Found, config
from tests.collector.findings.rules.inspecting import checked, limit, numbers
from tests.collector.inspection.looks import fill

RULE = "mongo-16mb"


class State(TypedDict):
    document: str
    question: str


@pytest.fixture
def database(mongo_url: str) -> Iterator[pymongo.database.Database[Any]]:
    name = f"test_{uuid.uuid4().hex}"
    with pymongo.MongoClient[Any](mongo_url) as client:
        yield client[name]
        client.drop_database(name)


def saver_of(database: Any, **options: Any) -> MongoDBSaver:
    return MongoDBSaver(database.client, db_name=database.name, **options)


def run(saver: Any, size: int, thread: str = "long") -> None:
    builder = StateGraph(State)
    builder.add_node("read", lambda state: {"document": "d" * size})
    builder.add_edge(START, "read")
    builder.compile(checkpointer=saver).invoke({"question": "q"}, config(thread))


def test_a_large_checkpoint(database: Any, found: Found) -> None:
    """9 MB: it names thread and channel, and has the size of the document; 15 MB is critical."""
    saver = statemeter.instrument(saver_of(database))
    run(saver, 9_000_000)
    told = {one.subject.detail: one for one in found(RULE)}
    finding = told[""]
    assert finding.severity == "warning"
    assert (finding.subject.thread, finding.subject.channel) == ("long", "document")
    sizes = database["checkpoints"].aggregate([{"$project": {"size": {"$bsonSize": "$$ROOT"}}}])
    size = max(row["size"] for row in sizes)
    assert numbers(finding)["newest checkpoint with its metadata"] == pytest.approx(size, rel=0.001)
    assert numbers(told["pending write"])["largest pending write"] == pytest.approx(9e6, rel=0.001)
    run(saver, 15_000_000)
    assert {one.severity for one in found(RULE)} == {"critical"}


def test_a_refused_checkpoint(database: Any, found: Found) -> None:
    """A pending write fits, the checkpoint with two of its like does not: the run fails."""
    saver = statemeter.instrument(saver_of(database))
    run(saver, 10_000_000)
    with pytest.raises(pymongo.errors.PyMongoError):
        run(saver, 17_000_000)
    told = {one.subject.detail: one for one in found(RULE)}
    assert told[""].severity == "critical"


def test_small_checkpoints(database: Any, found: Found) -> None:
    """Nothing is found, neither in threads nor in a check."""
    fill(statemeter.instrument(saver_of(database)))
    checked(url(database))
    assert found(RULE) == []


def test_a_database_that_is_not_measured(database: Any, found: Found) -> None:
    """Its check tells the largest document; documents without date are found, and dated."""
    run(saver_of(database), 200_000)
    limit(found, f"{RULE}.warn", 100_000)
    seen = checked(url(database))
    told = found(RULE)
    assert {one.subject.detail for one in told} == {
        "document.largest checkpoints", "document.largest checkpoint_writes"
    }  # fmt: skip
    saver_of(database, ttl=3600)
    checked(url(database))
    never = [one for one in found(RULE) if one.subject.detail == "ttl.never checkpoints"]
    assert numbers(never[0])["Documents that never expire"] == (
        database["checkpoints"].count_documents({})
    )
    assert never[0].subject.saver == seen.storage
    code = never[0].fixes[1].code.removeprefix("db.runCommand(").removesuffix(")")
    database.command(json.loads(code))
    checked(url(database))
    assert "ttl.never checkpoints" not in {one.subject.detail for one in found(RULE)}


def url(database: Any) -> str:
    host, port = database.client.address
    return f"mongodb://{host}:{port}/{database.name}"
