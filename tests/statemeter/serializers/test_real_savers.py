"""Each serializer inside each real saver: the same state, smaller, older checkpoints read too."""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.postgres.shallow import ShallowPostgresSaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

import statemeter
from statemeter import codecs, events, serializers, subclass
from statemeter.errors import NotAdoptable
from statemeter.serializers import CompressedSerializer, MsgspecSerializer
from tests.statemeter.opened import OPENERS, OWN_SERIALIZER, Servers, opened
from tests.statemeter.serializers.working import Colour, Order, build, told, turn
from tests.statemeter.spooled import Spooled

ALLOWED: Any = {"allowed_msgpack_modules": [Colour, Order]}
TAKING = [name for name in OPENERS if name not in OWN_SERIALIZER]
AES = b"0123456789abcdef"


def made(kind: str) -> Any:
    """A serializer by its name."""
    own = JsonPlusSerializer(**ALLOWED)
    if kind == "own":
        return own
    if kind == "msgspec":
        return MsgspecSerializer(**ALLOWED)
    if kind == "encrypted":
        return EncryptedSerializer.from_pycryptodome_aes(CompressedSerializer(own), key=AES)
    return CompressedSerializer(MsgspecSerializer(**ALLOWED), codec=kind)


@pytest.mark.parametrize("name", TAKING)
async def test_one_thread_under_changing_serializers(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, spool: Spooled
) -> None:
    """A thread goes through all of them and back, with the state that LangGraph's own gives."""
    kinds = ["own", "msgspec", *codecs.NAMES, "none"]
    plain, changed = uuid.uuid4().hex, uuid.uuid4().hex
    async with opened(name, Servers(request, tmp_path), serde=made("own")) as saver:
        for kind in kinds:
            await turn(build(saver), plain, kind)
        expected = await told(build(saver), plain)
        statemeter.instrument(saver)
        for kind in kinds:
            serializers.adopt(saver, made(kind))
            assert subclass.is_instrumented(saver.serde)
            await turn(build(saver), changed, kind)
        assert await told(build(saver), changed) == expected
    puts = [put for put in spool.of(events.Put) if put.thread == changed]
    assert {codecs.split(put.serializer)[0] for put in puts} >= (
        set(codecs.NAMES) if "postgres" not in name else set()
    )
    assert all(put.document_bytes > 0 for put in puts)


@pytest.mark.parametrize("name", TAKING)
async def test_encrypted_outside_compressed_inside(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """What was written plain, and encrypted without compression, is read."""
    key = uuid.uuid4().hex
    async with opened(name, Servers(request, tmp_path), serde=made("own")) as saver:
        await turn(build(saver), key, "one")
        inner = JsonPlusSerializer(**ALLOWED)
        serializers.adopt(saver, EncryptedSerializer.from_pycryptodome_aes(inner, key=AES))
        await turn(build(saver), key, "two")
        serializers.adopt(saver, made("encrypted"))
        await turn(build(saver), key, "three")
        values, _, _ = await told(build(saver), key)
    assert len(values["messages"]) == 6
    assert values["anything"]["order"] == Order(3, "three")


@pytest.mark.filterwarnings("ignore:ShallowPostgresSaver is deprecated:DeprecationWarning")
def test_a_shallow_postgres_saver(postgres_database: str) -> None:
    """It keeps one checkpoint, and reads what LangGraph's own serializer left there."""
    key = uuid.uuid4().hex
    config = {"configurable": {"thread_id": key, "checkpoint_ns": ""}}

    def put(saver: Any, number: str, text: str) -> None:
        versions = {"text": number}
        made = {"v": 1, "id": number, "ts": "", "channel_values": {"text": text},
                "channel_versions": versions, "versions_seen": {}}  # fmt: skip
        saver.put(config, made, {}, versions)

    with ShallowPostgresSaver.from_conn_string(postgres_database) as saver:
        saver.setup()
        put(saver, "1", "a" * 4000)
        serializers.adopt(saver, CompressedSerializer())
        assert saver.get_tuple(config).checkpoint["channel_values"]["text"] == "a" * 4000
        put(saver, "2", "b" * 4000)
        assert saver.get_tuple(config).checkpoint["channel_values"]["text"] == "b" * 4000
        with saver._cursor() as cursor:
            cursor.execute(
                "SELECT type, octet_length(blob) AS size FROM checkpoint_blobs WHERE thread_id=%s",
                (key,),
            )
            row = cursor.fetchone()
    assert row["type"] == "zstd:msgpack"
    assert row["size"] < 100


@pytest.mark.parametrize("name", sorted(OWN_SERIALIZER))
async def test_savers_of_redis_refuse(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """They are built on a serializer of their own: the message says so, nothing is changed."""
    async with opened(name, Servers(request, tmp_path)) as saver:
        own = saver.serde
        with pytest.raises(NotAdoptable, match=r"RedisSaver is built on JsonPlusRedisSerializer"):
            serializers.adopt(saver, CompressedSerializer())
        assert saver.serde is own


def test_what_lies_in_the_file_is_smaller(tmp_path: Path) -> None:
    """Sizes by the database's own account."""
    sizes = {}
    for kind in ("own", *codecs.NAMES):
        connection = sqlite3.connect(tmp_path / f"{kind}.sqlite", check_same_thread=False)
        saver = SqliteSaver(connection, serde=made(kind))
        build(saver).invoke({"messages": [("user", "hello " * 300)]}, _thread())
        sizes[kind] = connection.execute(
            "SELECT sum(length(checkpoint)) FROM checkpoints"
        ).fetchone()
        connection.close()
    assert all(sizes[kind][0] < sizes["own"][0] / 2 for kind in codecs.NAMES)


def _thread() -> Any:
    return {"configurable": {"thread_id": "one"}}
