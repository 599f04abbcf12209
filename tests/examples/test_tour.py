"""The tour: what is found of the chatbot before it is tuned, and that nothing is after."""

from __future__ import annotations

import json

from examples.tour import table, talk
from tests.conftest import StartChild
from tests.examples.test_demo import WAIT_SECONDS


def test_the_tuning_is_seen(start_child: StartChild) -> None:
    """Two rules fire before, on the channel and the thread, and none after; bytes are those that
    the programs count in their savers themselves, where versions have random digits; the leak is in
    the memory of the first process alone."""
    child = start_child("-W", "error", "-m", "examples.tour", "--json")
    printed = child.wait(WAIT_SECONDS), child.log_path.read_text()  # type: ignore[attr-defined]
    assert printed[0] == 0, printed
    found = json.loads(next(line for line in printed[1].splitlines() if line.startswith("{")))

    fired = {(one["rule"], one["channel"]) for one in found["before"]["findings"]}
    assert fired == {("quadratic-channel", "messages"), ("durability-cost", "")}
    assert found["after"]["findings"] == []

    for side in found.values():
        assert side["told"]["turns"] == talk.TURNS
        assert side["stored_bytes"] == side["written_bytes"] == side["told"]["held_bytes"]
    # Each turn stores the conversation so far, at the question and at the answer.
    texts = [len(talk.question(turn)) + len(talk.answer(turn)) for turn in range(talk.TURNS)]
    rewritten = sum(sum(texts[:turn]) * 2 for turn in range(talk.TURNS))
    assert found["before"]["stored_bytes"] > rewritten > 10 * found["after"]["stored_bytes"]
    assert found["after"]["storage_usd"] < found["before"]["storage_usd"]
    grown = {name: side["told"]["rss_bytes"] for name, side in found.items()}
    assert grown["before"] - grown["after"] > 0.5 * 300_000 * talk.TURNS

    shown = "\n".join(table.lines(*(table.Side(**found[name]) for name in ("before", "after"))))
    assert f"{found['before']['stored_bytes'] / talk.TURNS / 1e3:,.1f}" in shown
    assert "before: quadratic-channel (warning): messages stored 60 bytes" in shown


def test_an_unknown_cost_is_told() -> None:
    """It is neither 0 nor left out, and the reason is beside it."""
    told = {"turns": 2, "ms_a_turn": 1.0, "rss_bytes": 0, "held_bytes": 4}
    side = table.Side(told, 4, 4, None, None, "no call was seen", [])
    shown = list(table.lines(side, side))
    assert sum(line.split()[-2:] == ["unknown", "unknown"] for line in shown) == 2
    assert "before: the cost is unknown: no call was seen" in shown
