"""Serializers: a measured copy for each saver, and the one that all share left as it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

import statemeter
from statemeter import events, serde, subclass
from tests.statemeter.graphs import chat, thread
from tests.statemeter.spooled import Spooled
from tests.statemeter.test_savers import put


class Counting(JsonPlusSerializer):
    """A user's own serializer, shared by two savers."""

    dumped = 0

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        Counting.dumped += 1
        return super().dumps_typed(obj)


class Plain:
    """One that inherits from nothing of LangGraph's, with slots."""

    __slots__ = ("inner",)

    def __init__(self) -> None:
        self.inner = JsonPlusSerializer()

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        return self.inner.dumps_typed(obj)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        return self.inner.loads_typed(data)


class Untyped:
    """The older protocol, which LangGraph wraps."""

    def dumps(self, obj: Any) -> bytes:
        return repr(obj).encode()

    def loads(self, data: bytes) -> Any:
        return eval(data)


def test_the_shared_default_is_not_changed(spool: Spooled) -> None:
    """Every saver of a process shares one serializer: measuring one saver leaves it alone."""
    shared = BaseCheckpointSaver.serde
    one, other = InMemorySaver(), InMemorySaver()
    assert one.serde is other.serde is shared
    statemeter.instrument(one)
    assert type(shared) is JsonPlusSerializer
    assert BaseCheckpointSaver.serde is other.serde is shared
    assert one.serde is not shared
    put(other, a=1)
    shared.dumps_typed({"a": 1})
    assert not spool.told()


def test_a_shared_serializer_of_the_user_is_not_changed(spool: Spooled) -> None:
    """The copy works as the original did, with its attributes."""
    shared = Counting(pickle_fallback=True)
    measured, bare = InMemorySaver(serde=shared), InMemorySaver(serde=shared)
    statemeter.instrument(measured)
    assert bare.serde is shared
    assert type(shared) is Counting
    assert isinstance(measured.serde, Counting)
    assert measured.serde.pickle_fallback
    before = Counting.dumped
    put(measured, a=1)
    assert Counting.dumped == before + 3
    assert spool.one(events.Put).blob_bytes == 1


@pytest.mark.parametrize("make", [Counting, Plain, Untyped])
def test_serializers_of_the_user(make: Any, spool: Spooled) -> None:
    """Whatever serializes is timed, and its bytes are counted."""
    saver = statemeter.instrument(InMemorySaver(serde=make()))
    config = put(saver, a="text")
    found = saver.get_tuple(config)
    assert found.checkpoint["channel_values"] == {"a": "text"}
    written, read = spool.told()
    assert written.document_bytes > 0
    assert written.blob_bytes > 0
    assert read.read_bytes == (written.document_bytes + written.blob_bytes + written.metadata_bytes)


def test_bytes_read_are_those_of_the_rows(spool: Spooled) -> None:
    """A read tells the bytes of all that was deserialized for it."""
    saver = statemeter.instrument(InMemorySaver())
    config = put(saver, a="text", b=[1, 2])
    saver.put_writes(config, [("a", "pending")], "task")
    saver.get_tuple(config)
    written, pending, read = spool.told()
    total = written.document_bytes + written.blob_bytes + written.metadata_bytes
    assert read.read_bytes == total + pending.writes[0][1]
    assert read.serializer == "msgpack"


def test_outside_a_call_nothing_is_measured(spool: Spooled) -> None:
    """Whoever else uses a saver's serializer pays nothing and is not told."""
    saver = statemeter.instrument(InMemorySaver())
    typed = saver.serde.dumps_typed([1, 2])
    assert saver.serde.loads_typed(typed) == [1, 2]
    assert not spool.told()


def test_errors_of_a_serializer_are_its_own(spool: Spooled) -> None:
    """The exception is the same; the next call starts from nothing."""
    error = ValueError("secret")

    class Broken(JsonPlusSerializer):
        def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
            raise error

    saver = statemeter.instrument(InMemorySaver(serde=Broken()))
    with pytest.raises(ValueError, match="secret") as caught:
        put(saver, a=1)
    assert caught.value is error
    assert spool.one(events.Put).error == "ValueError"
    assert spool.one(events.Put).document_bytes == -1


def test_instrumented_is_asked_for_once() -> None:
    """A measured serializer is its own measured copy; a plain one is its own plain copy."""
    bare = JsonPlusSerializer()
    measured = serde.instrumented(bare)
    assert serde.instrumented(measured) is measured
    assert serde.plain(bare) is bare
    again = serde.plain(measured)
    assert type(again) is JsonPlusSerializer
    assert subclass.is_instrumented(measured)


async def test_each_coroutine_has_its_own_time(spool: Spooled) -> None:
    """Calls that interleave on one loop do not take each other's bytes."""
    saver = statemeter.instrument(InMemorySaver())
    graph = statemeter.instrument(chat(saver))
    sizes = [10, 1000, 100_000]
    await asyncio.gather(
        *(graph.ainvoke({"messages": [("user", "x" * n)]}, thread(str(n))) for n in sizes)
    )
    for number in sizes:
        (first,) = [e for e in spool.of(events.Put) if e.thread == str(number) and e.step == -1]
        assert number < first.blob_bytes < number + 200
        assert first.serde_us <= first.duration_us
