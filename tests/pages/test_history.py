"""The History page: one thread's checkpoints, step by step."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from pages.ui import charts_tree, formats
from pages.ui.history_choice import calls_from, choose
from storage.queries_history import history
from storage.store import open_reader
from tests.pages.conftest import Visit, charts, texts
from tests.sqlite_files import opened
from tests.storage import seed
from tests.storage.seed_history import THREAD, forked

HOSTILE = "<script>alert(1)</script> **bold** `code`"


@pytest.fixture
def made(store: Path) -> Path:
    forked(time.time_ns() // 1000).write(store, heartbeat_s=-3600)
    return store


def change(store: Path, sql: str, *values: object) -> None:
    with opened(store) as connection:
        connection.execute(sql, values)


def points(figure: Any, name: str) -> list[str]:
    """Checkpoints of one trace of the tree."""
    return [one for trace in figure.data if trace.name == name for one in trace.ids]


def test_nothing_chosen_offers_the_threads_used_last(visit: Visit, filled: seed.Seed) -> None:
    """Without a thread in the address: those used last, newest first."""
    shown = visit("history")
    assert "Threads used last" in texts(shown)
    newest = sorted(filled.threads, key=lambda row: (-row["last_seen_us"], row["id"]))
    assert list(shown.dataframe[0].value["thread"]) == [row["thread_id"] for row in newest[:12]]


def test_the_newest_step_is_shown_first(visit: Visit, made: Path) -> None:
    """Its tree holds every checkpoint, by source, and rings those that stand out."""
    shown = visit("history", thread=THREAD)
    tree = charts(shown)["Tree of checkpoints"]
    assert points(tree, "this step") == [f"{THREAD}-000011"]
    assert points(tree, "compared with") == [f"{THREAD}-000010"]
    assert points(tree, "update") == [f"{THREAD}-fork-0"]
    assert points(tree, "fork") == [f"{THREAD}-fork-0"]
    assert points(tree, "interrupt") == [f"{THREAD}-fork-0"]
    everything = {one for trace in tree.data for one in (trace.ids or [])}
    assert len(everything) == 16
    assert "**Step 9 → 10**" in texts(shown)
    assert "16; click one to see it" in texts(shown)


def test_an_address_names_a_step_and_what_it_is_compared_with(visit: Visit, made: Path) -> None:
    """Over the fork: sizes before and after, and nodes since the common ancestor."""
    shown = visit("history", thread=THREAD, step=f"{THREAD}-fork-1", **{"with": f"{THREAD}-000008"})
    assert "**Step 7 → 6**" in texts(shown)
    changes = next(frame.value for frame in shown.dataframe if "kind" in frame.value)
    rows = changes.set_index("channel")
    assert rows.loc["verdict", "after"] == 40
    assert rows.loc["messages", "before"] == 8_000
    assert rows.loc["messages", "change"] == 500 - 8_000
    assert list(rows.loc["verdict", "by"]) == ["(update)", "approve"]
    assert list(rows.loc["docs", "kind"]) == ["removed"]
    assert "over a fork" in texts(shown)
    assert "Compared with step 7" in texts(shown)


def test_arrows_and_slider_walk_the_path(visit: Visit, made: Path) -> None:
    """Left goes to the parent, right back again; at the ends there is nowhere to go. The slider has
    every step of the path, which goes on through the branch that was chosen."""
    shown = visit("history", thread=THREAD)
    assert shown.button(key="history-right").disabled
    shown.button(key="history-left").click().run()
    assert shown.session_state["step"] == f"{THREAD}-000010"
    shown.button(key="history-right").click().run()
    assert shown.session_state["step"] == f"{THREAD}-000011"
    slider = shown.select_slider(key="history-slider")
    assert list(slider.options) == [str(step) for step in range(-1, 11)]
    slider.set_value(0).run()
    assert shown.session_state["step"] == f"{THREAD}-000000"
    assert shown.button(key="history-left").disabled
    shown = visit("history", thread=THREAD, step=f"{THREAD}-fork-0")
    slider = shown.select_slider(key="history-slider")
    assert list(slider.options) == ["-1", "0", "1", "2", "3", "4", "5", "6"]


def test_a_branch_is_chosen_by_its_end(visit: Visit, made: Path) -> None:
    """Each end of the namespace is offered; choosing it looks at it."""
    shown = visit("history", thread=THREAD)
    branch = shown.selectbox(key="history-branch")
    assert [name.partition(",")[0] for name in branch.options] == ["to step 10", "to step 6"]
    branch.select_index(1).run()
    assert shown.session_state["step"] == f"{THREAD}-fork-1"


def test_an_end_that_is_none_any_longer_changes_nothing(visit: Visit, made: Path) -> None:
    """A browser that is behind a growing thread tells the label of an end that has gone on."""
    shown = visit("history", thread=THREAD)
    branch = shown.selectbox(key="history-branch")
    branch.options.append("to step 9, 04:53:41")
    branch.set_value("to step 9, 04:53:41").run()
    assert not shown.exception
    assert "**Step 9 → 10**" in texts(shown)


def test_subgraphs_are_entered_and_left(visit: Visit, made: Path) -> None:
    """From the step that called it into its first checkpoint, along its own path, and up again."""
    shown = visit("history", thread=THREAD, step=f"{THREAD}-fork-0")
    (into,) = [one for one in shown.button if "Into" in one.label]
    into.click().run()
    assert shown.session_state["step"] == f"{THREAD}-inner-0"
    assert list(shown.select_slider(key="history-slider").options) == ["-1", "0"]
    shown.button(key="history-up").click().run()
    assert shown.session_state["step"] == f"{THREAD}-fork-0"


def test_a_step_is_pinned_and_let_go(visit: Visit, made: Path) -> None:
    """A pinned step stays what others are compared with, until the parent is wanted again."""
    shown = visit("history", thread=THREAD, step=f"{THREAD}-000003")
    shown.button(key="history-pin").click().run()
    shown.button(key="history-right").click().run()
    shown.button(key="history-right").click().run()
    assert "**Step 2 → 4**" in texts(shown)
    shown.button(key="history-unpin").click().run()
    assert "**Step 3 → 4**" in texts(shown)


def test_new_steps_do_not_move_the_chosen_one(visit: Visit, made: Path) -> None:
    """A chosen step stays when the thread goes on; without a choice the newest is followed."""
    chosen = visit("history", thread=THREAD, step=f"{THREAD}-000010")
    following = visit("history", thread=THREAD)
    change(
        made,
        "INSERT INTO operations SELECT NULL, process_id, 99, thread_key, at_us + 9000000, "
        "operation, duration_us, serde_us, serializer, graph, run, ns, 'order-7-new', "
        "'order-7-000011', 11, source, task, node, error, payload_bytes, live_bytes, "
        "metadata_bytes, bookkeeping_bytes, stored_delta_bytes, rows, channels, changed, lists, "
        "detail FROM operations WHERE checkpoint = 'order-7-000011' AND operation = 'put'",
    )
    change(made, "UPDATE threads SET steps = steps + 1, operations = operations + 1")
    time.sleep(1)  # a query serves all visitors for 0.9 s
    chosen.run()
    following.run()
    assert "**Step 8 → 9**" in texts(chosen)
    assert len(chosen.select_slider(key="history-slider").options) == 13
    assert "**Step 10 → 11**" in texts(following)


def test_one_channel_over_the_path(visit: Visit, made: Path) -> None:
    """Its bytes at every step of the path, and how often it was written."""
    shown = visit("history", thread=THREAD, view="Channel", channel="messages")
    figure = charts(shown)["Bytes of the channel over steps"]
    line = next(trace for trace in figure.data if trace.name == "bytes")
    assert list(line.x) == list(range(-1, 11))
    assert list(line.y * 1000)[1:] == pytest.approx([1000.0 * n for n in range(1, 12)])
    assert "written by 12 of 12 steps" in texts(shown)


def test_pending_writes_of_a_step(visit: Visit, made: Path) -> None:
    """Task, node, channel, bytes and what kind of write it is."""
    shown = visit("history", thread=THREAD, view="Writes", step=f"{THREAD}-fork-0")
    table = next(frame.value for frame in shown.dataframe if "task" in frame.value)
    assert table[["node", "channel", "bytes", "kind", "index"]].values.tolist() == [
        ["approve", "verdict", 40, "", 0],
        ["approve", "__interrupt__", 90, "interrupt", -3],
    ]


@pytest.mark.parametrize("view", ["Changes", "State", "Messages", "Channel", "Writes", "Metadata",
                                  "Raw"])  # fmt: skip
@pytest.mark.parametrize("step", ["", f"{THREAD}-000000", f"{THREAD}-fork-0", f"{THREAD}-inner-1"])
def test_every_view_of_every_kind_of_step(visit: Visit, made: Path, view: str, step: str) -> None:
    """A view draws the newest, a first, a forked and a subgraph's step, with no value known."""
    shown = visit("history", thread=THREAD, view=view, step=step)
    assert "This part of the page failed" not in texts(shown)
    assert "**Step" in texts(shown)


