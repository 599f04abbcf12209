"""The tour: what is found of the chatbot before it is tuned, and that nothing is after."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from examples.tour import table, talk
from examples.tour.__main__ import main
from statemeter import events
from tests.conftest import StartChild
from tests.examples.test_demo import WAIT_SECONDS
from tests.statemeter.spooled import read, segments


def test_the_tuning_is_seen(start_child: StartChild) -> None:
    """What is wrong before is found at the channel, the process and the node, by rules as they are;
    nothing is found after. Bytes are those that the programs count in their savers themselves; the
    leak is in the memory of the first process alone."""
    child = start_child("-W", "error", "-m", "examples.tour", "--json")
    printed = child.wait(WAIT_SECONDS), child.log_path.read_text()  # type: ignore[attr-defined]
    assert printed[0] == 0, printed
    found = json.loads(next(line for line in printed[1].splitlines() if line.startswith("{")))

    fired = {(one["rule"], one["channel"], one["node"]) for one in found["before"]["findings"]}
    assert fired == {
        ("quadratic-channel", "messages", ""),  # full messages in the state
        ("in-memory-leak", "", ""),  # a saver that frees nothing
        ("cache-key-unstable", "", "prompt"),  # the prompt is loaded each turn
        ("cache-unbounded", "", "prompt"),  # and each one is kept: the leak
        ("durability-cost", "", ""),
    }
    assert found["after"]["findings"] == []
    (leak,) = [one for one in found["before"]["findings"] if one["rule"] == "cache-unbounded"]
    told = {one["name"]: one["value"] for one in leak["measured"]}
    assert told["entries that nothing removes"] == talk.TURNS

    for side in found.values():
        assert side["told"]["turns"] == talk.TURNS
        assert side["stored_bytes"] == side["written_bytes"] == side["told"]["held_bytes"]
    # Each turn stores the conversation so far, at the question and at the answer.
    prompts = dict.fromkeys(talk.TOPICS, "x" * 200000)
    texts = [
        len(talk.question(turn)) + len(talk.answer(turn, prompts[talk.topic(turn)]))
        for turn in range(talk.TURNS)
    ]
    rewritten = sum(sum(texts[:turn]) * 2 for turn in range(talk.TURNS))
    assert found["before"]["stored_bytes"] > rewritten > 10 * found["after"]["stored_bytes"]
    assert found["after"]["storage_usd"] < found["before"]["storage_usd"]
    grown = {name: side["told"]["rss_bytes"] for name, side in found.items()}
    least = found["before"]["stored_bytes"] + told["their bytes"]
    assert grown["before"] - grown["after"] > 0.8 * least

    shown = "\n".join(table.lines(*(table.Side(**found[name]) for name in ("before", "after"))))
    assert f"{found['before']['stored_bytes'] / talk.TURNS / 1e3:,.1f}" in shown
    assert "before: quadratic-channel (critical): messages stored 100 bytes" in shown


def test_the_tuned_one_on_a_server(
    start_child: StartChild, isolated: Path, tmp_path: Path, postgres_database: str
) -> None:
    """On PostgreSQL it is an asynchronous saver on a pool, whose tables hold three checkpoints a
    turn and the bytes that it tells; the probe tells both."""
    child = start_child(
        "-W", "error", "-m", "examples.tour.after", "tour-1", str(tmp_path / "tour.sqlite"),
        env={"TOUR_DATABASE": postgres_database},
    )  # fmt: skip
    printed = child.wait(WAIT_SECONDS), child.log_path.read_text()  # type: ignore[attr-defined]
    assert printed[0] == 0, printed
    told = json.loads(printed[1].splitlines()[-1])
    with psycopg.connect(postgres_database) as connection:
        rows = connection.execute(
            "SELECT octet_length(checkpoint::text) FROM checkpoints UNION ALL "
            "SELECT octet_length(blob) FROM checkpoint_blobs UNION ALL "
            "SELECT octet_length(blob) FROM checkpoint_writes"
        ).fetchall()
        (steps,) = connection.execute("SELECT count(*) FROM checkpoints").fetchone() or (0,)
    assert steps == 3 * talk.TURNS
    assert told["held_bytes"] == sum(size or 0 for (size,) in rows)
    (paths,) = segments(isolated / "spool").values()
    written = read(paths)
    savers = {one.class_name for one in written if isinstance(one, events.Saver)}
    assert savers == {"PooledSaver"}
    assert sum(isinstance(one, events.Put) for one in written) == steps
    pools = [one for one in written if isinstance(one, events.Resource) and one.kind == "pool"]
    assert {one.class_name for one in pools} == {"AsyncConnectionPool"}


@pytest.mark.parametrize("url", ["mysql://me:s3cret@host/x", "chat.sqlite"])
def test_a_place_that_is_none(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no URL of PostgreSQL is refused, and not told again: a password may be in it."""
    with pytest.raises(SystemExit):
        main(["--after", url])
    told = capsys.readouterr().err
    assert "begins with postgresql://" in told
    assert url not in told


def test_an_unknown_cost_is_told() -> None:
    """It is neither 0 nor left out, and the reason is beside it."""
    told = {"turns": 2, "ms_a_turn": 1.0, "rss_bytes": 0, "held_bytes": 4}
    side = table.Side(told, 4, 4, None, None, "no call was seen", [])
    shown = list(table.lines(side, side))
    assert sum(line.split()[-2:] == ["unknown", "unknown"] for line in shown) == 2
    assert "before: the cost is unknown: no call was seen" in shown
