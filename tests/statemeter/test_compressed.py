"""Compressed state in the probe: totals, and channels as far as they have bytes of their own."""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path
from typing import Any

import msgspec
import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

import statemeter
from statemeter import codecs, events
from statemeter.serializers import CompressedSerializer
from tests.statemeter.graphs import chat, thread
from tests.statemeter.opened import OPENERS, OWN_SERIALIZER, Servers, opened
from tests.statemeter.spooled import Spooled
from tests.statemeter.test_encrypted import BLOBS


async def talk(saver: Any) -> None:
    config = thread(uuid.uuid4().hex)  # servers are shared
    graph = chat(saver)
    for text in ("one " * 200, "two " * 200):
        given = {"messages": [("user", text)]}
        if type(saver).__name__.startswith("Async"):
            await graph.ainvoke(given, config, durability="sync")
        else:
            graph.invoke(given, config, durability="sync")


@pytest.mark.parametrize("name", [name for name in OPENERS if name not in OWN_SERIALIZER])
async def test_totals_channels_and_the_reason(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, spool: Spooled
) -> None:
    """Channels of their own have the bytes that are stored; inside a compressed document nothing is
    guessed, and the reason is told."""
    async with opened(name, Servers(request, tmp_path), serde=CompressedSerializer()) as saver:
        statemeter.instrument(saver)
        await talk(saver)
    assert {event.serializer for event in spool.of(events.Saver)} == {"CompressedSerializer"}
    puts = spool.of(events.Put)
    assert len(puts) == 8
    compressed = [put for put in puts if codecs.split(put.serializer)[0]]
    assert compressed
    for put in puts:
        channels = msgspec.json.decode(put.channels)
        if name in BLOBS:
            sizes = [size for size in channels.values() if size]
            assert sum(sizes) == put.blob_bytes + put.inline_bytes
            assert put.channels_unknown == ""
        elif put in compressed:
            assert (channels, put.bookkeeping_bytes) == ({}, -1)
            assert put.channels_unknown == "compressed"
        assert put.document_bytes > 0
    assert any(read.read_bytes > 0 and read.serde_us > 0 for read in spool.of(events.Read))


def test_bytes_are_those_in_the_file(tmp_path: Path, spool: Spooled) -> None:
    """Documents and pending writes, compressed or not, as SQLite holds them."""
    connection = sqlite3.connect(tmp_path / "c.sqlite", check_same_thread=False)
    graph = statemeter.instrument(chat(SqliteSaver(connection, serde=CompressedSerializer())))
    for turn in range(4):
        graph.invoke({"messages": [("user", f"turn {turn} " * 90)]}, thread())
    documents = sum(put.document_bytes for put in spool.of(events.Put))
    writes = sum(size for event in spool.of(events.Writes) for _, size in event.writes)
    query = "SELECT sum(length({})) FROM {}"
    assert documents == connection.execute(query.format("checkpoint", "checkpoints")).fetchone()[0]
    assert writes == connection.execute(query.format("value", "writes")).fetchone()[0]
    connection.close()
