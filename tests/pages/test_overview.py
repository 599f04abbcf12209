"""The Overview shows the numbers of the store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pages.ui import cards, formats
from tests.pages.conftest import Visit, charts, metrics, texts
from tests.sqlite_files import opened
from tests.storage import seed


def number(store: Path, sql: str) -> float:
    """A number, by the driver alone."""
    with opened(store) as connection:
        (value,) = connection.execute(sql).fetchone()
    return value


def test_cards_have_the_numbers_of_the_store(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """Stored bytes and active threads are what plain SQL says of the threads table."""
    shown = metrics(visit(window="15m"))
    stored = number(store, "SELECT sum(stored_bytes) FROM threads")
    assert shown["Stored bytes"] == formats.size(stored)
    assert shown["Active threads"] == str(len(filled.threads))
    share = number(
        store, "SELECT sum(serde_us) * 1.0 / sum(duration_us) FROM operations "
        "WHERE operation IN ('put', 'put_writes')",
    )  # fmt: skip
    assert shown["Serialization share"] == formats.share(share)


def test_the_chart_ends_at_what_is_held(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """A curve for each backend, whose last point is its threads' stored bytes."""
    figure = charts(visit())["Stored bytes by backend over time"]
    ends = {trace.name: np.asarray(trace.y)[-1] for trace in figure.data}
    for name, backend in (("SQLite", "sqlite"), ("In memory", "memory")):
        held = number(store, f"SELECT sum(stored_bytes) FROM threads WHERE backend = '{backend}'")
        assert ends[name] == pytest.approx(held / 1e6)


def test_one_colour_for_a_backend(visit: Visit, filled: seed.Seed) -> None:
    """A backend keeps its colour when it is shown alone."""
    colours = {
        trace.name: trace.meta["color"]
        for trace in charts(visit())["Stored bytes by backend over time"].data
    }
    (alone,) = charts(visit(backend="memory"))["Stored bytes by backend over time"].data
    assert alone.name == "In memory"
    assert alone.meta["color"] == colours["In memory"]
    assert len(set(colours.values())) == 2


def test_filters_of_the_address_narrow_the_page(
    visit: Visit, filled: seed.Seed, store: Path
) -> None:
    """Backend and application in the address narrow cards and table; a wrong name is ignored."""
    shown = visit(backend="sqlite", application="support-bot")
    held = number(
        store, "SELECT sum(stored_bytes) FROM threads WHERE backend = 'sqlite' "
        "AND application = 'support-bot'",
    )  # fmt: skip
    assert metrics(shown)["Stored bytes"] == formats.size(held)
    table = shown.dataframe[0].value
    assert set(table["backend"]) == {"SQLite"}
    total = number(store, "SELECT sum(stored_bytes) FROM threads")
    assert metrics(visit(backend="nonsense"))["Stored bytes"] == formats.size(total)


def test_the_table_has_the_largest_threads(visit: Visit, filled: seed.Seed) -> None:
    """Most stored bytes first, with their live bytes, steps and amplification."""
    table = visit().dataframe[0].value
    largest = sorted(filled.threads, key=lambda row: -row["stored_bytes"])[: len(table)]
    assert list(table["thread"]) == [row["thread_id"] for row in largest]
    assert list(table["stored"]) == [row["stored_bytes"] for row in largest]
    assert list(table["amplification"]) == pytest.approx(
        [row["written_bytes"] / row["live_bytes"] for row in largest]
    )


def test_health_tells_losses(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """Gaps, drops and unreadable records are told with their reasons and counts."""
    with opened(store) as connection:
        connection.execute("INSERT INTO gaps VALUES ('a', 5, 9, 1)")
    told = texts(visit())
    assert "5 events lost in gaps" in told
    assert "3 dropped by probes: queue" in told
    assert "2 unreadable records: checksum" in told


def test_nothing_lost_is_told_too(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """Where nothing is missing, the card says so."""
    with opened(store) as connection:
        connection.execute("UPDATE collector SET dead_letters = '{}'")
        connection.execute("UPDATE processes SET dropped = '{}'")
    assert "Nothing lost, nothing dropped" in texts(visit())


def test_a_backlog_shows_its_progress(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """While the collector drains, the card has a bar with the share that was taken."""
    with opened(store) as connection:
        connection.execute(
            "UPDATE collector SET backlog_bytes = 8000000, lag_bytes = 2000000, lag_seconds = 60"
        )
    (bar,) = visit().get("progress")
    assert bar.proto.value == 75
    assert "75 % of 8.00 MB" in bar.proto.text


def test_a_problem_of_the_collector_is_told(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """What stops the collector stands on the card in its own words, and Live is not claimed."""
    with opened(store) as connection:
        connection.execute("UPDATE collector SET problem = 'disk is full: free 2 GB'")
    told = texts(visit())
    assert "disk is full: free 2 GB" in told
    assert ": Live]" not in told


def test_unknown_is_a_dash(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """Without any write there is no latency and no share: a dash, not a 0."""
    with opened(store) as connection:
        connection.execute("DELETE FROM rollups WHERE operation IN ('put', 'put_writes')")
    visitor = visit()
    assert "No checkpoint was written in this window." in texts(visitor)
    shown = metrics(visitor)
    assert shown["p95 write latency"] == "–"
    assert shown["Serialization share"] == "–"


def test_what_no_probe_saw_is_not_said_to_be_nothing(
    visit: Visit, filled: seed.Seed, store: Path
) -> None:
    """Of an attached database the bytes that were written are known, the calls are not: they are
    a dash, and nothing says that no checkpoint was written."""
    with opened(store) as connection:
        connection.execute(
            "UPDATE rollups SET operation = 'found', duration_us = 0, serde_us = 0 "
            "WHERE operation = 'put'"
        )
        connection.execute("DELETE FROM rollups WHERE operation = 'put_writes'")
    visitor = visit(window="15m")
    told, shown = texts(visitor), metrics(visitor)
    assert "were found in a database, no probe saw them" in told
    assert "No checkpoint was written" not in told
    assert "0 B written in the window" not in told
    assert "written in the window" in told
    assert shown["Writes / s"] == shown["p95 write latency"] == "–"


def test_a_change_that_rounds_to_nothing_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an arrow nor a colour for +0.0 %."""
    drawn = []
    monkeypatch.setattr(cards.st, "metric", lambda *given, **named: drawn.append((given, named)))
    for change in (0.0004, 0.0006, -0.2, 0.0, None):
        text = formats.share(change, signed=True) if change else change
        cards._metric("Share", "9 %", text, "lately", np.zeros(1), color="inverse", help="")
    assert [(given[2], named["delta_color"]) for given, named in drawn] == [
        ("no change", "off"), ("+0.1 %", "inverse"), ("-20 %", "inverse"), ("no change", "off"),
        ("no writes lately", "off"),
    ]  # fmt: skip
