"""The collector's state as the pages see it."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.queries_health import RECENT_US, STALE_AFTER_US, Health, health
from storage.store import open_reader
from tests.sqlite_files import opened
from tests.storage import seed

NOW = 1_800_000_123_456_789


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return seed.sample(NOW).write(tmp_path / "store.sqlite", heartbeat_s=0)


def read(path: Path, at_us: int = NOW) -> Health:
    engine = open_reader(str(path))
    try:
        return health(engine, at_us)
    finally:
        engine.dispose()


def change(path: Path, sql: str) -> None:
    with opened(path) as connection:
        connection.execute(sql)


def test_the_collectors_report(path: Path) -> None:
    """What the collector wrote is what is told; reasons that never happened are left out."""
    change(path, """UPDATE collector SET dead_letters = '{"checksum": 2, "torn": 0}'""")
    told = read(path)
    assert told.ever
    assert told.spool == "/data/spool"
    assert told.events_per_second == 12.5
    assert told.dead_letters == {"checksum": 2}
    assert told.store_bytes == 1_234_567


def test_silence_makes_stale(path: Path) -> None:
    """Fresh until the limit, stale beyond it; a clock that is behind makes nothing stale."""
    assert not read(path, NOW + STALE_AFTER_US).stale
    assert read(path, NOW + STALE_AFTER_US + 1).stale
    assert not read(path, NOW - 60 * seed.SECOND).stale


def test_losses_are_added_up(path: Path) -> None:
    """Gaps count the numbers in them; what probes dropped is summed over processes by reason."""
    change(path, "INSERT INTO gaps VALUES ('a', 5, 9, 1), ('a', 20, 20, 1), ('b', 1, 3, 1)")
    change(
        path,
        """UPDATE processes SET dropped = '{"queue": 4, "record": 1}', failures = 2
                    WHERE id = 1""",
    )
    told = read(path)
    assert told.lost == 9
    assert told.dropped == {"queue": 7, "record": 1}
    assert told.failures == 2


def test_a_backlog_shows_how_far_it_is(path: Path) -> None:
    """The share that was taken of what waited; nothing where nothing waits."""
    assert read(path).drained is None
    change(path, "UPDATE collector SET backlog_bytes = 1000, lag_bytes = 250")
    assert read(path).drained == 0.75
    change(path, "UPDATE collector SET backlog_bytes = 1000, lag_bytes = 1200")
    assert read(path).drained == 0.0


def test_processes_that_are_alive(path: Path) -> None:
    """Listed with memory and newest CPU, most memory first; ended or silent ones are not."""
    change(path, "INSERT INTO samples VALUES (1, 10, 5, 12.5, 3), (1, 20, 5, 50.0, 3)")
    listed = read(path).processes
    assert listed["application"].tolist() == ["research", "support-bot"]
    assert listed["rss_bytes"].tolist() == [160_000_000, 80_000_000]
    assert listed["cpu_percent"].tolist()[1] == 50.0
    assert read(path, NOW + RECENT_US + 1).processes.empty
    change(path, "UPDATE processes SET ended = 1 WHERE id = 2")
    assert read(path).processes["application"].tolist() == ["support-bot"]


def test_a_store_without_collector(tmp_path: Path) -> None:
    """No report at all: nothing was ever collected, and that is stale."""
    seed.new_store(tmp_path / "store.sqlite").dispose()
    told = read(tmp_path / "store.sqlite")
    assert not told.ever
    assert told.stale
    assert told.processes.empty
