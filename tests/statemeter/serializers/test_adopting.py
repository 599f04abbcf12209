"""Giving a serializer to a saver that exists: bare, instrumented, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

import statemeter
from statemeter import events, serializers, subclass
from statemeter.errors import NotAdoptable
from statemeter.serializers import CompressedSerializer, MsgspecSerializer, adopt
from tests.statemeter.graphs import chat, thread
from tests.statemeter.spooled import Spooled


def test_names_are_a_promise() -> None:
    """They are in users' code."""
    assert serializers.__all__ == ["CompressedSerializer", "MsgspecSerializer", "adopt"]
    assert all(getattr(serializers, name).__doc__ for name in serializers.__all__)


def test_a_bare_saver() -> None:
    """It is the same saver, with the serializer itself."""
    saver, serializer = InMemorySaver(), MsgspecSerializer()
    assert adopt(saver, serializer) is saver
    assert saver.serde is serializer


def test_an_instrumented_saver(spool: Spooled) -> None:
    """It goes on to be measured, by the new serializer's name; the user's own stays as it was, and
    is given back."""
    saver, serializer = InMemorySaver(), CompressedSerializer(min_bytes=0)
    statemeter.instrument(saver)
    adopt(saver, serializer)
    assert subclass.is_instrumented(saver.serde)
    assert not subclass.is_instrumented(serializer)
    chat(saver).invoke({"messages": [("user", "hello " * 50)]}, thread())
    puts = spool.of(events.Put)
    assert any(put.serializer == "zstd:msgpack" and put.serde_us >= 0 for put in puts)
    assert sum(put.blob_bytes for put in puts) == sum(len(b) for _, b in saver.blobs.values())
    statemeter.uninstrument(saver)
    assert saver.serde is serializer


@pytest.mark.parametrize(
    ("saver", "serializer", "said"),
    [
        (object(), MsgspecSerializer(), "given object, which is no saver"),
        (InMemorySaver(), object(), "given object for a serializer"),
    ],
)
def test_what_is_none_is_refused(saver: Any, serializer: Any, said: str) -> None:
    """The message says what was given, and what is needed."""
    with pytest.raises(NotAdoptable, match=said):
        adopt(saver, serializer)
