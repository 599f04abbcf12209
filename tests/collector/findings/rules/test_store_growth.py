"""store-growth: items that are put and never deleted are found; one key put again is not."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from langgraph.store.sqlite import SqliteStore

from collector.inspection import inbox
from collector.inspection.run import inspect
from storage.findings import Finding, decode
from tests.collector.made import Made, collect, query

PUTS = 1_500


def findings(folder: Path, items: int, deleted: int = 0) -> list[Finding]:
    """Of a store in memory in which so many items are left of its puts."""
    made = Made(folder / "spool", start_us=time.time_ns() // 1000 - 60_000_000)
    made.resource("c" * 12, "store", "memory")
    made.resource("p" * 12, "process", "python")
    for method, count in (("put", PUTS), ("delete", deleted)):
        if count:
            fields: Any = (1000, "c" * 12, "chat", 0, method, "users/ada", "", count, -1, 100)
            made.line("access", *fields)
    made.gauges("p" * 12, store_items=items, store_bytes=items * 100)
    made.write()
    store = folder / "store.sqlite"
    collect(folder / "spool", store)
    (rule,) = query(store, "SELECT why FROM rules WHERE id = 'store-growth'")
    assert rule["why"] == ""  # it could look
    assert query(store, "SELECT items FROM access_rollups WHERE method = 'put'")[0]["items"] == PUTS
    rows = query(store, "SELECT body FROM findings WHERE rule = 'store-growth'")
    return [decode(row["body"]) for row in rows]


def test_items_that_stay_are_found(tmp_path: Path) -> None:
    """With their number and bytes; the namespace is named."""
    (finding,) = findings(tmp_path, PUTS)
    told = {one.name: one.value for one in finding.measured}
    assert told["items put"] == told["items in all stores in memory"] == PUTS
    assert finding.cost.bytes == PUTS * 100
    assert finding.subject.detail == "users/ada"


def test_a_key_that_is_put_again_is_healthy(tmp_path: Path) -> None:
    """As many puts, of which few items are left."""
    assert findings(tmp_path, 3) == []


def test_deletes_are_healthy(tmp_path: Path) -> None:
    """What is put is deleted, too, though other items are held."""
    assert findings(tmp_path, PUTS, PUTS) == []


def test_items_that_nobody_sweeps_are_found(tmp_path: Path) -> None:
    """Of a real store whose sweeper never ran: as many as the check of the file counts. Swept, and
    checked again, nothing is told."""
    path, spool, store = tmp_path / "store.db", tmp_path / "spool", tmp_path / "store.sqlite"
    with SqliteStore.from_conn_string(str(path), ttl={"default_ttl": 1}) as items:
        items.setup()
        for n in range(3):
            items.put(("users",), str(n), {"n": n})
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE store SET expires_at = datetime('now', '-2 hours')")
        told = []
        for _ in range(2):
            inbox.hand_over(spool, inspect(f"sqlite:///{path}"))
            collect(spool, store)
            rows = query(store, "SELECT body FROM findings WHERE rule = 'store-growth' "
                         "AND resolved_us = 0")  # fmt: skip
            told.append([decode(row["body"]) for row in rows])
            items.sweep_ttl()
    (finding,) = told[0]
    assert finding.measured[0].value == 3
    assert told[1] == []
