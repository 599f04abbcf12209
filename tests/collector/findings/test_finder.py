"""Rules look at what is new, all of them, and one that fails keeps none of the others from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from collector.findings import finder, keep, orders
from collector.findings.facts import ThreadFacts
from collector.findings.finder import Finder
from collector.findings.look import Look
from collector.findings.outcome import Outcome
from collector.findings.rule import CannotLook
from collector.findings.rules import quadratic_channel
from collector.findings.watch import Findings
from collector.watch import Watch
from statemeter import probe
from storage.findings import Finding
from storage.store import open_reader, open_writer
from tests.collector.findings.conftest import Found, config
from tests.collector.findings.rules.test_quadratic_channel import chat, talk
from tests.collector.live import collecting, wait_for
from tests.collector.made import query
from tests.storage.seed_findings import finding, rule

RULE = quadratic_channel.ID


def looked(store: Path) -> int:
    """At how many threads the rule has looked, each time counted."""
    return int(query(store, "SELECT looks FROM rules WHERE id = ?", RULE)[0]["looks"])


def test_a_look_costs_what_is_new(found: Found) -> None:
    """Of twelve threads, the one that goes on is looked at again; of none, none."""
    graph = chat(InMemorySaver())
    for number in range(12):
        graph.invoke({"messages": [("user", "hello")], "topic": "t"}, config(f"t{number}"))
    found()
    first = looked(found.store)
    assert first == 12
    graph.invoke({"messages": [("user", "and on")], "topic": "t"}, config("t3"))
    found()
    assert looked(found.store) == first + 1
    found()
    assert looked(found.store) == first + 1


def test_a_changed_threshold_is_for_all_threads(found: Found) -> None:
    """Those, too, that have no new call: what no longer holds is resolved."""
    talk(chat(InMemorySaver()), "long")
    assert len(found(RULE)) == 1
    for value, left in ((9_000, 0), (None, 1)):
        engine = open_writer(str(found.store))
        with engine.begin() as connection:
            body = {"name": f"{RULE}.amplification", "value": value}
            orders.set_threshold(connection, body, 1)
        engine.dispose()
        assert len(found(RULE)) == left


def test_portions(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many new calls are looked at in several looks, and the cursor moves when they all were."""
    graph = chat(InMemorySaver())
    for number in range(5):
        graph.invoke({"messages": [("user", "hello")], "topic": "t"}, config(f"t{number}"))
    found()
    engine = open_writer(str(found.store))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE rule_cursors SET position = 0")
    engine.dispose()
    monkeypatch.setattr(finder, "BUDGET_SECONDS", 0.0)
    monkeypatch.setattr(finder, "MOST_CALLS", 1_000)
    seen: list[int] = []

    def note(look: Look, thread: ThreadFacts) -> Iterator[Finding]:
        seen.append(thread.key)
        _ = thread.puts  # takes some of the processor's time
        yield from ()

    works = Finder([rule("notes", thread=note)])
    reader = open_reader(str(found.store))
    outcomes: list[Outcome] = []
    while not outcomes or outcomes[-1].moved is None:
        outcomes.append(works.look(reader, 1))
        assert len(outcomes) < 50
    reader.dispose()
    assert sorted(seen) == sorted(row["id"] for row in query(found.store, "SELECT id FROM threads"))
    assert sum(len(one.threads) for one in outcomes) == 5


def test_a_rule_that_fails_or_cannot_look(found: Found) -> None:
    """Both say why, and the others look."""
    talk(chat(InMemorySaver()), "long")
    found()

    def fails(look: Look, thread: ThreadFacts) -> Any:
        raise RuntimeError("secret text")

    def cannot(look: Look) -> Any:
        raise CannotLook("No pool was seen: instrument one.")

    works = Finder([
        rule("fails", thread=fails), rule("cannot", thread=None, whole=cannot),
        quadratic_channel.RULE,
    ])  # fmt: skip
    engine = open_writer(str(found.store))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE rule_cursors SET position = 0")
    engine.dispose()
    reader = open_reader(str(found.store))
    ran = works.look(reader, 1).ran
    reader.dispose()
    assert ran["fails"].why == "It failed: RuntimeError. The log of the collector says more."
    assert ran["cannot"].why == "No pool was seen: instrument one."
    assert [one.rule for _, one in ran[RULE].found] == [RULE]


def test_beside_ingest(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector that runs finds it while the application goes on, and resolves it by itself."""
    monkeypatch.setattr("collector.findings.watch.Findings.every_seconds", 0.05)
    monkeypatch.setattr("collector.watch.FIRST_SECONDS", 0.05)
    saver = InMemorySaver()
    graph = chat(saver)
    with collecting(Path(probe.get().writer.folder), found.store):
        talk(graph, "long")

        def state() -> list[int]:
            if not found.store.exists():
                return []
            try:
                rows = query(found.store, "SELECT resolved_us FROM findings WHERE rule = ?", RULE)
            except Exception:
                return []  # its tables are being made
            return [int(bool(row["resolved_us"])) for row in rows]

        wait_for(lambda: state() == [0], "a finding")
        saver.delete_thread("long")
        wait_for(lambda: state() == [1], "its end")


def test_what_was_not_stored_is_looked_at_again(found: Found) -> None:
    """A transaction that fails loses no finding."""
    talk(chat(InMemorySaver()), "long")
    found()
    engine = open_writer(str(found.store))
    with engine.begin() as connection:
        for table in ("findings", "finding_changes", "rule_cursors"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    watch = Watch(str(found.store), [Findings()])
    with pytest.raises(ZeroDivisionError):
        watch.look_once(lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    watch.look_once(engine.begin)
    engine.dispose()
    assert len(query(found.store, "SELECT * FROM findings WHERE rule = ?", RULE)) == 1


def test_what_is_gone_is_no_longer_wrong(found: Found) -> None:
    """A rule that finds nothing of its kind any more resolves what it had found."""
    found()
    there = [True]

    def pools(look: Look) -> Iterator[Finding]:
        if not there[0]:
            raise CannotLook("No pool is left.")
        yield finding("pools", resource="b" * 12)

    engine = open_writer(str(found.store))
    for state in (["pools"], []):
        works = Finder([rule("pools", thread=None, whole=pools)])
        reader = open_reader(str(found.store))
        outcome = works.look(reader, 1)
        reader.dispose()
        with engine.begin() as connection:
            keep.describe(connection, [one.about for one in works.rules])
            keep.store(connection, outcome)
        rows = query(found.store, "SELECT rule FROM findings WHERE resolved_us = 0")
        assert [row["rule"] for row in rows] == state
        there[0] = False
    engine.dispose()
    assert query(found.store, "SELECT why FROM rules")[0]["why"] == "No pool is left."
