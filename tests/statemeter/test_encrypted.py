"""Encrypted state: its bytes and its time are told, and why no channels are."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import msgspec
import pytest
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

import statemeter
from statemeter import events
from tests.statemeter.graphs import chat, thread
from tests.statemeter.opened import OPENERS, OWN_SERIALIZER, Servers, opened
from tests.statemeter.spooled import Spooled

SECRET = "the secret message"
BLOBS = {"memory", "postgres", "async postgres"}
"""Savers that write each channel by itself: there, encrypted channels have their sizes."""


def serializer() -> EncryptedSerializer:
    return EncryptedSerializer.from_pycryptodome_aes(key=b"0123456789abcdef")


async def talk(saver: Any) -> Any:
    config = thread(uuid.uuid4().hex)  # servers are shared
    graph = chat(saver)
    asynchronous = type(saver).__name__.startswith("Async")
    for text in (SECRET, "two"):
        given = {"messages": [("user", text)]}
        if asynchronous:
            await graph.ainvoke(given, config, durability="sync")
        else:
            graph.invoke(given, config, durability="sync")
    state = await graph.aget_state(config) if asynchronous else graph.get_state(config)
    return [message.content for message in state.values["messages"]]


@pytest.mark.parametrize("name", [name for name in OPENERS if name not in OWN_SERIALIZER])
async def test_totals_and_the_reason(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, spool: Spooled
) -> None:
    """Totals, times and the serializer's tag for each saver; no channel is guessed."""
    async with opened(name, Servers(request, tmp_path), serde=serializer()) as saver:
        statemeter.instrument(saver)
        assert isinstance(saver.serde, EncryptedSerializer)
        assert len(await talk(saver)) == 6
    assert {event.serializer for event in spool.of(events.Saver)} == {"EncryptedSerializer"}
    puts = spool.of(events.Put)
    assert len(puts) == 8
    for put in puts:
        channels = msgspec.json.decode(put.channels)
        encrypted = put.blob_bytes > 0 or "postgres" not in name  # its document is plain JSON
        assert put.channels_unknown == ("encrypted" if encrypted else "")
        assert put.document_bytes > 0
        assert msgspec.json.decode(put.lists) == {}
        if name in BLOBS:
            sizes = [size for size in channels.values() if size]
            assert sum(sizes) == put.blob_bytes + put.inline_bytes
        else:
            assert (channels, put.bookkeeping_bytes) == ({}, -1)
    assert any(put.serde_us > 0 and put.serializer == "msgpack+aes" for put in puts)
    writes = [size for event in spool.of(events.Writes) for _, size in event.writes]
    assert min(writes) >= 32  # nonce and tag of the cipher
    assert any(read.read_bytes > 0 and read.serde_us > 0 for read in spool.of(events.Read))
    assert SECRET.encode() not in spool.content()
