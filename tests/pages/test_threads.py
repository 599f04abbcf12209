"""The list of threads, and one thread."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from langgraph.checkpoint.base.id import uuid6

from pages.ui import formats
from tests.pages.conftest import Visit, charts, components, metrics, texts
from tests.sqlite_files import opened
from tests.storage import seed

HOSTILE = "<script>alert(1)</script> **bold** ![x](https://example.com/x.png) `code`"


def change(store: Path, sql: str, *values: object) -> None:
    with opened(store) as connection:
        connection.execute(sql, values)


def test_the_list_has_all_threads(visit: Visit, filled: seed.Seed) -> None:
    """Every thread is listed with its sizes, the largest first."""
    shown = visit("threads")
    table = shown.dataframe[0].value
    expected = sorted(filled.threads, key=lambda row: -row["stored_bytes"])
    assert list(table["thread"]) == [row["thread_id"] for row in expected]
    assert list(table["written"]) == [row["written_bytes"] for row in expected]
    assert f"{len(expected)} of {len(expected)};" in texts(shown)


def test_search_and_order(visit: Visit, filled: seed.Seed) -> None:
    """A search narrows the list, an order sorts it; both by the widgets."""
    shown = visit("threads")
    shown.text_input(key="q").set_value("short_").run()
    shown.selectbox(key="sort").set_value("most steps").run()
    steps = list(shown.dataframe[0].value["steps"])
    assert len(steps) == 12
    assert steps == sorted(steps, reverse=True)
    shown.text_input(key="q").set_value("nobody").run()
    assert not shown.dataframe
    assert "No thread matches the search" in texts(shown)
    assert "nobody" in [code.value for code in shown.code]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ({"q": " 'support-2', "}, {"support-2"}),
        ({"q": "support", "match": "the whole id"}, set()),
        ({"q": "upport", "match": "its beginning"}, set()),
        ({"q": "http://box/threads?thread=support-1&saver=cccccccccccc"}, {"support-1"}),
        ({"q": '{"configurable": {"thread_id": "support-3"}}'}, {"support-3"}),
        ({"storage": "other.sqlite"}, {"support-1"}),
        ({"errors": "true"}, {"support-1"}),
        ({"graph": "no such graph"}, set()),
        ({"origin": "an attached database"}, set()),
        ({"deleted": "only deleted"}, set()),
        ({"unused": "30d"}, set()),
        ({"within": "10 min", "stored_min": "1 TB"}, set()),
    ],
)
def test_filters_in_the_address(
    visit: Visit, filled: seed.Seed, address: dict[str, str], expected: set[str]
) -> None:
    """Each filter works by its name in the address; how many of all match is said."""
    shown = visit("threads", **address)
    tables = [one.value for one in shown.dataframe]
    assert {name for table in tables for name in table["thread"]} == expected
    assert f"of {len(filled.threads)};" in texts(shown)
    assert shown.button(key="clear")


def test_sizes_and_bytes_gained(visit: Visit, filled: seed.Seed) -> None:
    """A range of sizes lists what is in it; by bytes gained, who gained most is first."""
    shown = visit("threads", stored_min="20 KB", stored_max="0.3MB", window="1h")
    inside = [row for row in filled.threads if 20_000 <= row["stored_bytes"] <= 300_000]
    assert list(shown.dataframe[0].value["stored"]) == sorted(
        (row["stored_bytes"] for row in inside), reverse=True
    )
    assert f"{len(inside)} of {len(filled.threads)};" in texts(shown)
    shown = visit("threads", sort="most gained", window="1h")
    # All of them are younger than the window.
    assert list(shown.dataframe[0].value["gained"]) == sorted(
        (row["stored_bytes"] for row in filled.threads), reverse=True
    )


def test_an_amount_that_is_none(visit: Visit, filled: seed.Seed) -> None:
    """What is wrong and how to write it is said, as text; the list is there all the same."""
    shown = visit("threads", stored_min="<b>lots</b>")
    assert "is not a size" in shown.error[0].value
    assert "<b>" not in shown.error[0].value
    assert len(shown.dataframe[0].value) == len(filled.threads)


def test_clear_takes_all_filters_off(visit: Visit, filled: seed.Seed) -> None:
    """One click, and all threads are there; where nothing is set there is no such button."""
    shown = visit("threads", q="support", live_min="1", errors="true", match="its beginning")
    assert len(shown.dataframe[0].value) == 1
    shown.button(key="clear").click().run()
    assert len(shown.dataframe[0].value) == len(filled.threads)
    assert not [one for one in shown.button if one.key == "clear"]


def test_a_run_or_a_checkpoint_finds_its_thread(
    visit: Visit, filled: seed.Seed, store: Path
) -> None:
    """Where no thread has such an id, the thread of such a run or checkpoint is listed."""
    run, checkpoint = "0b8b3f52-9a0e-4d0e-9d1e-3c1a4f6b7c8d", str(uuid6(clock_seq=-2))
    now = time.time_ns() // 1000
    change(store, "UPDATE runs SET run_id = ? WHERE thread_key = 3", run)
    newest = "SELECT max(id) FROM operations WHERE thread_key = 2 AND operation = 'put'"
    sql = f"UPDATE operations SET checkpoint = ?, at_us = ? WHERE id = ({newest})"
    change(store, sql, checkpoint, now)
    change(store, "UPDATE threads SET last_seen_us = ? WHERE id = 2", now)
    for words, thread, by in ((run, "support-3", "run"), (checkpoint, "support-2", "checkpoint")):
        shown = visit("threads", q=f"  {words}\n")
        assert list(shown.dataframe[0].value["thread"]) == [thread]
        assert f"it is the id of a {by} of" in texts(shown)
    nothing = visit("threads", q="0b8b3f52-0000-4d0e-9d1e-3c1a4f6b7c8d")
    assert "an older one may not be found" in texts(nothing)


def test_only_with_errors(visit: Visit, filled: seed.Seed) -> None:
    """The switch leaves the threads with failed calls."""
    shown = visit("threads")
    shown.toggle(key="errors").set_value(True).run()
    assert list(shown.dataframe[0].value["errors"]) == [2]


def test_pages_of_a_long_list(visit: Visit, store: Path) -> None:
    """A long list comes in pages; each row is on one of them."""
    made = seed.Seed(time.time_ns() // 1000)
    for number in range(60):
        made.thread(f"t{number:02d}", steps=2, growth=100 + number)
    made.write(store)
    shown = visit("threads")
    seen = list(shown.dataframe[0].value["thread"])
    assert len(seen) == 25
    for page in (2, 3):
        shown.session_state["page"] = page
        shown.run()
        seen += list(shown.dataframe[0].value["thread"])
    assert sorted(seen) == [f"t{number:02d}" for number in range(60)]


def test_a_thread_by_its_address(visit: Visit, filled: seed.Seed) -> None:
    """Its cards, its chart and its steps are those of the store."""
    shown = visit("threads", thread="support-2")
    thread = filled.threads[1]
    cards = metrics(shown)
    assert cards["Live bytes"] == formats.size(thread["live_bytes"])
    assert cards["Stored bytes"] == formats.size(thread["stored_bytes"])
    assert cards["Written / live"] == formats.factor(thread["written_bytes"] / thread["live_bytes"])
    figure = charts(shown)["Live bytes by channel over steps"]
    messages = next(trace for trace in figure.data if trace.name == "messages")
    puts = [
        row for row in filled.operations
        if row["thread_key"] == 2 and row["operation"] == "put" and row["ns"] == ""
    ]  # fmt: skip
    assert list(messages.x) == [row["step"] for row in puts]
    assert np.asarray(messages.y)[-1] == pytest.approx(19.0)
    steps = next(frame.value for frame in shown.dataframe if "pending" in frame.value)
    assert list(steps["checkpoint"]) == [row["live_bytes"] for row in puts]
    assert [list(names) for names in steps["nodes"]][-1] == ["model"]


def test_a_step_leads_to_its_history(visit: Visit, filled: seed.Seed) -> None:
    """The chosen step, and each point of the chart by its checkpoint; the heading to the newest."""
    shown = visit("threads", thread="support-2")
    figure = charts(shown)["Live bytes by channel over steps"]
    assert list(figure.data[0].ids)[-1] == "support-2-000019"
    for key, checkpoint in (("open-step", "support-2-000019"), ("open-history", "")):
        shown.button(key=key).click().run()
        (went,) = [data for data in components(shown) if data.get("path") == "/history"]
        wanted = {"thread": "support-2", "saver": "aaaaaaaaaaaa", "step": checkpoint}
        assert went["set"] == {name: value for name, value in wanted.items() if value}


def test_namespaces_can_be_chosen(visit: Visit, filled: seed.Seed) -> None:
    """A thread with a subgraph offers its namespaces; the choice shows its checkpoints."""
    shown = visit("threads", thread="support-2")
    (choice,) = [one for one in shown.segmented_control if one.key == "namespace"]
    assert list(choice.options) == ["(root)", "agent"]
    choice.set_value("agent").run()
    figure = charts(shown)["Live bytes by channel over steps"]
    assert [trace.name for trace in figure.data] == ["scratch"]
    plain = visit("threads", thread="support-3")
    assert not [one for one in plain.segmented_control if one.key == "namespace"]


def test_an_id_of_two_storages_asks_which(visit: Visit, filled: seed.Seed) -> None:
    """Both are offered with their storage; with the saver's key the address is clear."""
    shown = visit("threads", thread="support-1")
    assert "Several storages have a thread with this id" in texts(shown)
    assert set(shown.dataframe[0].value["storage"]) == {"chat.sqlite", "other.sqlite"}
    clear = visit("threads", thread="support-1", saver="cccccccccccc")
    assert metrics(clear)["Live bytes"] == formats.size(filled.threads[4]["live_bytes"])
    assert "2 failed calls" in texts(clear)


