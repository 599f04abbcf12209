"""What the Overview shows, against the same numbers found in another way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, text

from storage import histogram, queries
from storage.queries import Scope
from storage.store import open_reader
from tests.sqlite_files import opened
from tests.storage import seed

NOW = 1_800_000_123_456_789


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return seed.sample(NOW).write(tmp_path / "store.sqlite")


@pytest.fixture
def engine(store: Path):
    engine = open_reader(str(store))
    yield engine
    engine.dispose()


def one(store: Path, sql: str, *values: object) -> int:
    """A number, by the driver alone."""
    with opened(store) as connection:
        (number,) = connection.execute(sql, values).fetchone()
    return number or 0


@pytest.mark.parametrize("window_s", queries.WINDOWS.values())
@pytest.mark.parametrize(
    "scope", [Scope(), Scope("sqlite"), Scope("memory", "research"), Scope(None, "support-bot")]
)
def test_levels_end_at_what_is_held_now(
    engine: Engine, store: Path, window_s: int, scope: Scope
) -> None:
    """The last point of each curve is the sum of its threads' stored bytes, in every window."""
    shown = queries.overview(engine, window_s, scope, NOW)
    for backend in shown.levels.columns:
        held = one(
            store,
            "SELECT sum(stored_bytes) FROM threads WHERE backend = ? "
            "AND (? IS NULL OR application = ?)",
            backend, scope.application, scope.application,
        )  # fmt: skip
        assert shown.levels[backend].iloc[-1] == held
    assert list(shown.levels.columns) == list(shown.totals["backend"])
    if scope.backend:
        assert list(shown.levels.columns) == [scope.backend]


