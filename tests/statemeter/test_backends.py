"""Each saver class is known by where it, or a class that it derives from, comes from."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.mongodb import MongoDBSaver
from langgraph.checkpoint.postgres import PostgresSaver, ShallowPostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.postgres.shallow import AsyncShallowPostgresSaver
from langgraph.checkpoint.redis import RedisSaver
from langgraph.checkpoint.redis.aio import AsyncRedisSaver
from langgraph.checkpoint.redis.ashallow import AsyncShallowRedisSaver
from langgraph.checkpoint.redis.shallow import ShallowRedisSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph_checkpoint_aws import AsyncValkeySaver, DynamoDBSaver, ValkeySaver

from statemeter import backends, faults
from statemeter.places import NOWHERE

KNOWN = {
    InMemorySaver: ("memory", "channels"),
    SqliteSaver: ("sqlite", "whole"),
    AsyncSqliteSaver: ("sqlite", "whole"),
    PostgresSaver: ("postgres", "channels"),
    AsyncPostgresSaver: ("postgres", "channels"),
    ShallowPostgresSaver: ("postgres", "latest"),
    AsyncShallowPostgresSaver: ("postgres", "latest"),
    MongoDBSaver: ("mongodb", "whole"),
    RedisSaver: ("redis", "whole"),
    AsyncRedisSaver: ("redis", "whole"),
    ShallowRedisSaver: ("redis", "latest"),
    AsyncShallowRedisSaver: ("redis", "latest"),
    ValkeySaver: ("valkey", "whole"),
    AsyncValkeySaver: ("valkey", "whole"),
    DynamoDBSaver: ("other", "unknown"),
    BaseCheckpointSaver: ("other", "unknown"),
}


@pytest.mark.parametrize("cls", KNOWN, ids=lambda cls: cls.__name__)
def test_known_by_its_package(cls: Any) -> None:
    """Its own name says nothing, nor does that of a class made from it."""
    derived = type("Anything", (cls,), {})
    for each in (cls, derived):
        backend = backends.of(each)
        assert (backend.name, backend.layout) == KNOWN[cls]


def test_a_package_of_a_similar_name() -> None:
    """Only whole parts of a module's name count."""
    similar = type("Saver", (BaseCheckpointSaver,), {"__module__": "langgraph.checkpoint.memory_2"})
    assert backends.of(similar).name == "other"


def test_a_place_that_cannot_be_found(caplog: pytest.LogCaptureFixture) -> None:
    """It is a fault of the probe, and the saver is measured as one of this process alone."""
    faults.reset()
    saver: Any = object.__new__(PostgresSaver)
    assert backends.place_of(saver) == NOWHERE
    assert faults.total() == 1
    faults.reset()
