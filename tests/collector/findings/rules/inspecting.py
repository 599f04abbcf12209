"""What reaches the store beside calls: checks of databases, readings of pools."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from collector.inspection import inbox, run
from statemeter import probe
from storage.findings import Finding
from storage.inspections import Inspection
from tests.collector.made import query

PATIENCE_SECONDS = 20


def checked(url: str, **changed: Any) -> Inspection:
    """Check a database and leave what was found in the spool of the test, as the command does."""
    found = run.inspect(url, **changed)
    inbox.hand_over(Path(probe.get().writer.folder), found)
    return found


def until(condition: Callable[[], Any]) -> None:
    """Wait for something that is told within a second or two."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def until_told(found: Any, **values: int) -> None:
    """Wait until the newest reading of a pool in the store has these values."""

    def is_told() -> bool:
        found()
        rows = query(found.store, "SELECT readings FROM gauge_samples WHERE resolution_s = 3600")
        told = [json.loads(row["readings"]) for row in rows]
        return any(values.items() <= one.items() for one in told)

    until(is_told)


def limit(found: Any, name: str, value: float) -> None:
    """Set a threshold, as ``redis-no-ttl.keys``."""
    found()  # makes the store
    with closing(sqlite3.connect(found.store)) as connection:
        connection.execute("INSERT OR REPLACE INTO rule_settings VALUES (?, ?, 0)", (name, value))
        connection.commit()


def numbers(finding: Finding) -> dict[str, Any]:
    """What was measured, by name."""
    return {one.name: one.value for one in finding.measured}