def test_an_unknown_thread(visit: Visit, filled: seed.Seed) -> None:
    """The page says that there is none, and leads back to the list."""
    shown = visit("threads", thread="nobody")
    assert "There is no such thread" in texts(shown)
    assert "nobody" in [code.value for code in shown.code]
    assert "All threads" in [button.label for button in shown.button]


def test_hostile_names_stay_text(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """Names from data are shown as they are: no markdown or HTML of theirs is ever read."""
    change(store, "UPDATE threads SET thread_id = ?, graph = ? WHERE id = 2", HOSTILE, HOSTILE)
    change(store, "UPDATE processes SET dropped = json_object(?, 1)", HOSTILE)
    change(
        store, "UPDATE operations SET channels = json_object(?, 5) WHERE thread_key = 2", HOSTILE
    )
    change(store, "UPDATE node_runs SET node = ? WHERE thread_key = 2", HOSTILE)
    for shown in (visit(), visit("threads"), visit("threads", thread=HOSTILE)):
        for element in shown.markdown:
            assert "<script>" not in element.value.replace("\\<", "")
            assert "![x](" not in element.value
            assert "**bold**" not in element.value
        for html in shown.get("html"):
            assert "alert(1)" not in html.proto.body
        for figure in charts(shown).values():
            assert not any("<script>" in (trace.name or "") for trace in figure.data)
    assert HOSTILE in [code.value for code in shown.code]


def test_a_thread_without_checkpoints_says_so(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """Operations past retention: the facts stay, and why there is no more is said."""
    change(store, "DELETE FROM operations WHERE thread_key = 3")
    shown = visit("threads", thread="support-3")
    assert "No checkpoint of this thread is stored here any more." in texts(shown)


def test_repeated_steps_are_counted(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """After a fork step numbers repeat: checkpoints are counted instead, so the curve goes on."""
    change(store, "UPDATE operations SET step = 3 WHERE thread_key = 3 AND step = 9")
    figure = charts(visit("threads", thread="support-3"))["Live bytes by channel over steps"]
    assert list(figure.data[0].x) == list(range(1, 31))
