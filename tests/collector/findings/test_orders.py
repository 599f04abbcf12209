"""What a visitor settles: acknowledged, muted, a threshold; and what makes no sense is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collector.findings import orders
from storage import queries_findings
from storage.queries_findings import Shown
from storage.store import open_reader, open_writer
from tests.collector.made import query
from tests.storage import seed_findings
from tests.storage.seed_findings import finding

SECOND = 1_000_000


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "store.sqlite"
    seed_findings.store(path, [(1, finding(thread="a")), (2, finding(thread="b"))], at_us=SECOND)
    return path


def settled(store: Path, change: str, reason: str, *keys: str) -> list[Shown]:
    """All findings after a change."""
    engine = open_writer(str(store))
    with engine.begin() as connection:
        orders.settle(connection, {"change": change, "keys": keys, "reason": reason}, 5 * SECOND)
    engine.dispose()
    return [one for state in ("open", "muted") for one in found(store, state)]


def found(store: Path, state: str) -> list[Shown]:
    engine = open_reader(str(store))
    try:
        return queries_findings.findings(engine, state)
    finally:
        engine.dispose()


def test_acknowledged_until_it_is_resolved(store: Path) -> None:
    """It stays in the list with its reason; one that opens again is new."""
    key = found(store, "open")[0].key
    shown = {one.key: one for one in settled(store, "acknowledged", " known ", key)}
    assert (shown[key].state, shown[key].reason) == ("acknowledged", "known")
    assert sorted(one.state for one in shown.values()) == ["acknowledged", "open"]
    seed_findings.store(store, [], threads=[1, 2], at_us=6 * SECOND)
    seed_findings.store(store, [(1, finding(thread="a"))], at_us=7 * SECOND)
    assert [one.state for one in found(store, "open")] == ["open"]


def test_muted_until_a_visitor_ends_it(store: Path) -> None:
    """Also where it was resolved and opened again meanwhile."""
    key = next(one.key for one in found(store, "open") if one.finding.subject.thread == "a")
    settled(store, "muted", "a test system", key)
    seed_findings.store(store, [], threads=[1], at_us=6 * SECOND)
    seed_findings.store(store, [(1, finding(thread="a"))], at_us=7 * SECOND)
    assert [one.key for one in found(store, "muted")] == [key]
    assert key not in {one.key for one in found(store, "open")}
    shown = settled(store, "unmuted", "", key)
    assert {one.state for one in shown} == {"open"}
    told = [row["change"] for row in query(
        store, "SELECT change FROM finding_changes c JOIN findings f ON f.id = c.finding_id "
        "WHERE f.key = ? ORDER BY c.id", key)]  # fmt: skip
    assert told == ["opened", "muted", "resolved", "opened", "unmuted"]


@pytest.mark.parametrize(
    ("handler", "body", "error"),
    [
        (orders.settle, {"change": "muted", "keys": [], "reason": " "}, ValueError),
        (orders.settle, {"change": "forgotten", "keys": [], "reason": "x"}, KeyError),
        (orders.set_threshold, {"name": "no.such", "value": 1}, ValueError),
        (orders.set_threshold, {"name": "quadratic-channel.amplification", "value": 1}, ValueError),
        (orders.set_threshold, {"name": "quadratic-channel.amplification", "value": float("nan")},
         ValueError),
    ],
)  # fmt: skip
def test_nonsense_is_refused(
    handler: Any, body: dict[str, Any], error: type[Exception], store: Path
) -> None:
    """Before anything is changed."""
    engine = open_writer(str(store))
    with engine.begin() as connection, pytest.raises(error):
        handler(connection, body, SECOND)
    engine.dispose()
    assert query(store, "SELECT * FROM rule_settings") == []