def test_an_unknown_step_says_so(visit: Visit, made: Path) -> None:
    """An address with a checkpoint that is not there: said, and the newest is shown."""
    shown = visit("history", thread=THREAD, step="gone")
    assert "gone" in [code.value for code in shown.code]
    assert any("not in this history" in warning.value for warning in shown.warning)
    assert "**Step 9 → 10**" in texts(shown)


def test_an_unknown_thread(visit: Visit, made: Path) -> None:
    """As on the Threads page: there is none, and the way back to the list."""
    shown = visit("history", thread="nobody")
    assert "There is no such thread" in texts(shown)
    assert "All threads" in [button.label for button in shown.button]


def test_an_id_of_two_storages_asks_which(visit: Visit, filled: seed.Seed) -> None:
    """Both are offered with their storage."""
    shown = visit("history", thread="support-1")
    assert "Several storages have a thread with this id" in texts(shown)
    assert set(shown.dataframe[0].value["storage"]) == {"chat.sqlite", "other.sqlite"}


def test_a_thread_with_one_step(visit: Visit, store: Path) -> None:
    """There is nothing before it, and nowhere to go."""
    one = seed.Seed(time.time_ns() // 1000)
    one.thread("single", steps=1)
    one.write(store, heartbeat_s=-3600)
    shown = visit("history", thread="single")
    assert "**Step -1**" in texts(shown)
    assert "of a first step: there is nothing before it" in texts(shown)
    assert "is the only one here" in texts(shown)


def test_a_deleted_thread(visit: Visit, made: Path) -> None:
    """What is kept of it is shown, hollow, and that the backend holds nothing."""
    change(
        made,
        "INSERT INTO operations SELECT NULL, process_id, 100, thread_key, at_us + 99000000, "
        "'delete_thread', duration_us, serde_us, serializer, graph, run, '', '', '', NULL, '', "
        "'', '', '', 0, NULL, NULL, NULL, 0, NULL, '{}', '0', '{}', '{}' FROM operations "
        "WHERE checkpoint = 'order-7-000011' AND operation = 'put'",
    )
    change(made, "UPDATE threads SET deleted_us = last_seen_us, live_bytes = 0, stored_bytes = 0")
    shown = visit("history", thread=THREAD)
    assert any("The thread was deleted" in info.value for info in shown.info)
    assert "no longer held" in texts(shown)
    tree = charts(shown)["Tree of checkpoints"]
    symbols = {one for trace in tree.data if trace.name == "loop" for one in trace.marker.symbol}
    assert symbols == {"circle-open", "square-open"}


def test_a_thread_whose_operations_are_gone(visit: Visit, made: Path) -> None:
    """Past their retention: said in words."""
    change(made, "DELETE FROM operations")
    shown = visit("history", thread=THREAD)
    assert any("No checkpoint of this thread" in info.value for info in shown.info)


def test_very_many_steps(visit: Visit, store: Path) -> None:
    """Of thousands the tree shows those around the chosen one, beside an overview of all; what is
    older than what is read is said."""
    many = seed.Seed(time.time_ns() // 1000)
    many.thread("long", steps=5_200, every_s=0.1)
    many.write(store, heartbeat_s=-3600)
    shown = visit("history", thread="long", step="long-002500")
    tree = charts(shown)["Tree of checkpoints"]
    drawn = points(tree, "loop")
    assert len(drawn) == charts_tree.SHOWN
    assert "long-002500" in drawn
    overview = charts(shown)["All checkpoints by their bytes"]
    assert max(len(trace.x) for trace in overview.data) <= 600
    assert "120 of 5,000" in texts(shown)
    assert "200 older ones are left out" in texts(shown)


def test_a_silent_collector_is_told(visit: Visit, store: Path) -> None:
    """The page stays, with the way to start it."""
    forked(time.time_ns() // 1000).write(store, heartbeat_s=600)
    shown = visit("history", thread=THREAD)
    assert "The collector is not running" in texts(shown)
    assert "**Step 9 → 10**" in texts(shown)


def test_an_empty_store(visit: Visit) -> None:
    """Nothing measured yet: the demo, or the line to paste."""
    assert "Nothing has been measured yet" in texts(visit("history", thread=THREAD))


def test_a_broken_store(visit: Visit, store: Path) -> None:
    """A file that is no store: what, where, the fix."""
    store.write_text("something else\n" * 100)
    assert "The file is not a store of Statemeter" in texts(visit("history", thread=THREAD))


def test_hostile_names_stay_text(visit: Visit, made: Path) -> None:
    """Names of nodes, sources, namespaces and channels are never read as markdown or HTML."""
    change(made, "UPDATE operations SET node = ?, source = ? WHERE operation <> 'put'", HOSTILE, "")
    change(
        made,
        "UPDATE operations SET channels = json_object(?, 5), source = ?, ns = ? || ':1' "
        "WHERE checkpoint LIKE '%inner%'",
        HOSTILE, HOSTILE, HOSTILE,
    )  # fmt: skip
    for step in ("", f"{THREAD}-fork-0", f"{THREAD}-fork-1", f"{THREAD}-inner-1"):
        for view in ("Changes", "Channel", "Writes", "Metadata"):
            shown = visit("history", thread=THREAD, step=step, view=view)
            for element in [*shown.markdown, *shown.caption]:
                assert "<script>" not in element.value.replace("\\<", "")
                assert "**bold**" not in element.value
            for figure in charts(shown).values():
                told = json.dumps(figure.to_plotly_json(), default=str)
                assert "<script>" not in told


def test_the_window_stands_still() -> None:
    """It holds the chosen row, moves in strides, and never leaves the table."""
    begins = {charts_tree.window(1_000, chosen)[0] for chosen in range(1_000)}
    assert len(begins) < 40
    for chosen in range(1_000):
        begin, end = charts_tree.window(1_000, chosen)
        assert 0 <= begin <= chosen < end <= 1_000
        assert end - begin == charts_tree.SHOWN
    assert charts_tree.window(7, 3) == (0, 7)


def test_what_an_address_means(made: Path) -> None:
    """Unknown ids are told; one of another namespace is no comparison; a first step has none."""
    engine = open_reader(str(made))
    found = history(engine, 1)
    at = found.at
    newest = choose(found, "", "")
    assert newest.following
    assert (newest.chosen, newest.lost) == (at(f"{THREAD}-000011"), "")
    assert choose(found, "", "gone").lost == "gone"
    assert choose(found, f"{THREAD}-000000", "").compared is None
    other = choose(found, f"{THREAD}-000004", f"{THREAD}-inner-1")
    assert (other.compared, other.pinned) == (at(f"{THREAD}-000003"), False)
    assert calls_from(found, at(f"{THREAD}-fork-0")) == [at(f"{THREAD}-inner-0")]
    assert calls_from(found, at(f"{THREAD}-000004")) == []
    engine.dispose()


def test_sizes_are_written_with_their_unit(visit: Visit, made: Path) -> None:
    """The title's gain is the sum over channels."""
    shown = visit("history", thread=THREAD, step=f"{THREAD}-000004")
    assert f"+{formats.size(1_000)}" in texts(shown).replace("\\", "")
