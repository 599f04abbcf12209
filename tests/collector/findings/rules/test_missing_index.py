"""missing-index: look-ups without an index are found with the statement that mends them."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pymongo
import pytest
from langgraph.checkpoint.mongodb import MongoDBSaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver

import statemeter
from tests.collector.findings.conftest import Found
from tests.collector.findings.rules.inspecting import checked, limit, numbers
from tests.collector.inspection.looks import fill

RULE = "missing-index"


def test_filtered_lists_of_a_large_file(
    tmp_path: Path, found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows beyond the limit are mentioned; once list(filter=…) is called it is a warning, with its
    calls and their time; the index mends it."""
    monkeypatch.setenv("STATEMETER_SCAN_WARN_ROWS", "5")
    path = tmp_path / "app.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        fill(statemeter.instrument(saver), threads=3)
        checked(str(path))
        (finding,) = found(RULE)
        assert (finding.severity, finding.subject.detail) == ("info", "lookup.metadata run_id")
        for _ in range(4):
            list(saver.list(None, filter={"run_id": "x"}))
        (finding,) = found(RULE)
    told = numbers(finding)
    assert finding.severity == "warning"
    assert told["list(filter=…) among the newest calls"] == 4
    assert finding.cost.ms == told["mean duration of these"] / 1000
    with closing(sqlite3.connect(path)) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM checkpoints").fetchone()
        assert told["rows of checkpoints, about"] == rows
        connection.executescript(finding.fixes[0].code)
    checked(str(path))
    assert found(RULE) == []


def test_slow_filtered_lists(tmp_path: Path, found: Found) -> None:
    """Few rows are no matter, unless the calls are many and slow."""
    path = tmp_path / "app.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        fill(statemeter.instrument(saver))
        for _ in range(10):
            list(saver.list(None, filter={"run_id": "x"}))
        checked(str(path))
        assert found(RULE) == []
        limit(found, f"{RULE}.duration", 1)
        (finding,) = found(RULE)
        assert numbers(finding)["list(filter=…) among the newest calls"] == 10


def test_postgres_without_its_keys(postgres_database: str, found: Found) -> None:
    """A dropped primary key and index: named by table, critical, and mended by the statements."""
    with PostgresSaver.from_conn_string(postgres_database) as saver:
        saver.setup()
        fill(saver)
    checked(postgres_database)
    assert found(RULE) == []
    run(
        postgres_database,
        "ALTER TABLE checkpoint_writes DROP CONSTRAINT checkpoint_writes_pkey",
        "DROP INDEX checkpoint_writes_thread_id_idx",
    )
    checked(postgres_database)
    told = found(RULE)
    assert {(one.subject.detail, one.severity) for one in told} == {
        ("index checkpoint_writes", "critical"),
        ("index checkpoint_writes_thread_id_idx on checkpoint_writes", "warning"),
        ("lookup.key checkpoint_writes", "critical"),
    }
    for one in told:
        run(postgres_database, one.fixes[0].code)
    checked(postgres_database)
    assert found(RULE) == []


def test_mongodb_without_its_index(mongo_url: str, found: Found) -> None:
    """The index was dropped: the look-up reads the whole collection."""
    name = f"test_{uuid.uuid4().hex}"
    with pymongo.MongoClient[Any](mongo_url) as client:
        fill(MongoDBSaver(client, db_name=name))
        client[name]["checkpoints"].drop_indexes()
        checked(f"{mongo_url}/{name}")
        assert {one.subject.detail for one in found(RULE)} == {
            "index checkpoints", "lookup.key checkpoints"
        }  # fmt: skip
        client.drop_database(name)


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[arg-type]
