"""Rows without a checkpoint: made by hand in a real PostgreSQL, found, mended, and gone."""

from __future__ import annotations

import time

import psycopg
import pytest
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.postgres import PostgresSaver

from collector.inspection import orphans
from collector.inspection.run import inspect
from storage.inspections import Inspection
from tests.collector.inspection.looks import fill

TABLES = {one.name for one in orphans.POSTGRES}


def told(found: Inspection, id: str) -> dict[str, object]:
    """Table → value of a check."""
    return {one.subject: one.value for one in found.checks if one.id == id}


def test_checkpoints_deleted_by_hand(
    postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their writes and blobs are counted once the writes are a minute old, and go by the
    statements that are told."""
    with PostgresSaver.from_conn_string(postgres_database) as saver:
        saver.setup()
        fill(saver)
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        assert set(told(inspect(postgres_database), "orphans.rows").values()) == {0}
        connection.execute("DELETE FROM checkpoints")
        assert told(inspect(postgres_database), "orphans.rows")["checkpoint_writes"] == 0
        monkeypatch.setattr(orphans, "YOUNG_SECONDS", 0.0)
        found = inspect(postgres_database)
        for table in TABLES:
            row = connection.execute(
                f"SELECT count(*), sum(octet_length(blob)) FROM {table}"
            ).fetchone()
            assert row is not None
            assert row[0] > 0
            assert told(found, "orphans.rows")[table] == row[0]
            assert told(found, "orphans.size")[table] == (row[1] or 0)
        for one in found.checks:
            if one.id == "orphans.rows":
                assert one.status == "warning"
                connection.execute(one.mend)
        assert set(told(inspect(postgres_database), "orphans.rows").values()) == {0}


def test_a_time_as_a_checkpoint_id() -> None:
    """Ids sort by time, as text."""
    now = time.time()
    assert orphans.made_before(now - 1) < str(uuid6()) < orphans.made_before(now + 5)
