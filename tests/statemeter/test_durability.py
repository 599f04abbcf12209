"""How puts keep up with a run, told by what is stored anyway."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph

import statemeter
from statemeter import events
from storage.__main__ import main
from storage.queries_durability import durability, made_us
from storage.store import open_reader
from tests.collector.made import collect
from tests.statemeter.graphs import Notes, thread
from tests.statemeter.spooled import Spooled
from tests.storage.test_report import documented

NODES = ("a", "b", "c", "d")


class Held(InMemorySaver):
    """Its puts wait until the last node runs."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def put(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        assert self.go_on.wait(60)
        return super().put(config, checkpoint, metadata, new_versions)


def graph(saver: Any) -> Any:
    """Four nodes, one after another; the last lets a ``Held`` go on."""

    def node(state: Notes) -> Notes:
        return {"value": len(state.get("found", []))}

    def last(state: Notes) -> Notes:
        if isinstance(saver, Held):
            saver.go_on.set()
        return {"other": 1}

    builder = StateGraph(Notes)
    for name, after in zip(NODES, (START, *NODES), strict=False):
        builder.add_node(name, last if name == NODES[-1] else node)
        builder.add_edge(after, name)
    return statemeter.instrument(builder.compile(checkpointer=saver))


def figures(spool: Spooled, folder: Path) -> dict[str, Any]:
    """The only run's."""
    spool.events()
    collect(spool.folder, folder / "store.sqlite")
    engine = open_reader(str(folder / "store.sqlite"))
    (row,) = durability(engine, 1).to_dict("records")
    engine.dispose()
    return row


def test_a_backlog_of_puts(tmp_path: Path, spool: Spooled) -> None:
    """With ``async``, checkpoints that wait for their put pile up; they keep their order."""
    graph(Held()).invoke({"found": ["x"]}, thread(), durability="async")
    found = figures(spool, tmp_path)
    assert found["puts"] == len(NODES) + 2
    # All but the last, which came after; it may have come before the first was through.
    assert found["most_pending"] in {len(NODES) + 1, len(NODES) + 2}
    assert found["waited_us"] > 0
    assert found["tail_us"] > 0
    assert found["out_of_order"] == 0
    assert found["writes_first"] >= len(NODES) - 1
    assert found["status"] == "done"


def test_the_report(tmp_path: Path, spool: Spooled, capsys: pytest.CaptureFixture[str]) -> None:
    """``python -m storage durability`` prints the same, under the documented names."""
    graph(InMemorySaver()).invoke({"found": ["x"]}, thread())
    found = figures(spool, tmp_path)
    store = str(tmp_path / "store.sqlite")
    assert main(["durability", "--json", "--store", store, "--thread", "thread"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert set(row) == documented("durability")
    assert {name: row[name] for name in found if name in row} == {
        name: value for name, value in found.items() if name != "process_id"
    }
    assert main(["deltas", "--json", "--store", store]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_each_step_waits_for_its_put(tmp_path: Path, spool: Spooled) -> None:
    """With ``sync`` only the input's checkpoint may still be on its way."""
    graph(InMemorySaver()).invoke({"found": ["x"]}, thread(), durability="sync")
    found = figures(spool, tmp_path)
    assert (found["puts"], found["out_of_order"]) == (len(NODES) + 2, 0)
    assert found["most_pending"] <= 2


def test_one_put_at_the_end(tmp_path: Path, spool: Spooled) -> None:
    """With ``exit`` there is one put, after the last node."""
    graph(InMemorySaver()).invoke({"found": ["x"]}, thread(), durability="exit")
    found = figures(spool, tmp_path)
    assert (found["puts"], found["most_pending"]) == (1, 1)
    assert found["tail_us"] > 0


def test_when_a_checkpoint_was_made(spool: Spooled) -> None:
    """Its id tells, as LangGraph's own clock does."""
    saver = InMemorySaver()
    graph(saver).invoke({"found": ["x"]}, thread())
    for put in spool.of(events.Put):
        at = made_us(put.checkpoint)
        assert at is not None
        assert put.at_us - 60_000_000 < at <= put.at_us + 1000


@pytest.mark.parametrize("checkpoint", ["", "1", "x" * 36, "1f1e4e7c-0000-4000-8000-00000000000"])
def test_other_ids_do_not_tell(checkpoint: str) -> None:
    """A saver's user may choose the ids."""
    assert made_us(checkpoint) is None
    assert made_us(f"{'x' * 14}6{'x' * 21}") is None
