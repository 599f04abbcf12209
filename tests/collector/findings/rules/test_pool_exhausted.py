"""pool-exhausted: waits and timeouts of a real pool are told as the pool counts them."""

from __future__ import annotations

import threading
import time
from contextlib import closing, suppress
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

import statemeter
from tests.collector.findings.conftest import Found, config
from tests.collector.findings.rules.inspecting import checked, until_told
from tests.collector.inspection.looks import fill

RULE = "pool-exhausted"
KWARGS = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}


def pool_of(url: str, size: int, seconds: float = 5) -> Any:
    pool = ConnectionPool(
        url, min_size=size, max_size=size, timeout=seconds, open=True, kwargs=KWARGS
    )
    pool.wait(10)
    return pool


def test_a_list_that_keeps_the_only_connection(postgres_database: str, found: Found) -> None:
    """The other call fails: the finding counts what the pool counts, and its fix mends it."""
    with pool_of(postgres_database, 1, seconds=0.2) as pool:
        saver = PostgresSaver(pool)
        saver.setup()
        fill(saver)
        statemeter.instrument(pool)
        with pool.connection(), pytest.raises(PoolTimeout):
            saver.get_tuple(config("t0"))
        until_told(found, timeouts=1)
        (finding,) = found(RULE)
        stats = pool.get_stats()
    numbers = {one.name: one.value for one in finding.measured}
    assert finding.severity == "critical"
    assert finding.subject.backend == "postgres"
    assert finding.subject.resource
    assert numbers["timeouts"] == stats["requests_errors"] == 1
    assert numbers["connections, at most"] == 1
    names: dict[str, Any] = {"url": postgres_database}
    exec(finding.fixes[0].code, names)
    with names["pool"] as wider:
        mended = PostgresSaver(wider)
        with wider.connection():
            assert mended.get_tuple(config("t0")) is not None
    with closing(connected(postgres_database)) as connection:
        exec(finding.fixes[1].code, {"saver": PostgresSaver(connection), "config": config("t0")})


def connected(url: str) -> Any:
    return psycopg.connect(url, **KWARGS)  # type: ignore[arg-type]


def work(pool: Any, workers: int, seconds: float) -> None:
    """So many threads hold a connection for a while, ten times each."""

    def one() -> None:
        for _ in range(10):
            with pool.connection():
                time.sleep(seconds)

    threads = [threading.Thread(target=one) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_requests_that_wait(postgres_database: str, found: Found) -> None:
    """Four workers over one connection wait as long as the pool says; over the pool that the fix
    names, what was promised is saved."""
    with pool_of(postgres_database, 1) as pool:
        statemeter.instrument(pool)
        work(pool, 4, 0.03)
        until_told(found, requests=40)
        (finding,) = found(RULE)
        stats = pool.get_stats()
    mean_ms = stats["requests_wait_ms"] / stats["requests_num"]
    assert finding.severity == "warning"
    assert finding.cost.ms == pytest.approx(mean_ms)
    saving = finding.fixes[0].saving
    assert saving is not None
    assert saving.ms == pytest.approx(mean_ms)
    with pool_of(postgres_database, 4) as wider:
        work(wider, 4, 0.03)
        stats = wider.get_stats()
    assert stats.get("requests_wait_ms", 0) / stats["requests_num"] < 0.1 * mean_ms


def test_a_wide_pool_is_healthy(postgres_database: str, found: Found) -> None:
    """Nobody waits."""
    with pool_of(postgres_database, 4) as pool:
        statemeter.instrument(pool)
        work(pool, 4, 0.01)
        until_told(found, requests=40)
        assert found(RULE) == []


def test_an_idle_transaction(
    postgres_database: str, found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check of the database sees it, and the statement ends it."""
    monkeypatch.setenv("STATEMETER_IDLE_WARN_SECONDS", "0.05")
    with closing(connected(postgres_database)) as connection:
        PostgresSaver(connection).setup()
    with psycopg.connect(postgres_database) as idle:
        idle.execute("SELECT 1")
        time.sleep(0.1)
        checked(postgres_database)
        (finding,) = found(RULE)
        pid = idle.info.backend_pid
        assert str(pid) in finding.title
        with psycopg.connect(postgres_database, autocommit=True) as other:
            other.execute(finding.fixes[1].code)
        with suppress(psycopg.Error):
            idle.execute("SELECT 1")
    checked(postgres_database)
    assert found(RULE) == []