def test_levels_in_between_are_what_operations_had_stored(engine: Engine, store: Path) -> None:
    """At the end of each slot, the level is the sum of all changes until then."""
    shown = queries.overview(engine, 900, Scope("sqlite"), NOW)
    ends = list(shown.levels.index)
    for at_us in (ends[0], ends[len(ends) // 2], ends[-20]):
        until = one(
            store,
            "SELECT sum(o.stored_delta_bytes) FROM operations AS o JOIN threads AS t "
            "ON t.id = o.thread_key WHERE t.backend = 'sqlite' AND o.at_us < ?",
            at_us,
        )
        assert shown.levels.loc[at_us, "sqlite"] == until


def test_rates_are_sums_of_operations(engine: Engine, store: Path) -> None:
    """Writes and bytes of a slot are those of the operations that began in it; reads are none."""
    shown = queries.overview(engine, 900, Scope(), NOW)
    assert shown.rates["writes"].sum() > 0
    for row in shown.rates.iloc[::17].itertuples():
        values = (row.at_us, row.at_us + shown.grid.slot_us)
        among = "FROM operations WHERE operation LIKE 'put%' AND at_us >= ? AND at_us < ?"
        assert row.writes == one(store, f"SELECT count(*) {among}", *values)
        assert row.written_bytes == one(store, f"SELECT sum(payload_bytes) {among}", *values)
        assert row.serde_us == one(store, f"SELECT sum(serde_us) {among}", *values)


def test_latency_equals_the_histogram_module(engine: Engine, store: Path) -> None:
    """Each quantile is the one that storage.histogram finds, slot by slot and for the window."""
    shown = queries.overview(engine, 900, Scope("sqlite", "support-bot"), NOW)
    with opened(store) as connection:
        rows = connection.execute(
            "SELECT bucket_us, histogram FROM rollups WHERE resolution_s = 1 AND operation = 'put' "
            "AND backend = 'sqlite' AND application = 'support-bot' AND bucket_us >= ?",
            (shown.grid.start_us,),
        ).fetchall()
    assert len(shown.latency) > 10
    for slot in shown.latency.itertuples():
        packed = [h for at, h in rows if slot.at_us <= at < slot.at_us + shown.grid.slot_us]
        counts = histogram.merge(packed)
        assert slot.count == sum(counts.values())
        for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            assert getattr(slot, name) == histogram.quantile(counts, q)
    whole = histogram.merge(packed for _, packed in rows)
    assert shown.window_latency == {q: histogram.quantile(whole, q) for q in (0.5, 0.95, 0.99)}


def test_threads_used_in_the_window_are_counted(engine: Engine, store: Path) -> None:
    """Active are the threads with a call since the window began; new ones those it began with."""
    shown = queries.overview(engine, 900, Scope(), NOW)
    assert shown.active_threads == one(store, "SELECT count(*) FROM threads")
    late = queries.overview(engine, 900, Scope(), NOW + 600 * seed.SECOND)
    assert late.active_threads == one(
        store, "SELECT count(*) FROM threads WHERE last_seen_us >= ?", NOW - 300 * seed.SECOND
    )
    assert 0 < late.active_threads < shown.active_threads
    assert shown.new_threads == len(seed.sample(NOW).threads)
    assert shown.rates["threads"].iloc[-1] == shown.new_threads


def test_curves_are_short_whatever_the_window(engine: Engine) -> None:
    """No window has more slots than a chart can show, and their length divides evenly."""
    for window_s in queries.WINDOWS.values():
        grid = queries.overview(engine, window_s, Scope(), NOW).grid
        assert 1 <= len(grid.starts_us) <= queries.MAX_POINTS + 2
        assert grid.slot_us % (grid.resolution_s * seed.SECOND) == 0
        assert grid.end_us > NOW


def test_an_old_store_is_read_in_coarse_buckets(tmp_path: Path) -> None:
    """A week is read from hours and a day from minutes, once the store is that old."""
    made = seed.Seed(NOW)
    made.thread("old", steps=200, begin_s=6 * 86_400, every_s=2_590)
    path = made.write(tmp_path / "store.sqlite")
    engine = open_reader(str(path))
    resolutions = {
        name: queries.overview(engine, seconds, Scope(), NOW).grid.resolution_s
        for name, seconds in queries.WINDOWS.items()
    }
    week = queries.overview(engine, queries.WINDOWS["7d"], Scope(), NOW)
    engine.dispose()
    assert resolutions == {"15m": 1, "1h": 60, "6h": 60, "24h": 60, "7d": 3600}
    assert week.rates["writes"].sum() == 400
    assert week.levels["sqlite"].iloc[0] == 0
    assert week.levels["sqlite"].iloc[-1] == made.threads[0]["stored_bytes"]


def test_an_event_of_the_future_belongs_to_now(tmp_path: Path) -> None:
    """A process whose clock is ahead loses nothing: its bytes are in the last slot."""
    made = seed.Seed(NOW + 600 * seed.SECOND)
    made.thread("ahead", steps=10, begin_s=500)
    path = made.write(tmp_path / "store.sqlite")
    engine = open_reader(str(path))
    shown = queries.overview(engine, 900, Scope(), NOW)
    engine.dispose()
    assert shown.levels["sqlite"].iloc[-1] == made.threads[0]["stored_bytes"]
    assert shown.rates["writes"].iloc[-1] > 0


def test_an_empty_store_is_empty(tmp_path: Path) -> None:
    """A store without a row has no curves, and says that it is empty."""
    seed.new_store(tmp_path / "store.sqlite").dispose()
    engine = open_reader(str(tmp_path / "store.sqlite"))
    assert queries.is_empty(engine)
    shown = queries.overview(engine, 900)
    engine.dispose()
    assert shown.totals.empty
    assert shown.latency.empty
    assert shown.window_latency == {0.5: None, 0.95: None, 0.99: None}
    assert shown.active_threads == 0
    assert shown.levels.shape[1] == 0


def test_choices_are_what_was_seen(engine: Engine) -> None:
    """Backends and applications, each once and sorted."""
    assert not queries.is_empty(engine)
    assert queries.choices(engine) == (["memory", "sqlite"], ["research", "support-bot"])


def test_the_overview_reads_no_operation(engine: Engine, store: Path) -> None:
    """The Overview is the same when every single operation is gone: it costs the same, too."""
    before = queries.overview(engine, 900, Scope(), NOW)
    with opened(store) as connection:
        connection.execute("DELETE FROM operations")
    after = queries.overview(engine, 900, Scope(), NOW)
    assert before.levels.equals(after.levels)
    assert before.rates.equals(after.rates)
    assert before.latency.equals(after.latency)


def test_a_transaction_sees_one_state(engine: Engine, store: Path) -> None:
    """What is written while a page reads is not half in it."""
    with queries.reading(engine) as connection:
        count = text("SELECT count(*) FROM threads")
        first = connection.execute(count).scalar()
        with opened(store) as writer:
            writer.execute("DELETE FROM threads")
        assert connection.execute(count).scalar() == first
    with queries.reading(engine) as connection:
        assert connection.execute(count).scalar() == 0


def test_slots_of_the_grid_are_ordered(engine: Engine) -> None:
    """Times rise along every curve."""
    shown = queries.overview(engine, 3600, Scope(), NOW)
    for times in (shown.levels.index, shown.rates["at_us"], shown.latency["at_us"]):
        assert (np.diff(np.asarray(times)) > 0).all()
