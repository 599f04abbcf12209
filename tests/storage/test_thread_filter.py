"""Which threads a list has: each condition against the rows in plain Python."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from storage import thread_filter
from storage.queries_threads import (
    SORTS,
    count_threads,
    graphs,
    list_threads,
    read_threads,
    storages,
)
from storage.store import open_reader
from storage.thread_filter import Filter
from tests.sqlite_files import opened
from tests.storage import seed

NOW = 1_800_000_123_456_789
MINUTE = 60 * seed.SECOND


@pytest.fixture
def made() -> seed.Seed:
    return seed.sample(NOW)


@pytest.fixture
def path(tmp_path: Path, made: seed.Seed) -> Path:
    return made.write(tmp_path / "store.sqlite")


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    engine = open_reader(str(path))
    yield engine
    engine.dispose()


def change(path: Path, sql: str, *values: object) -> None:
    with opened(path) as connection:
        connection.execute(sql, values)


def keys(engine: Engine, chosen: Filter, sort: str = "stored") -> list[int]:
    page = list_threads(engine, chosen, sort, limit=100)
    assert page.total == len(page.rows) == count_threads(engine, chosen)
    return [int(key) for key in page.rows["id"]]


def gained(made: seed.Seed, key: int, begin_us: int) -> int:
    """Stored bytes now less those at the end of the newest minute before the window."""
    row = made.threads[key - 1]
    if row["last_seen_us"] < begin_us:
        return 0
    before = [
        minute for minute in made.minutes
        if minute["thread_key"] == key and minute["minute_us"] < begin_us
    ]  # fmt: skip
    level = max(before, key=lambda one: one["minute_us"])["stored_bytes"] if before else 0
    return int(row["stored_bytes"] - level)


Row = dict[str, Any]


@pytest.mark.parametrize(
    ("chosen", "matches"),
    [
        (Filter(stored_at_least=50_000), lambda row: row["stored_bytes"] >= 50_000),
        (Filter(stored_at_most=50_000), lambda row: row["stored_bytes"] <= 50_000),
        (Filter(live_at_least=5_000, live_at_most=20_000),
         lambda row: 5_000 <= row["live_bytes"] <= 20_000),
        (Filter(used_before_us=NOW - 300 * seed.SECOND),
         lambda row: row["last_seen_us"] < NOW - 300 * seed.SECOND),
        (Filter(graph="chat"), lambda row: True),
        (Filter(graph="cha"), lambda row: False),
        (Filter(saver="cccccccccccc"), lambda row: row["saver_id"] == 3),
        (Filter(saver="chat.sqlite"), lambda row: row["saver_id"] == 1),
        (Filter(keys=(2, 4)), lambda row: row["id"] in (2, 4)),
        (Filter(keys=()), lambda row: False),
        (Filter(origin="instrumented"), lambda row: row["duration_us"] > 0),
        (Filter(deleted=True), lambda row: False),
        (Filter(deleted=False), lambda row: True),
        (Filter(search="support-1", match="exact"), lambda row: row["thread_id"] == "support-1"),
        (Filter(search="short_", match="prefix"), lambda row: row["thread_id"][:6] == "short_"),
        (Filter(search="hort", match="prefix"), lambda row: False),
        (Filter(search="SHORT_", match="prefix"), lambda row: False),
    ],
)  # fmt: skip
def test_each_condition(
    engine: Engine, made: seed.Seed, chosen: Filter, matches: Callable[[Row], bool]
) -> None:
    """The rows that the condition means, no other, and their number."""
    assert sorted(keys(engine, chosen)) == [row["id"] for row in made.threads if matches(row)]


def test_bytes_gained(engine: Engine, made: seed.Seed) -> None:
    """What a thread stores now less what it did when the window began; others gained nothing."""
    for seconds in (60, 300, 900):
        begin = (NOW - seconds * seed.SECOND) // MINUTE * MINUTE
        page = list_threads(engine, Filter(begin_us=begin + 5), limit=100)
        expected = {row["id"]: gained(made, row["id"], begin) for row in made.threads}
        assert dict(zip(page.rows["id"], page.rows["gained_bytes"], strict=True)) == expected
        least = sorted(expected.values())[-3]
        found = keys(engine, Filter(begin_us=begin, gained_at_least=max(least, 1)))
        assert sorted(found) == [key for key in expected if expected[key] >= max(least, 1)]
    begin = (NOW - 300 * seed.SECOND) // MINUTE * MINUTE
    used = [row["id"] for row in made.threads if row["last_seen_us"] >= begin]
    ordered = [
        int(key)
        for key in list_threads(engine, Filter(begin_us=begin), "gained", limit=100).rows["id"]
    ]
    assert ordered == sorted(used, key=lambda key: (-gained(made, key, begin), key))


def test_bytes_gained_that_nobody_knows(engine: Engine, made: seed.Seed, path: Path) -> None:
    """Without a window, or with its minutes no longer kept, it is unknown, not 0."""
    assert list_threads(engine).rows["gained_bytes"].isna().all()
    begin = NOW - 300 * seed.SECOND
    (key,) = [
        row["id"] for row in made.threads
        if row["thread_id"] == "support-1" and row["saver_id"] == 1
    ]  # fmt: skip
    assert made.threads[key - 1]["first_seen_us"] < begin // MINUTE * MINUTE
    change(path, "UPDATE threads SET last_seen_us = ? WHERE id = ?", NOW, key)
    change(path, "DELETE FROM thread_minutes WHERE thread_key = ?", key)
    rows = list_threads(engine, Filter(begin_us=begin, keys=(key,))).rows
    assert rows["gained_bytes"].isna().all()
    assert keys(engine, Filter(begin_us=begin, gained_at_least=1, keys=(key,))) == []


def test_deleted_threads(engine: Engine, path: Path) -> None:
    """Deleted are those that hold nothing since; one that was written again is not."""
    change(path, "UPDATE threads SET deleted_us = 5, live_bytes = 0 WHERE id = 3")
    change(path, "UPDATE threads SET deleted_us = 5 WHERE id = 4")
    assert keys(engine, Filter(deleted=True)) == [3]
    assert 3 not in keys(engine, Filter(deleted=False))
    assert 4 in keys(engine, Filter(deleted=False))


def test_attached_threads(engine: Engine, path: Path, made: seed.Seed) -> None:
    """Those of a storage that is attached; those of them that a probe never told of cost no
    time that is known."""
    change(path, "INSERT INTO sources (key, backend, shown, application, mode, phase, cursor, "
           "done_checkpoints, total_checkpoints, done_bytes, total_bytes, problem, "
           "problem_since_us, updated_us, added_us, removed_us) VALUES "
           "('bbbbbbbbbbbb', 'memory', '', '', 'attach', 'following', '', 0, 0, 0, 0, '', "
           "0, 0, 0, 0)")  # fmt: skip
    theirs = [row["id"] for row in made.threads if row["saver_id"] == 2]
    assert sorted(keys(engine, Filter(origin="attached"))) == theirs
    change(path, "UPDATE threads SET duration_us = 0 WHERE id = ?", theirs[0])
    assert theirs[0] not in keys(engine, Filter(origin="instrumented"))


@pytest.mark.parametrize("match", ["part", "prefix"])
@pytest.mark.parametrize("sort", list(SORTS))
def test_many_and_few_matches_agree(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, match: str, sort: str
) -> None:
    """Whether matching ids are few (taken by row) or many (met in the list's order), the list is
    the same, in every order."""
    chosen = Filter(search="short_", match=match, begin_us=NOW - 900 * seed.SECOND)
    few = keys(engine, dataclasses.replace(chosen), sort)
    monkeypatch.setattr(thread_filter, "FEW", 3)
    assert few == keys(engine, chosen, sort)
    assert few


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("\ud7ff", ["\ud7ff", "\ud7ffx"]),
        ("a\U0010ffff", ["a\U0010ffff", "a\U0010ffffz"]),
        ("\U0010ffff", ["\U0010ffff\U0010ffff"]),
        ("é", ["é1"]),
    ],
)
def test_prefixes_at_the_edges(engine: Engine, path: Path, prefix: str, names: list[str]) -> None:
    """The range of a prefix ends where its last character can grow no more."""
    for key, name in enumerate([*names, "a", "b", "\ue000"], 1):
        change(path, "UPDATE threads SET thread_id = ? WHERE id = ?", name, key)
    found = keys(engine, Filter(search=prefix, match="prefix"))
    assert sorted(found) == list(range(1, len(names) + 1))


@pytest.mark.parametrize(
    ("match", "access"), [("exact", "thread_id=?"), ("prefix", "thread_id>? AND thread_id<?")]
)
def test_ids_are_found_by_their_index(engine: Engine, match: str, access: str) -> None:
    """Neither the id nor its beginning is looked for in all threads."""
    sql, bound = thread_filter._search("support", match)
    with engine.connect() as connection:
        plan = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN SELECT t.id FROM threads AS t WHERE {sql}", bound
        ).all()
    assert [row[3] for row in plan] == [f"SEARCH t USING COVERING INDEX threads_by_name ({access})"]


def test_all_in_parts(engine: Engine) -> None:
    """Parts of the list together are the list; at most so many, and one part at least."""
    whole = list_threads(engine, limit=100).rows
    parts = list(read_threads(engine, Filter(), "stored", 100, chunk=5))
    assert [len(part) for part in parts] == [5, 5, 5, 2]
    assert [key for part in parts for key in part["id"]] == list(whole["id"])
    assert list(parts[0].columns) == list(whole.columns)
    assert [len(part) for part in read_threads(engine, Filter(), "stored", 3)] == [3]
    (empty,) = read_threads(engine, Filter(keys=()), "stored", 3)
    assert empty.empty
    assert list(empty.columns) == list(whole.columns)


def test_choices(engine: Engine) -> None:
    """Graphs and storages that a filter can offer."""
    assert graphs(engine) == ["chat"]
    assert ("aaaaaaaaaaaa", "chat.sqlite") in storages(engine)
