"""process-leak: streams that are left one after the other are found; a steady process is not.

Whether real services are judged rightly is tested in tests/storage/test_leaks.py; here the readings
are made, so that the rates are known."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from storage.findings import Finding, decode
from tests.collector.made import Made, collect, query

SECONDS, EVERY = 400, 5
A_SECOND = 0.2
"""Streams left."""
MB = 1_000_000


def findings(folder: Path, leaves: float, grows: float, **more: float) -> list[Finding]:
    """Of a process that leaves so many streams and gains so many bytes in each second, and of which
    other readings grow by so much."""
    made = Made(folder / "spool", start_us=(int(time.time()) - SECONDS) * MB)
    made.line("resource", "p" * 12, "process", "python", "Process", "")
    start = made.at_us
    for second in range(0, SECONDS - 5, EVERY):
        made.at_us = start + (second - 1) * MB
        left = int(second * leaves)
        size = 100 * MB + int(second * grows)
        values: dict[str, Any] = {
            "rss_bytes": size, "anon_bytes": size, "runs": second, "left_streams": left,
            "left_streams:chat": left, "threads": 4 + left,
        }  # fmt: skip
        values |= {name: int(second * by) for name, by in more.items()}
        made.line("gauges", "p" * 12, values)
    made.write()
    store = folder / "store.sqlite"
    collect(folder / "spool", store)
    (rule,) = query(store, "SELECT why FROM rules WHERE id = 'process-leak'")
    assert rule["why"] == ""  # it could look
    rows = query(store, "SELECT body FROM findings WHERE rule = 'process-leak'")
    return [decode(row["body"]) for row in rows]


def test_streams_that_are_left_are_found(tmp_path: Path) -> None:
    """At the rate at which they were left; closing them is the fix."""
    (finding,) = findings(tmp_path, A_SECOND, 100_000)
    told = {one.name: one.value for one in finding.measured}
    assert told["streams left half-read, an hour"] == pytest.approx(A_SECOND * 3600, rel=0.05)
    assert told["unexplained memory, an hour"] == pytest.approx(100_000 * 3600, rel=0.05)
    assert "closing(graph.stream" in finding.fixes[0].code
    assert finding.subject.process


def test_a_steady_process_is_healthy(tmp_path: Path) -> None:
    """As many runs, none of them left."""
    assert findings(tmp_path, 0, 0) == []


def test_freed_memory_is_told_where_the_limit_is_near(tmp_path: Path) -> None:
    """It is no leak, and as long as there is room nothing to do: then a warning, with the setting
    that helps."""
    kept = {"malloc_free_bytes": 100_000, "malloc_bytes": 0, "blocks": 0}
    assert findings(tmp_path / "roomy", 0, 100_000, available_bytes=1e9, **kept) == []
    (finding,) = findings(tmp_path / "full", 0, 100_000, available_bytes=1e3, **kept)
    assert finding.severity == "warning"
    assert finding.fixes[0].code.startswith("MALLOC_ARENA_MAX=2 ")
