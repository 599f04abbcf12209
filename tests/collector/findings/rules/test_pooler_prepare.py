"""pooler-prepare: the server's own errors where a session is another one are found."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver

import statemeter
from collector.findings.rules import pooler_prepare
from tests.collector.findings.conftest import Found, config
from tests.collector.findings.rules.inspecting import numbers
from tests.collector.inspection.looks import fill
from tests.collector.made import one

RULE = "pooler-prepare"


def other_session(connection: Any) -> None:
    """What a pooler in transaction mode does: the next transaction is in a session in which nothing
    of this client is prepared. psycopg would see a plain DEALLOCATE, and prepare again."""
    connection.execute("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$", prepare=False)


def test_a_session_without_the_statement(postgres_database: str, found: Found) -> None:
    """The calls that failed are counted; with the code of the fix none does."""
    with PostgresSaver.from_conn_string(postgres_database) as saver:
        saver.setup()
        fill(statemeter.instrument(saver))
        assert found(RULE) == []
        saver.get_tuple(config("t0"))
        other_session(saver.conn)
        with pytest.raises(psycopg.errors.InvalidSqlStatementName):
            saver.get_tuple(config("t0"))
    (finding,) = found(RULE)
    store = found.store  # type: ignore[attr-defined]
    failed = one(store, "SELECT count(*) FROM operations WHERE error <> ''")
    assert finding.severity == "critical"
    assert numbers(finding)["failed calls"] == failed == 1
    assert finding.fixes[0].code == pooler_prepare.code("PostgresSaver")
    names: dict[str, Any] = {"url": postgres_database}
    exec(finding.fixes[0].code, names)
    with names["pool"] as pool:
        mended = names["saver"]
        for _ in range(2):
            assert mended.get_tuple(config("t0")) is not None
            with pool.connection() as connection:
                other_session(connection)
