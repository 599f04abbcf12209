"""PostgresSaver: what is told of a put, and what happens when the server goes away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.postgres import PostgresSaver

import statemeter
from statemeter import events
from tests.collector.made import collect, one
from tests.statemeter.graphs import chat, thread
from tests.statemeter.opened import Servers, opened
from tests.statemeter.spooled import Spooled

STORED = """
SELECT (SELECT sum(octet_length(checkpoint::text)) FROM checkpoints)
     + (SELECT coalesce(sum(octet_length(blob)), 0) FROM checkpoint_blobs)
"""


def put(saver: Any, checkpoint_id: str = "1", version: str = "1", **values: Any) -> Any:
    checkpoint = empty_checkpoint() | {
        "id": checkpoint_id,
        "channel_values": values,
        "channel_versions": dict.fromkeys(values, version),
    }
    versions: dict[str, Any] = dict.fromkeys(values, version)
    return saver.put(thread(checkpoint_ns=""), checkpoint, {"step": 0}, versions)


def channels(event: events.Put) -> dict[str, int | None]:
    return msgspec.json.decode(event.channels)  # type: ignore[no-any-return]


def test_values_inside_the_document(postgres_database: str, spool: Spooled) -> None:
    """They count as channels, whether they changed or not; other values are blobs."""
    with PostgresSaver.from_conn_string(postgres_database) as saver:
        saver.setup()
        statemeter.instrument(saver)
        put(saver, text='a"é', number=1.5, many=[1, 2, 3], none=None)
        saver.put(
            thread(checkpoint_ns="", checkpoint_id="1"),
            empty_checkpoint() | {"id": "2", "channel_values": {"text": "b", "number": 1.5}},
            {"step": 1, "source": "loop"},
            {"text": "2", "many": "2"},
        )
        sizes = [
            row["n"]
            for row in saver.conn.execute(
                "SELECT octet_length(checkpoint::text) AS n FROM checkpoints ORDER BY checkpoint_id"
            )
        ]
        saver.put_writes(thread(checkpoint_ns="", checkpoint_id="2"), [("a", [1])], "task")
    first, second = spool.of(events.Put)
    assert channels(first) == {"text": 7, "number": 3, "many": 4, "none": 4}
    assert (first.inline_bytes, first.blob_bytes, first.whole) == (14, 4, 0)
    assert channels(second) == {"text": 3, "number": 3, "many": None}
    assert msgspec.json.decode(second.changed) == ["text", "many"]
    assert (second.inline_bytes, second.blob_bytes, second.parent) == (6, 0, "1")
    assert [first.document_bytes, second.document_bytes] == sizes
    assert 0 < first.bookkeeping_bytes < first.document_bytes
    assert first.metadata_bytes == len('{"step": 0}')
    assert (first.serializer, second.serializer) == ("msgpack", "json")


def test_a_blob_is_never_overwritten(
    postgres_database: str, tmp_path: Path, spool: Spooled
) -> None:
    """The one case that is not exact: other values under the same version. The difference is
    that of their bytes."""
    with PostgresSaver.from_conn_string(postgres_database) as saver:
        saver.setup()
        statemeter.instrument(saver)
        for _ in range(2):
            put(saver, many=[1])
        row: Any = saver.conn.execute(f"SELECT ({STORED}) AS n").fetchone()
        same = int(row["n"])
        put(saver, many=[1, 2, 3])
        row = saver.conn.execute(f"SELECT ({STORED}) AS n").fetchone()
    assert row["n"] == same  # the server kept the first value
    spool.events()
    collect(spool.folder, tmp_path / "store.sqlite")
    assert one(tmp_path / "store.sqlite", "SELECT stored_bytes FROM threads") == same + 2


@pytest.mark.parametrize("measured", [False, True])
async def test_a_server_that_goes_away(
    measured: bool, request: pytest.FixtureRequest, tmp_path: Path, spool: Spooled
) -> None:
    """The application sees the same exception; the class of it is told, and nothing else."""
    async with opened("postgres", Servers(request, tmp_path)) as saver:
        graph = chat(saver)
        if measured:
            statemeter.instrument(graph)
        graph.invoke({"messages": [("user", "hello")]}, thread())
        pid = saver.conn.info.backend_pid
        with psycopg.connect(request.getfixturevalue("postgres_url"), autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s, 30000)", (pid,))
        with pytest.raises(psycopg.OperationalError):
            graph.invoke({"messages": [("user", "again")]}, thread())
    errors = {event.error for event in spool.told() if getattr(event, "error", "")}
    assert errors == ({"AdminShutdown"} if measured else set())
    assert b"terminating" not in spool.content() if measured else True
