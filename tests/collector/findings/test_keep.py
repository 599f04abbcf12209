"""Findings open, change, resolve and open again, and keep their history."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.findings import keep
from storage import queries_findings
from storage.queries_findings import Shown
from storage.store import open_reader, open_writer
from tests.collector.made import one, query
from tests.storage import seed_findings
from tests.storage.seed_findings import finding, rule

SECOND = 1_000_000


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


def all_of(store: Path, state: str = "open") -> list[Shown]:
    engine = open_reader(str(store))
    try:
        return queries_findings.findings(engine, state)
    finally:
        engine.dispose()


def history(store: Path) -> list[str]:
    return [row["change"] for row in query(store, "SELECT change FROM finding_changes ORDER BY id")]


def test_the_life_of_a_finding(store: Path) -> None:
    """Opened, worse, better, resolved, and opened again with a beginning of its own."""
    mild, bad = finding(thread="a"), finding(thread="a", severity="critical")
    seed_findings.store(store, [(1, mild)], at_us=10 * SECOND)
    seed_findings.store(store, [(1, bad)], at_us=11 * SECOND)
    seed_findings.store(store, [(1, mild)], at_us=12 * SECOND)
    (shown,) = all_of(store)
    assert (shown.finding, shown.since_us, shown.opened_us) == (mild, 1_000, 10 * SECOND)
    seed_findings.store(store, [], threads=[1], at_us=13 * SECOND)
    assert all_of(store) == []
    (shown,) = all_of(store, "resolved")
    assert shown.resolved_us == 13 * SECOND
    later = finding(thread="a", since_us=20 * SECOND)
    seed_findings.store(store, [(1, later)], at_us=21 * SECOND)
    (shown,) = all_of(store)
    assert (shown.since_us, shown.opened_us, shown.opened) == (20 * SECOND, 21 * SECOND, 2)
    assert history(store) == ["opened", "worse", "better", "resolved", "opened"]


def test_what_was_not_looked_at_stays_open(store: Path) -> None:
    """Another thread's look, and a rule that failed, resolve nothing."""
    whole = rule("pools", thread=None, whole=lambda look: [])
    pool = finding("pools", resource="b" * 12)
    seed_findings.store(
        store, [(1, finding(thread="a")), (0, pool)], at_us=SECOND, rules=[rule(), whole]
    )
    seed_findings.store(
        store, [], threads=[2], at_us=2 * SECOND, rules=[rule(), whole], why="Gone."
    )
    assert {one.finding.rule for one in all_of(store)} == {"grows", "pools"}
    assert one(store, "SELECT why FROM rules WHERE id = 'pools'") == "Gone."
    seed_findings.store(store, [], at_us=3 * SECOND, rules=[rule(), whole])
    assert [one.finding.rule for one in all_of(store)] == ["grows"]


def test_a_rule_of_threads_and_of_the_whole(store: Path) -> None:
    """A look at threads alone, as most are, leaves what is of the whole open, and resolves what it
    no longer finds of those threads."""
    both = rule("both", whole=lambda look: [])
    found = [(0, finding("both", detail="writes")), (1, finding("both", thread="a"))]
    seed_findings.store(store, found, at_us=SECOND, rules=[both])
    more = [(2, finding("both", thread="b"))]
    seed_findings.store(store, more, threads=[1], at_us=2 * SECOND, rules=[both], why="Not now.")
    assert {one.finding.subject.detail or one.finding.subject.thread for one in all_of(store)} == {
        "writes", "b"
    }  # fmt: skip


def test_other_numbers_are_no_history(store: Path) -> None:
    """A finding has the newest numbers: its thread may not be looked at again."""
    for second, title in ((1, "first"), (2, "second"), (3, "third")):
        seed_findings.store(store, [(1, finding(thread="a", title=title))], at_us=second * SECOND)
        assert all_of(store)[0].finding.title == title
    assert history(store) == ["opened"]


def test_a_rule_has_so_many_findings(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Further ones are counted, not kept."""
    monkeypatch.setattr(keep, "MOST_OPEN", 3)
    found = [(key, finding(thread=f"t{key}")) for key in range(1, 6)]
    seed_findings.store(store, found, at_us=SECOND)
    assert len(all_of(store)) == 3
    assert one(store, "SELECT untold FROM rules") == 2


def test_old_ones_go_unless_they_are_muted(store: Path) -> None:
    """With their history."""
    seed_findings.store(store, [(1, finding(thread="a")), (2, finding(thread="b"))], at_us=SECOND)
    seed_findings.store(store, [], threads=[1, 2], at_us=2 * SECOND)
    engine = open_writer(str(store))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE findings SET muted_us = 1 WHERE thread_key = 2")
        keep.sweep(connection, keep.KEPT_US + 3 * SECOND)
    engine.dispose()
    assert [row["thread_key"] for row in query(store, "SELECT * FROM findings")] == [2]
    assert len(history(store)) == 2
