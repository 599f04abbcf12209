"""Lists of threads: order, search, paging, curves, flags."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from storage import queries_threads
from storage.queries import Scope
from storage.queries_threads import find_thread, flags, histories, list_threads
from storage.store import open_reader
from storage.thread_filter import Filter
from tests.sqlite_files import opened
from tests.storage import seed

NOW = 1_800_000_123_456_789


@pytest.fixture
def made() -> seed.Seed:
    return seed.sample(NOW)


@pytest.fixture
def engine(tmp_path: Path, made: seed.Seed):
    engine = open_reader(str(made.write(tmp_path / "store.sqlite")))
    yield engine
    engine.dispose()


def ids(page: queries_threads.Page) -> list[int]:
    return [int(one) for one in page.rows["id"]]


@pytest.mark.parametrize(
    ("sort", "key", "reverse"),
    [
        ("stored", "stored_bytes", True),
        ("live", "live_bytes", True),
        ("written", "written_bytes", True),
        ("steps", "steps", True),
        ("errors", "errors", True),
        ("recent", "last_seen_us", True),
        ("oldest", "last_seen_us", False),
    ],
)
def test_orders(engine: Engine, made: seed.Seed, sort: str, key: str, reverse: bool) -> None:
    """Each order is by its column, equal ones by row, so that pages never overlap."""
    expected = sorted(made.threads, key=lambda row: (-row[key] if reverse else row[key], row["id"]))
    assert ids(list_threads(engine, sort=sort, limit=100)) == [row["id"] for row in expected]


def test_order_by_amplification(engine: Engine, made: seed.Seed) -> None:
    """Written over live, highest first; the column has the ratio."""
    page = list_threads(engine, sort="amplification", limit=100)
    by_id = {row["id"]: row for row in made.threads}
    ratios = [by_id[one]["written_bytes"] / by_id[one]["live_bytes"] for one in ids(page)]
    assert ratios == sorted(ratios, reverse=True)
    assert list(page.rows["amplification"]) == pytest.approx(ratios)


def test_a_thread_without_live_bytes_has_no_amplification(engine: Engine, tmp_path: Path) -> None:
    """A deleted thread has no ratio, and comes last in that order."""
    with opened(tmp_path / "store.sqlite") as connection:
        connection.execute("UPDATE threads SET live_bytes = 0, deleted_us = 5 WHERE id = 1")
    page = list_threads(engine, sort="amplification", limit=100)
    assert ids(page)[-1] == 1
    assert page.rows["amplification"].isna().tolist() == [False] * (page.total - 1) + [True]
    assert "deleted" in flags(page.rows, {})[-1]


def test_pages_cover_the_list(engine: Engine) -> None:
    """All pages together are the list, each row once, and each page knows the total."""
    pages = [list_threads(engine, offset=offset, limit=5) for offset in range(0, 20, 5)]
    assert {page.total for page in pages} == {17}
    together = [one for page in pages for one in ids(page)]
    assert together == ids(list_threads(engine, limit=100))
    assert len(set(together)) == 17


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("support", 4), ("SUPPORT-2", 1), ("_", 12), ("%", 12), ("short_0", 10), ("!", 0),
        ("' OR 1=1 --", 0), ("no such", 0),
    ],
)  # fmt: skip
def test_search_is_literal(engine: Engine, search: str, found: int) -> None:
    """A part of the id, wherever it stands; % and _ and quotes mean themselves."""
    page = list_threads(engine, Filter(search=search), limit=100)
    assert page.total == len(page.rows) == found


def test_filters_narrow_together(engine: Engine, made: seed.Seed) -> None:
    """Backend, application, time of use and errors, each and all."""

    def total(**chosen: object) -> int:
        return list_threads(engine, Filter(**chosen)).total  # type: ignore[arg-type]

    rows = made.threads
    assert total(scope=Scope("memory")) == sum(row["backend"] == "memory" for row in rows)
    assert total(scope=Scope(None, "research")) == 1
    assert total(scope=Scope("sqlite", "research")) == 0
    after = sorted(row["last_seen_us"] for row in rows)[8]
    assert total(used_after_us=after) == sum(row["last_seen_us"] >= after for row in rows)
    assert total(errors_only=True) == 1
    assert total(errors_only=True, scope=Scope("memory")) == 0


def test_an_id_in_two_storages_is_found_twice(engine: Engine) -> None:
    """Without the saver's key both are found, newest first; with it, one."""
    both = find_thread(engine, "support-1")
    assert list(both["saver"]) == ["cccccccccccc", "aaaaaaaaaaaa"]
    (only,) = find_thread(engine, "support-1", "aaaaaaaaaaaa").to_dict("records")
    assert only["saver_label"] == "chat.sqlite"
    assert find_thread(engine, "support-1", "bbbbbbbbbbbb").empty
    assert find_thread(engine, "support").empty


def test_curves_follow_the_minutes(engine: Engine, made: seed.Seed) -> None:
    """A curve is 0 before the thread's first minute, then the newest known minute of each slot."""
    curves = histories(engine, [1, 2], 900, NOW)
    minutes = [row for row in made.minutes if row["thread_key"] == 1]
    stored, live = curves[1]
    assert stored[0] == 0
    assert set(stored) == {0, *(row["stored_bytes"] for row in minutes)}
    assert stored[-1] == made.threads[0]["stored_bytes"]
    assert live[-1] == made.threads[0]["live_bytes"]
    assert len(curves[2][0]) == len(stored)
    assert histories(engine, [], 900, NOW) == {}


def test_flags_say_what_stands_out(engine: Engine) -> None:
    """Rewritten from 20 times the live bytes on; errors where a call failed; growing while the
    newest half of the window's use is larger, and no longer once it is flat."""
    page = list_threads(engine, limit=100)

    def told(at_us: int) -> dict[int, list[str]]:
        curves = histories(engine, ids(page), 900, at_us)
        return dict(zip(ids(page), flags(page.rows, curves), strict=True))

    while_used = told(NOW - 290 * seed.SECOND)
    assert while_used[1] == ["growing", "rewritten"]
    assert told(NOW)[1] == ["rewritten"]
    assert told(NOW)[5] == ["errors"]
    assert while_used[6] == []
