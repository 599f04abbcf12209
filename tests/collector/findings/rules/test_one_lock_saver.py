"""one-lock-saver: calls that wait for one connection are found, without the lock none do."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

import statemeter
from collector.findings.rules import one_lock_saver
from tests.collector.findings.conftest import Found, config
from tests.collector.inspection.looks import fill
from tests.collector.made import query

RULE = "one-lock-saver"
SECONDS = 2.7
KWARGS = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}


def read_at_once(saver: Any, workers: int = 4) -> None:
    """Threads that read for some seconds from a server that answers after 20 ms."""
    saver.SELECT_SQL = saver.SELECT_SQL.lstrip().replace(
        "select", "select pg_sleep(0.02)::text as slept,", 1
    )
    end = time.monotonic() + SECONDS

    def one(thread: str) -> None:
        while time.monotonic() < end:
            saver.get_tuple(config(thread))

    threads = [threading.Thread(target=one, args=(f"t{n}",)) for n in range(workers)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def test_a_lock_over_a_pool(postgres_database: str, found: Found) -> None:
    """Four callers, four connections, one in use: what they waited is what the calls took beyond
    the answers of the server."""
    with ConnectionPool(
        postgres_database, min_size=1, max_size=4, open=True, kwargs=KWARGS
    ) as pool:
        saver = PostgresSaver(pool)
        saver.setup()
        fill(saver, threads=4)
        statemeter.instrument(saver)
        read_at_once(saver)
        (finding,) = found(RULE)
    rows = query(found.store, "SELECT duration_us FROM operations WHERE operation = 'get_tuple'")  # type: ignore[attr-defined]
    numbers = {one.name: one.value for one in finding.measured}
    assert numbers["connections in use at once, at most"] == 1
    assert numbers["connections allowed"] == 4
    assert numbers["calls looked at"] == len(rows)
    assert numbers["calls under way at once, at most"] == 4
    # Served one after the other, a call has a share of the time; the rest of it is waiting.
    mean_us = sum(row["duration_us"] for row in rows) / len(rows)
    share_us = SECONDS * 1e6 / len(rows)
    assert finding.cost.ms == pytest.approx((mean_us - share_us) / 1000, rel=0.1)


def test_without_the_lock(postgres_database: str, found: Found) -> None:
    """The code of the fix: as many callers, more connections in use, nothing to be found."""
    names: dict[str, Any] = {"url": postgres_database}
    exec(one_lock_saver.code("PostgresSaver", 4), names)
    with names["pool"]:
        saver = names["saver"]
        saver.setup()
        fill(saver, threads=4)
        statemeter.instrument(saver)
        read_at_once(saver)
        assert found(RULE) == []
    store = found.store  # type: ignore[attr-defined]
    rows = query(store, "SELECT at_us, duration_us FROM operations WHERE operation = 'get_tuple'")
    together = overlap([(row["at_us"], row["duration_us"]) for row in rows])
    assert together.overlapped_us > 2e6, "the calls do overlap"
    assert len(rows) > 1.5 * SECONDS / 0.02, "more than one at a time could be"


def test_one_caller(postgres_database: str, found: Found) -> None:
    """One call at a time waits for none."""
    with PostgresSaver.from_conn_string(postgres_database) as saver:
        saver.setup()
        fill(statemeter.instrument(saver), threads=10)
        assert found(RULE) == []


def overlap(calls: list[tuple[int, int]]) -> one_lock_saver.Overlap:
    made = [SimpleNamespace(at_us=at, duration_us=long) for at, long in calls]
    return one_lock_saver.overlap(made)


def test_how_calls_overlap() -> None:
    """By hand: 0-10, 5-15, 20-30."""
    found = overlap([(0, 10), (5, 10), (20, 10)])
    assert (found.busy_us, found.overlapped_us, found.at_once) == (25, 5, 2)
    assert found.waited_us == pytest.approx(5 / 3)
