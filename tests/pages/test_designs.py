"""The state designs of the Serialization page: numbers, parameters, a measurement, other states."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from collector.designs import job
from collector.designs.replay import Replay
from pages.ui import charts_designs, design_parameters, formats
from storage import jobs
from storage.design_trials import Asked
from storage.designs import Predicted, Settings, predict
from tests.collector.designs.told import conversation
from tests.collector.made import Made, collect, query
from tests.pages.conftest import Visit, charts, metrics, texts
from tests.storage import seed

HOSTILE = "<script>alert(1)</script> **bold** `code`"


@pytest.fixture
def told(store: Path) -> Predicted:
    """What is said of a conversation of 15 turns, which the store holds."""
    conversation(store.parent, 15)
    return predict(job.load(str(store), Asked(thread="chat")))


def table(shown: AppTest) -> Any:
    """The table of designs."""
    return next(one.value for one in shown.dataframe if "saved" in one.value)


def test_nothing_chosen_offers_the_threads_that_store_most(visit: Visit, filled: seed.Seed) -> None:
    """Without a thread in the address: a choice."""
    shown = visit("serialization")
    most = sorted(filled.threads, key=lambda row: (-row["stored_bytes"], row["id"]))
    ids = [row["thread_id"] for row in most[:8]]
    offered = next(one.value for one in shown.dataframe if "thread" in one.value)
    assert list(offered["thread"]) == ids
    assert "State designs" in texts(shown)


def test_the_table_has_what_was_predicted(visit: Visit, told: Predicted) -> None:
    """Today first, then every design that can be had, those that save most first."""
    shown = visit("serialization", thread="chat")
    rows = table(shown)
    assert told.today is not None
    possible = [told.today, *(one for one in told.others if not one.why_not)]
    assert list(rows["design"]) == [one.design.name for one in possible]
    assert list(rows["stored"]) == [one.stored_bytes for one in possible]
    assert list(rows["written"]) == [one.written_bytes for one in possible]
    assert list(rows["read"]) == [one.read_bytes for one in possible]
    assert list(rows["saved"])[1:] == [one.saved_bytes for one in possible[1:]]
    cards = metrics(shown)
    assert cards["Stored today"] == formats.size(told.today.stored_bytes)
    best = possible[1]
    assert best.saved_bytes is not None
    share = best.saved_bytes / (told.today.stored_bytes or 1)
    assert cards["Saves most"] == formats.share(share)


def test_the_chart_ends_where_the_table_does(visit: Visit, told: Predicted) -> None:
    """A line for today, for one design of each kind, and for the one that is looked at."""
    shown = visit("serialization", thread="chat", design="delta-messages-10")
    figure = charts(shown)["Stored bytes of designs over checkpoints"]
    assert told.today is not None
    by_name = {one.design.name: one for one in (told.today, *told.others)}
    names = [trace.name for trace in figure.data]
    assert names[0] == "Today"
    assert "messages: DeltaChannel, snapshot every 10" in names
    for trace in figure.data:
        assert trace.y[-1] == pytest.approx(
            (by_name[trace.name].stored_bytes or 0) / 1000, rel=1e-6
        )
        assert trace.x[-1] == pytest.approx(45, abs=1)


def test_a_design_tells_its_price_and_its_code(visit: Visit, told: Predicted) -> None:
    """As the address names it."""
    shown = visit("serialization", thread="chat", design="delta-messages-10")
    one = next(one for one in told.others if one.design.id == "delta-messages-10")
    said = texts(shown)
    assert one.code in [element.value for element in shown.code]
    for text in one.gives_up:
        assert text in said
    assert f"at most {one.most_ancestors}" in said


def test_parameters_are_in_the_address(visit: Visit, told: Predicted) -> None:
    """Other frequencies and lengths; what is no number is said to be none."""
    shown = visit("serialization", thread="chat", snapshots="7", newest="3, 5", kept="2")
    names = list(table(shown)["design"])
    assert "messages: DeltaChannel, snapshot every 7" in names
    assert "messages: the newest 3" in names
    assert "prune: the newest 2" in names
    assert not any("every 50" in name for name in names)
    broken = visit("serialization", thread="chat", snapshots="many")
    assert "are no whole numbers" in texts(broken)
    assert "messages: DeltaChannel, snapshot every 50" in list(table(broken)["design"])


@pytest.mark.parametrize("text", ["0", "-3", "1.5", "9999999", "ten", "٣"])
def test_what_is_no_number_is_refused(text: str) -> None:
    """With the value and an example."""
    with pytest.raises(design_parameters.NotNumbers, match="such as"):
        design_parameters.read(text, (10,))


def test_a_summary_takes_three_numbers() -> None:
    """The last smaller than the first."""
    assert design_parameters.read("30 500 6", (20, 800, 4), exact=True) == (30, 500, 6)
    for text in ("30, 500", "4, 500, 4"):
        with pytest.raises(design_parameters.NotNumbers):
            design_parameters.read(text, (20, 800, 4), exact=True)


def test_a_growing_thread_is_not_worked_out_at_every_step(visit: Visit, store: Path) -> None:
    """What is newer than the numbers is counted."""
    conversation(store.parent, 70)
    before = visit("serialization", thread="chat")
    assert "newer checkpoints" not in texts(before)
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE threads SET steps = steps + 2")
    st.cache_data.clear()  # what is read of a thread serves all visitors for a second
    assert "2 newer checkpoints" in texts(visit("serialization", thread="chat"))


def test_measure_asks_the_collector(visit: Visit, told: Predicted, isolated: Path) -> None:
    """A job of the thread with the parameters that are shown, once."""
    shown = visit("serialization", thread="chat", snapshots="7")
    shown.button(key="measure").click().run()
    assert not shown.exception
    (request,) = jobs.waiting(isolated / "spool")
    asked = msgspec.convert(request.asked, Asked)
    assert (request.kind, asked.thread) == ("designs", "chat")
    assert asked.settings == Settings(frequencies=(7,))
    assert jobs.load(isolated / "spool", request.id).secrets["store"].endswith("store.sqlite")
    assert shown.button(key="measure").disabled
    assert "Asked for" in texts(shown)


def stored(store: Path, state: str, result: str, **more: object) -> None:
    """A job of the thread, as the collector keeps it."""
    saver = query(store, "SELECT key FROM savers")[0]["key"]
    row = {
        "id": f"{len(query(store, 'SELECT id FROM jobs')):032x}", "kind": "designs", "name": "x",
        "asked": json.dumps({"thread": "chat", "saver": saver}), "state": state, "phase": "",
        "share": None, "problem": "", "partial": 0, "created_us": 1, "started_us": 1,
        "updated_us": 1, "ended_us": 2, "result": result,
    } | more  # fmt: skip
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute(
            f"INSERT INTO jobs ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
            tuple(row.values()),
        )


def test_what_was_measured_is_in_the_table(visit: Visit, told: Predicted, store: Path) -> None:
    """Times of the replay beside what was predicted."""
    found = Replay(told.thread, ("exit",), Settings(), 1).run(lambda *_: None)
    stored(store, "done", msgspec.json.encode(found).decode())
    shown = visit("serialization", thread="chat")
    rows = table(shown).set_index("design")
    for one in found.trials:
        assert rows.loc[one.name, "measured"] == pytest.approx(one.put_us / 1000)
        assert rows.loc[one.name, "load"] == pytest.approx(one.load_us / 1000)
    assert rows["measured"].isna().sum() == len(rows) - 2
    assert formats.plain(found.notes[-1]) in texts(shown)


def test_the_end_of_a_job_is_told(visit: Visit, told: Predicted, store: Path) -> None:
    """Why it failed, or that it was cancelled."""
    stored(store, "failed", "null", problem="The disk is full.")
    said = texts(visit("serialization", thread="chat"))
    assert formats.plain("The disk is full.") in said
    stored(store, "cancelled", "null", created_us=2)
    st.cache_data.clear()
    assert "Cancelled" in texts(visit("serialization", thread="chat"))


def test_a_running_job_shows_how_far_it_is(
    visit: Visit, told: Predicted, store: Path, isolated: Path
) -> None:
    """And can be cancelled; one that is gone says so."""
    stored(store, "running", "null", phase="round 1 of 3", share=0.4, ended_us=0)
    shown = visit("serialization", thread="chat")
    assert "round 1 of 3" in str(shown.get("progress")[0].proto)
    assert shown.button(key="measure").disabled
    shown.button(key="measure-cancel").click().run()
    assert "No job" in texts(shown)


def test_what_cannot_be_designed_is_said(visit: Visit, store: Path) -> None:
    """A deleted thread, and one that is not there."""
    made = Made(store.parent / "spool")
    made.put("chat", 1, 500)
    made.removal("delete_thread", "chat")
    made.write()
    collect(store.parent / "spool", store)
    assert "was deleted" in texts(visit("serialization", thread="chat"))
    assert "There is no such thread" in texts(visit("serialization", thread="nobody"))


def test_what_cannot_be_had_is_said(visit: Visit, told: Predicted, store: Path) -> None:
    """With the reason: on Redis, no DeltaChannel."""
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE threads SET backend = 'redis'")
    shown = visit("serialization", thread="chat")
    assert "Not on Redis" in texts(shown)
    assert not any("DeltaChannel" in name for name in table(shown)["design"])


def test_names_are_shown_as_they_are(visit: Visit, store: Path) -> None:
    """Channels and threads are users' own text: never markup."""
    conversation(store.parent, 5, thread=HOSTILE)
    with closing(sqlite3.connect(store)) as connection, connection:
        name = json.dumps(HOSTILE)
        for column in ("channels", "changed", "lists"):
            connection.execute(
                f"UPDATE operations SET {column} = replace({column}, '\"messages\"', ?)", (name,)
            )
    shown = visit("serialization", thread=HOSTILE)
    drawn = charts(shown)["Stored bytes of designs over checkpoints"]
    assert any("&lt;script&gt;" in trace.name for trace in drawn.data)
    said = [element.value for kind in ("markdown", "caption") for element in shown.get(kind)]
    assert not any(HOSTILE in text for text in said)


def test_a_chart_of_a_thousand_checkpoints_is_thinned(tmp_path: Path) -> None:
    """As few points as a screen has, and the last one exact."""
    found = predict(job.load(str(conversation(tmp_path, 340)), Asked(thread="chat")))
    assert found.today is not None
    figure, unit = charts_designs.stored([found.today])
    assert len(figure.data[0].x) <= 700
    assert unit == "MB"
    assert figure.data[0].y[-1] * 1e6 == pytest.approx(found.today.stored_bytes)
