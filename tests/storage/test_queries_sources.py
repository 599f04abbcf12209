"""How far the reading of attached databases has come, and what they hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import migrations, queries_sources
from storage.queries_sources import Attached, attached
from storage.store import open_reader, open_writer
from tests.storage import seed, seed_sources
from tests.storage.seed_sources import SECOND

NOW = 1_800_000_000 * SECOND


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


def read(store: Path, at_us: int = NOW) -> list[Attached]:
    engine = open_reader(str(store))
    try:
        return attached(engine, at_us)
    finally:
        engine.dispose()


def test_progress_of_the_first_pass(store: Path) -> None:
    """Share, speed and time left are those of a recount: 2 MB a second over four seconds."""
    readings = [
        (4 - at, {"read_bytes": 10_000_000 + at * 2_000_000, "read_checkpoints": at * 50})
        for at in range(5)
    ]
    seed_sources.add(
        store, "a" * 12, NOW, readings, phase="first", done_checkpoints=600,
        total_checkpoints=1000, done_bytes=30_000_000, total_bytes=40_000_000,
    )  # fmt: skip
    (one,) = read(store)
    assert one.share == 0.75
    assert one.bytes_per_second == 2_000_000
    assert one.checkpoints_per_second == 50
    assert one.left_us == 5 * SECOND


def test_what_is_unknown_stays_unknown(store: Path) -> None:
    """Neither a size nor a speed is made up; counts of checkpoints do where bytes are."""
    seed_sources.add(store, "a" * 12, NOW, phase="first", done_bytes=5, done_checkpoints=2)
    seed_sources.add(
        store, "b" * 12, NOW, [(1, {}), (0, {"read_checkpoints": 10, "threads": 3})],
        phase="first", done_checkpoints=40, total_checkpoints=80, added_us=NOW,
    )  # fmt: skip
    first, second = read(store)
    assert (first.total_checkpoints, first.total_bytes) == (None, None)
    assert (first.share, first.bytes_per_second, first.left_us) == (None, None, None)
    assert (first.readings, first.read_at_us) == ({}, 0)
    assert second.share == 0.5
    assert second.left_us == 4 * SECOND
    assert second.readings == {"read_checkpoints": 10, "threads": 3}
    assert second.read_at_us == NOW


def test_the_newest_readings_of_any_reader(store: Path) -> None:
    """A reader that was started anew counts from 0 again: its growth adds up, nothing twice. The
    newest checkpoint is still that which was read; what else it has not told is unknown."""
    readings = [
        (9, {"read_bytes": 700, "threads": 1, "newest_us": 5}, 0),
        (8, {"read_bytes": 800, "threads": 2, "newest_us": 7, "orphan_writes": 1}, 0),
        (6, {"read_bytes": 50, "threads": 2}, 1),
        (5, {"read_bytes": 250, "threads": 3}, 1),
    ]
    seed_sources.add(store, "a" * 12, NOW, readings)
    (one,) = read(store)
    assert one.readings == {"read_bytes": 250, "threads": 3, "newest_us": 7}
    assert one.bytes_per_second == pytest.approx((100 + 50 + 200) / 4)


def test_a_silent_reader_has_no_speed(store: Path) -> None:
    """What it told last is still shown, with its time."""
    readings = [(3601, {"read_bytes": 5}), (3600, {"read_bytes": 9, "threads": 4})]
    seed_sources.add(store, "a" * 12, NOW, readings)
    (one,) = read(store)
    assert one.bytes_per_second is None
    assert one.readings["threads"] == 4
    assert one.read_at_us == NOW - 3600 * SECOND


def test_the_detached_come_last(store: Path) -> None:
    """In the order of their attaching; with what they were."""
    for key, added, removed in (("c", 3, 0), ("a", 1, 9), ("b", 2, 0)):
        seed_sources.add(
            store, key * 12, NOW, added_us=added, removed_us=removed, problem=f"{key} is wrong"
        )
    assert [(one.key[0], one.removed_us, one.problem) for one in read(store)] == [
        ("b", 0, "b is wrong"), ("c", 0, "c is wrong"), ("a", 9, "a is wrong"),
    ]  # fmt: skip


def test_a_resource_of_another_kind_is_none(store: Path) -> None:
    """A store or a pool may share the key of a database."""
    seed_sources.add(store, "a" * 12, NOW, [(0, {"threads": 4})])
    engine = open_writer(str(store))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE resources SET kind = 'pool'")
    engine.dispose()
    assert read(store)[0].readings == {}


def test_an_older_store_has_none(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page asks before a newer collector has opened it."""
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "CHANGES", migrations.CHANGES[:4])
        open_writer(str(store)).dispose()
    assert read(store) == []
    open_writer(str(store)).dispose()
    assert read(store) == []


def test_bytes_of_a_database(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sum of its threads, no other's; unknown where none was read, or there are too many."""
    made = seed.sample(NOW)
    made.write(store)
    engine = open_reader(str(store))
    for saver in (1, 2, 3):
        mine = [
            one["stored_bytes"]
            for one in made.threads
            if one["saver_id"] == saver and not one["deleted_us"]
        ]
        assert mine
        key = seed.SAVERS[saver][0]
        assert queries_sources.stored(engine, key) == (len(mine), sum(mine))
        monkeypatch.setattr(queries_sources, "SUMMED", len(mine) - 1)
        assert queries_sources.stored(engine, key) is None
        monkeypatch.undo()
    assert queries_sources.stored(engine, "0" * 12) is None
    engine.dispose()
