"""Predictions against sums made by hand, and threads of which little or nothing can be said."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from storage import design_sums
from storage.design_advice import DELTA_SINCE
from storage.design_changes import reference, returns_all
from storage.design_reading import recorded
from storage.design_thread import Put, Recorded, Write
from storage.designs import Predicted, Prediction, Settings, changed, predict
from storage.store import open_reader
from tests.collector.designs.told import ELEMENT, FRAME, Conversation, conversation, listed
from tests.collector.made import Made, checkpoint_id, collect, query

TURNS = 350
"""More than 1,000 checkpoints."""


def said(store: Path, thread: str = "chat", settings: Settings | None = None) -> Predicted:
    """What is said of a thread of a store."""
    engine = open_reader(str(store))
    try:
        key = query(store, "SELECT id FROM threads WHERE thread_id = ?", thread)[0]["id"]
        found = recorded(engine, key)
        assert found is not None
        return predict(found, settings)
    finally:
        engine.dispose()


def by_id(found: Predicted) -> dict[str, Prediction]:
    """Design id → prediction."""
    return {one.design.id: one for one in found.others}


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Predicted:
    """A thread of 1,050 checkpoints."""
    return said(conversation(tmp_path_factory.mktemp("long"), TURNS))


def documents(lengths: list[int]) -> int:
    """Bytes of all documents, by the messages of each; every third has an input, every third the
    trigger of the node that answers."""
    size = len(lengths) * FRAME + TURNS * (ELEMENT + 20 + 1)
    return size + sum(listed(count) for count in lengths if count)


LENGTHS = [count for turn in range(TURNS) for count in (2 * turn, 2 * turn + 1, 2 * turn + 2)]
WRITES = 2 * TURNS * (ELEMENT + 1)


def test_today_is_what_the_store_says(long: Predicted) -> None:
    """To the byte, and as added up by hand."""
    assert long.today is not None
    assert long.notes == []
    whole = documents(LENGTHS) + WRITES
    assert (long.today.stored_bytes, long.today.written_bytes) == (whole, whole)
    assert long.thread.store_bytes == (whole, whole)
    assert long.today.checkpoints == 3 * TURNS
    assert long.today.curve[-1] == (3 * TURNS - 1, whole)
    assert len(long.today.curve) == 3 * TURNS
    assert [size for _, size in long.today.curve] == sorted(size for _, size in long.today.curve)


def test_a_trimmed_list_by_hand(long: Predicted) -> None:
    """Its newest elements alone are in every document; nodes write what they did."""
    one = by_id(long)["trim-messages-20"]
    assert one.stored_bytes == documents([min(count, 20) for count in LENGTHS]) + WRITES
    assert one.live_bytes == FRAME + listed(20)


def test_a_delta_channel_by_hand(long: Predicted) -> None:
    """A snapshot at every 50th update, the channel in no other document; the walk back to it."""
    one = by_id(long)["delta-messages-50"]
    name = len("messages") + 1
    values = sum(listed(count) for count in LENGTHS if count)
    snapshots = sum(listed(count) for count in range(50, 2 * TURNS + 1, 50))
    without = sum(1 for count in LENGTHS if count) - len(range(50, 2 * TURNS + 1, 50))
    assert long.today is not None
    today = long.today.stored_bytes or 0
    assert one.stored_bytes == today - values + snapshots - without * name
    assert one.ancestors == 0  # 700 updates: the newest checkpoint is a snapshot
    # 50 updates are 25 turns of three checkpoints; the one before the 50th walks to the last
    # snapshot, over 74 of them.
    assert one.most_ancestors == 74
    assert one.most_read_bytes is not None
    assert one.most_read_bytes > 50 * ELEMENT


def test_exit_by_hand(long: Predicted) -> None:
    """One document a run, no pending writes."""
    ends = range(2, 2 * TURNS + 1, 2)
    size = TURNS * FRAME + sum(listed(count) for count in ends)
    found = by_id(long)["exit"]
    assert (found.stored_bytes, found.written_bytes, found.checkpoints) == (size, size, TURNS)


def test_a_thread_that_was_found_has_the_same_bytes(tmp_path: Path) -> None:
    """In a database, no run and no time is told: a run begins with its input, times are unknown."""
    store = conversation(tmp_path, 12)
    seen = said(store)
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE operations SET run = 0, duration_us = -1, serde_us = -1")
    found = said(store)
    assert [one.stored_bytes for one in found.others] == [one.stored_bytes for one in seen.others]
    assert "exit" in by_id(found)
    for one, other in zip(found.others, seen.others, strict=True):
        assert one.step_us is None
        assert other.why_not or other.step_us


def test_pruning_by_hand(long: Predicted) -> None:
    """Ten documents and their writes; as much is written as today, and never more is held."""
    one = by_id(long)["prune-10"]
    assert long.today is not None
    newest = LENGTHS[-10:]
    size = 10 * FRAME + sum(listed(count) for count in newest)
    # The newest ten: the end of a turn, and three turns with input, trigger and two writes.
    size += 3 * (ELEMENT + 20 + 1) + 6 * (ELEMENT + 1)
    assert one.stored_bytes == size
    assert one.written_bytes == long.today.written_bytes
    assert max(held for _, held in one.curve) < 1.2 * size


def test_two_at_once_are_the_one_after_the_other(long: Predicted) -> None:
    """Trimmed, and with exit: the ends of runs, each with its newest elements."""
    ends = [min(count, 20) for count in range(2, 2 * TURNS + 1, 2)]
    found = by_id(long)["trim-messages-20+exit"]
    assert found.stored_bytes == TURNS * FRAME + sum(listed(count) for count in ends)


def test_those_that_save_most_come_first(long: Predicted) -> None:
    """And those that cannot be had last."""
    saved = [one.saved_bytes for one in long.others if not one.why_not]
    assert saved == sorted(saved, key=lambda size: -(size or 0))
    assert len(saved) >= 10


def test_the_code_is_python(long: Predicted) -> None:
    """All that is shown to be pasted."""
    for one in long.others:
        compile(one.code, one.design.id, "exec")
        assert one.code or one.why_not


def test_parameters_are_the_visitors(tmp_path: Path) -> None:
    """Other frequencies, lengths and numbers; what is as long as the list says nothing."""
    settings = Settings(frequencies=(3,), lengths=(4, 9_999), kept=(2,), summary=(6, 100, 2))
    found = said(conversation(tmp_path, 5), settings=settings)
    assert {one.design.id for one in found.others} == {
        "delta-messages-3", "trim-messages-4", "summarize-messages-6", "exit", "prune-2",
        "trim-messages-4+exit",
    }  # fmt: skip


def test_a_fork_goes_on_from_its_parent(tmp_path: Path) -> None:
    """The list of a branch is that of the checkpoint it came from, not of what was put before."""
    made = Made(tmp_path / "spool")
    told = Conversation(made, "chat")
    for _ in range(6):
        told.turn()
    told.messages, told.run = 3, 99  # back after the second message, and a third
    told.put("fork", {}, ["messages"], parent=3)
    made.write()
    collect(tmp_path / "spool", tmp_path / "store.sqlite")
    found = said(tmp_path / "store.sqlite", settings=Settings(lengths=(2,)))
    assert found.today is not None
    assert found.today.live_bytes == FRAME + listed(3)
    assert by_id(found)["trim-messages-2"].live_bytes == FRAME + listed(2)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("deleted", "was deleted"),
        ("encrypted", "no bytes by channel"),
        ("read", "No checkpoint"),
    ],
)
def test_what_cannot_be_said_is_said(tmp_path: Path, what: str, words: str) -> None:
    """No number where there is none."""
    made = Made(tmp_path / "spool")
    if what == "read":
        made.read("chat", found=0)
    elif what == "encrypted":
        made.line(
            "put", 1000, made.saver, "chat", 1, "chat", "", checkpoint_id(1), "", 100,
            "msgpack+aes", "", 0, "loop", 900, 0, 20, -1, 1, {}, ["messages"], {}, "encrypted",
        )  # fmt: skip
    else:
        made.put("chat", 1, 500)
        made.removal("delete_thread", "chat")
    made.write()
    collect(tmp_path / "spool", tmp_path / "store.sqlite")
    found = said(tmp_path / "store.sqlite")
    assert found.today is None
    assert found.others == []
    assert words in found.thread.problem


def test_one_checkpoint_has_nothing_to_design(tmp_path: Path) -> None:
    """Its size is told, and that there is nothing else."""
    made = Made(tmp_path / "spool")
    made.put("chat", 1, 500, channels={"topic": 300}, changed=["topic"])
    made.write()
    collect(tmp_path / "spool", tmp_path / "store.sqlite")
    found = said(tmp_path / "store.sqlite")
    assert found.today is not None
    assert found.today.stored_bytes == 500
    assert found.others == []
    assert any("nothing to design" in note for note in found.notes)


def test_a_thread_seen_from_the_middle_says_so(tmp_path: Path) -> None:
    """What was written before is in no number."""
    made = Made(tmp_path / "spool")
    made.put("chat", 5, 500, parent=4, channels={"topic": 300}, changed=["topic"])
    made.put("chat", 6, 500, parent=5, channels={"topic": 300}, changed=["topic"])
    made.write()
    collect(tmp_path / "spool", tmp_path / "store.sqlite")
    found = said(tmp_path / "store.sqlite")
    assert found.today is not None
    assert found.today.stored_bytes == 1000
    assert any("from the middle" in note for note in found.notes)


def test_nothing_of_a_thread_that_is_not_there(tmp_path: Path) -> None:
    """No row, no thread."""
    engine = open_reader(str(conversation(tmp_path, 1)))
    assert recorded(engine, 4711) is None
    engine.dispose()


def thread(*puts: Put, writes: tuple[Write, ...] = (), **more: str) -> Recorded:
    """A thread made by hand."""
    told = {"backend": "sqlite", "layout": "whole", "langgraph": "1.2.24"} | more
    return Recorded("chat", class_name="Saver", puts=puts, writes=writes, **told)  # type: ignore[arg-type]


def put(number: int, size: int, count: int = 0, *, written: bool = True) -> Put:
    """A checkpoint with a list, or a text."""
    parent = checkpoint_id(number - 1) if number > 1 else ""
    elements = {"many": count} if count else {}
    return Put(
        "", checkpoint_id(number), parent, "loop", number, 100, {"many": size},
        frozenset({"many"} if written else ()), elements, place=number - 1,
    )  # fmt: skip


def test_an_old_langgraph_has_no_delta_channel() -> None:
    """The version is that of the application."""
    told = thread(put(1, 500, 2), put(2, 900, 4), langgraph="1.1.9")
    assert DELTA_SINCE == (1, 2)
    found = {one.design.id: one for one in predict(told).others}
    assert "1.1.9" in found["delta-many-10"].why_not
    unknown = thread(put(1, 500, 2), put(2, 900, 4), langgraph="")
    notes = {one.design.id: one for one in predict(unknown).others}["delta-many-10"].gives_up
    assert any("unknown" in text for text in notes)


def test_nodes_that_return_all_have_to_change() -> None:
    """A list without a reducer is written whole; as a DeltaChannel its growth is written."""
    puts = [put(number, 1 + 100 * number, number) for number in range(1, 9)]
    writes = tuple(
        Write("", one.parent, "node", one.run, (("many", one.values["many"]),), one.values["many"])
        for one in puts[1:]
    )
    told = thread(*puts, writes=writes)
    assert returns_all(told, "many")
    found = {one.design.id: one for one in predict(told).others}["delta-many-10"]
    assert any("return what they add" in text for text in found.gives_up)
    then = changed(told, found.design)
    assert then is not None
    assert sum(write.bytes for write in then.writes if write.node) == 700


def test_a_value_that_is_not_written_again_is_one_item() -> None:
    """By reference, a document that no step changes is in the store once, whatever the steps."""
    told = thread(put(1, 9_000), *(put(number, 9_000, written=False) for number in range(2, 12)))
    then = reference(told, "many")
    assert then.elsewhere_bytes == 9_000
    before, after = design_sums.sums(told), design_sums.sums(then)
    assert before.stored_bytes - after.stored_bytes == 11 * (9_000 - 45)


def test_an_unknown_saver_is_not_pruned() -> None:
    """Whoever's tables nobody knows."""
    told = thread(*(put(number, 100 * number, number) for number in range(1, 30)), backend="other")
    found = {one.design.id: one for one in predict(told).others}
    assert "deletes" in found["prune-10"].why_not
