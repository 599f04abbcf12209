"""migrations: tables that are missing or old, and indexes that are invalid."""

from __future__ import annotations

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver

import statemeter
from tests.collector.findings.conftest import Found
from tests.collector.findings.rules.inspecting import checked, numbers
from tests.collector.inspection.looks import fill
from tests.collector.made import one

RULE = "migrations"
MIGRATIONS = PostgresSaver.MIGRATIONS


def test_without_setup(postgres_database: str, found: Found) -> None:
    """Calls fail, which is found by themselves and by a check; the code of the fix mends it."""
    with PostgresSaver.from_conn_string(postgres_database) as saver:
        statemeter.instrument(saver)
        with pytest.raises(psycopg.errors.UndefinedTable):
            fill(saver, threads=1)
        (finding,) = found(RULE)
        assert (finding.severity, finding.subject.backend) == ("critical", "postgres")
        store = found.store  # type: ignore[attr-defined]
        failed = one(store, "SELECT count(*) FROM operations WHERE error = 'UndefinedTable'")
        assert numbers(finding)["failed calls"] == failed >= 1
        checked(postgres_database)
        assert {each.subject.detail for each in found(RULE)} == {"", "setup"}
        exec(finding.fixes[0].code, {"url": postgres_database})
        fill(saver, threads=1)
    checked(postgres_database)
    assert {each.subject.detail for each in found(RULE)} == {""}, "of the newest 15 minutes"


def test_behind(postgres_database: str, found: Found) -> None:
    """Set up by a version that knew six migrations: the newest is named, setup() mends it."""
    run(postgres_database, *MIGRATIONS[:6])
    run(postgres_database, "INSERT INTO checkpoint_migrations SELECT generate_series(0, 5)")
    checked(postgres_database)
    (finding,) = found(RULE)
    assert f"5 of {len(MIGRATIONS) - 1}" in finding.title
    assert finding.severity == "warning"
    exec(finding.fixes[0].code, {"url": postgres_database})
    checked(postgres_database)
    assert found(RULE) == []


def test_an_interrupted_index(postgres_database: str, found: Found) -> None:
    """CREATE INDEX CONCURRENTLY was cancelled: the index is named, and made anew."""
    with PostgresSaver.from_conn_string(postgres_database) as saver:
        saver.setup()
        fill(saver)
    checked(postgres_database)
    assert found(RULE) == []
    run(postgres_database, "DROP INDEX checkpoints_thread_id_idx")
    with (
        psycopg.connect(postgres_database) as writer,
        psycopg.connect(postgres_database, autocommit=True) as other,
    ):
        writer.execute("UPDATE checkpoints SET metadata = metadata")
        other.execute("SET statement_timeout = '200ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            other.execute(
                "CREATE INDEX CONCURRENTLY checkpoints_thread_id_idx ON checkpoints (thread_id)"
            )
    checked(postgres_database)
    (finding,) = found(RULE)
    assert "checkpoints_thread_id_idx" in finding.title
    run(postgres_database, finding.fixes[0].code)
    checked(postgres_database)
    assert found(RULE) == []


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[arg-type]
