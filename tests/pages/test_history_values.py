"""The views of the History page that show values, over threads of real graphs on SQLite."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import ToolMessage
from streamlit.testing.v1 import AppTest

from pages.ui.formats import UNKNOWN
from pages.ui.history_messages import PAGE, added_at
from pages.ui.history_values import facts
from storage.plain_text import visible
from storage.values import Value
from tests import browsed
from tests.browsed import THREAD, identity, ids
from tests.hostile_thread import HOSTILE, PIXEL
from tests.pages.conftest import Visit, texts
from tests.sqlite_files import opened

VIEWS = ("Changes", "State", "Messages", "Channel", "Writes", "Metadata", "Raw")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Databases that real graphs wrote, and the store that a collector made of it."""
    folder = tmp_path_factory.mktemp("values")
    browsed.write(folder)
    return folder


@pytest.fixture
def hidden(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dashboard serves that store, and was not told to show values."""
    for name, value in browsed.settings(folder, values=False).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def shown(hidden: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dashboard serves that store, and shows values."""
    monkeypatch.setenv("STATEMETER_SHOW_VALUES", "1")


@pytest.fixture(scope="module")
def states(folder: Path) -> list[Any]:
    """The history as the graph itself tells it, newest first."""
    return browsed.states(folder)


def lines(visitor: AppTest) -> list[list[str]]:
    """The lines of the first difference on the page."""
    for element in visitor.get("bidi_component"):
        data = json.loads(element.proto.json or element.proto.mixed.json)
        if "lines" in data:
            return list(data["lines"])
    return []


def trees(visitor: AppTest) -> list[Any]:
    """What the page shows as trees of JSON."""
    return [json.loads(element.value) for element in visitor.json]


def everything(visitor: AppTest) -> str:
    """All that was sent to the browser."""
    return "\n".join(str(element.proto) for element in visitor.main)


@pytest.mark.parametrize("view", VIEWS)
def test_without_leave_no_value_is_shown(visit: Visit, hidden: None, view: str) -> None:
    """Sizes are there, and one line that says how to allow values; none of them is sent."""
    visitor = visit("history", thread=THREAD, view=view)
    assert "STATEMETER_SHOW_VALUES=1" in texts(visitor)
    sent = everything(visitor)
    for told in ("Question", "Answer 5", "needs none", "topic 5"):
        assert told not in sent
    assert not lines(visitor)
    if view not in ("Raw", "Writes"):  # under the newest step nothing is pending
        assert visitor.dataframe


def test_the_difference_is_what_the_graph_wrote(
    visit: Visit, shown: None, states: list[Any]
) -> None:
    """A step that answered: three messages came in, nothing went; the state beside it is whole."""
    after = next(one for one in states if one.next == ("approve",))
    before = next(one for one in states if one.config == after.parent_config)
    visitor = visit("history", thread=THREAD, view="Changes", step=identity(after))
    found = lines(visitor)
    new = after.values["messages"][len(before.values["messages"]) :]
    assert len(new) == 3
    added = "\n".join(text for kind, text in found if kind == "+")
    assert not [text for kind, text in found if kind == "-"]
    for message in new:
        assert f'"id": "{message.id}"' in added
        assert message.content in added
    (state,) = trees(visitor)
    assert len(state["messages"]) == len(after.values["messages"])
    for channel in ("turn", "topic", "finding", "documents", "approved"):
        assert state[channel] == after.values[channel]
    assert "chat\\.sqlite in" in texts(visitor)
    assert "nothing of it is stored" in texts(visitor)


def test_the_difference_over_a_fork(visit: Visit, shown: None, states: list[Any]) -> None:
    """Two ends of two branches: what only one has goes, what only the other has comes."""
    newest, branch = states[0], browsed.other_branch(states)
    visitor = visit("history", thread=THREAD, step=identity(newest), **{"with": identity(branch)})
    gone, new = ids(branch) - ids(newest), ids(newest) - ids(branch)
    found = lines(visitor)
    for kind, names in (("-", gone), ("+", new)):
        told = "\n".join(text for each, text in found if each == kind)
        assert names
        for name in names:
            assert f'"id": "{name}"' in told


def test_the_first_step_is_compared_with_nothing(
    visit: Visit, shown: None, states: list[Any]
) -> None:
    """Then all that is in it is new."""
    visitor = visit("history", thread=THREAD, view="Changes", step=identity(states[-1]))
    assert not visitor.exception
    assert "-" not in {kind for kind, _ in lines(visitor)}


def test_the_state(visit: Visit, shown: None, states: list[Any]) -> None:
    """Each channel with its value, as the graph has it; one of them can be chosen."""
    visitor = visit("history", thread=THREAD, view="State", step=identity(states[0]))
    values = states[0].values
    messages, documents = trees(visitor)
    assert [one["id"] for one in messages] == [one.id for one in values["messages"]]
    assert [one["content"] for one in messages] == [one.content for one in values["messages"]]
    assert documents == values["documents"]
    told = texts(visitor)
    for channel in ("turn", "topic", "finding", "approved"):
        assert str(values[channel]) in told
    visitor.selectbox(key="state-channel").set_value("documents").run()
    assert trees(visitor) == [values["documents"]]


def test_the_messages(visit: Visit, shown: None, states: list[Any]) -> None:
    """The newest page of the conversation, each with its bytes and the step that added it."""
    visitor = visit("history", thread=THREAD, view="Messages", step=identity(states[0]))
    messages = states[0].values["messages"]
    told = texts(visitor)
    assert f"{len(messages)} messages" in told
    last = messages[(len(messages) - 1) // PAGE * PAGE :]
    assert len(visitor.chat_message) == len(last)
    for message, element in zip(last, visitor.chat_message, strict=True):
        words = " ".join(str(one.value) for one in element.get("text"))
        assert message.content.strip() in words
        caption = " ".join(one.value for one in element.caption)
        assert message.id.replace("-", "\\-") in caption
        if not isinstance(message, ToolMessage):
            step = next(one.metadata["step"] for one in reversed(states) if message.id in ids(one))
            assert f"step {step}" in caption


def test_messages_are_found_by_their_words(visit: Visit, shown: None, states: list[Any]) -> None:
    """By text, id, tool or argument, over all pages."""
    visitor = visit("history", thread=THREAD, view="Messages", step=identity(states[0]))
    search = visitor.text_input(key="messages-search")
    for wanted in ("question 17", "calls-17", '"topic": "topic 17"'):
        search.set_value(wanted).run()
        assert len(visitor.chat_message) == 1, wanted
    search.set_value("nobody said this").run()
    assert not visitor.chat_message
    assert "No message matches" in texts(visitor)


def test_what_is_looked_for_outlives_a_run_without_values(
    visit: Visit, shown: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy database, or leave that is taken away for a moment: the search is there after it."""
    visitor = visit("history", thread=THREAD, view="Messages")
    search = next(one for one in visitor.text_input if one.label == "Search")
    search.set_value("Question 17").run()
    assert len(visitor.chat_message) == 1
    monkeypatch.setenv("STATEMETER_SHOW_VALUES", "0")
    visitor.run()
    assert not visitor.chat_message
    monkeypatch.setenv("STATEMETER_SHOW_VALUES", "1")
    visitor.run()
    assert len(visitor.chat_message) == 1


def test_a_channel_through_time(visit: Visit, shown: None, states: list[Any]) -> None:
    """What the newest steps that wrote it did to it."""
    visitor = visit(
        "history", thread=THREAD, view="Channel", channel="approved", step=identity(states[0])
    )
    found = [text.strip() for kind, text in lines(visitor) if kind in "+-"]
    values = []
    for one in states:
        if not one.next and one.values.get("approved") not in values[-1:]:
            values.append(one.values["approved"])
    assert found[-1] == f'"approved": "{values[0]}"'


def test_pending_writes(visit: Visit, shown: None, states: list[Any]) -> None:
    """What a task wrote on top of a step: an interrupt, and what it was resumed with."""
    stopped = next(one for one in states if any(task.interrupts for task in one.tasks))
    visitor = visit("history", thread=THREAD, view="Writes", step=identity(stopped))
    told = json.dumps(trees(visitor)) + texts(visitor)
    question = next(one for task in stopped.tasks for one in task.interrupts).value["question"]
    assert question in told
    assert "approve → \\_\\_interrupt\\_\\_" in told


def test_metadata(visit: Visit, shown: None, states: list[Any]) -> None:
    """The metadata as the graph has it, and the checkpoint's own bookkeeping."""
    visitor = visit("history", thread=THREAD, view="Metadata", step=identity(states[3]))
    metadata, document = trees(visitor)
    assert metadata == states[3].metadata
    assert document["id"] == identity(states[3])
    assert document["ts"] == states[3].created_at
    assert "channel_values" not in document


def test_the_raw_bytes(visit: Visit, shown: None, states: list[Any], folder: Path) -> None:
    """Type, length and first bytes are those in the database."""
    visitor = visit("history", thread=THREAD, view="Raw", step=identity(states[0]))
    with opened(folder / "chat.sqlite") as connection:
        tag, blob, metadata = connection.execute(
            "SELECT type, checkpoint, metadata FROM checkpoints WHERE checkpoint_id = ?",
            (identity(states[0]),),
        ).fetchone()
    table = next(one.value for one in visitor.dataframe if "holds" in one.value.columns)
    rows = {row.part: row for row in table.itertuples()}
    assert (rows["checkpoint"].type, rows["checkpoint"].bytes) == (tag, len(blob))
    assert rows["metadata"].bytes == len(metadata)
    largest = table["part"].iloc[0]
    assert largest == "channel messages"
    dump = next(one.value for one in visitor.code if one.value.startswith("0000  "))
    head = b"".join(bytes.fromhex(line[6:53]) for line in dump.splitlines())
    assert len(head) == 256
    assert head in blob
    state = states[0].values["messages"]
    assert head[0] == 0xDC  # a list of more than 15
    assert int.from_bytes(head[1:3]) == len(state)


@pytest.mark.parametrize("view", VIEWS)
def test_hostile_text_is_text(visit: Visit, shown: None, view: str) -> None:
    """Nothing of the state comes to a place that reads markdown or HTML; nothing fails."""
    visitor = visit("history", thread="hostile-1", view=view)
    told = texts(visitor)
    assert "part of the page failed" not in told
    for element in [*visitor.markdown, *visitor.caption]:
        body = element.proto.body
        for text in HOSTILE[:4]:
            assert text[:12] not in body
        for hidden in ("\u202e", "\x1b", "\x00"):
            assert hidden not in body
    for kind in ("text", "code", "json"):
        for element in visitor.get(kind):
            assert "\u202e" not in str(element.value)
            assert "\x00" not in str(element.value)
            assert len(str(element.value)) < 400_000
    assert not visitor.get("imgs")


def test_hostile_messages_can_be_read(visit: Visit, shown: None) -> None:
    """As they are, with what is hidden made visible; images as type and bytes."""
    visitor = visit("history", thread="hostile-1", view="Messages")
    told = [str(one.value) for one in visitor.text]
    for text in HOSTILE[:-1]:
        assert visible(text) in told
    assert any("+46,000 characters" in one for one in told)
    badges = " ".join(one.value for one in visitor.markdown)
    size = len(PIXEL) * 3 // 4 - PIXEL.count("=")
    assert "image/png".replace("/", "/") in badges.replace("\\", "")
    assert f"{size} B" in badges.replace("\\", "")
    assert "http://192.0.2.1/pixel.png" in told


@pytest.mark.parametrize(
    ("thread", "why"), [("pickled-1", "loading a pickle runs code"), ("encrypted-1", "the key")]
)
@pytest.mark.parametrize("view", VIEWS)
def test_what_cannot_be_decoded_is_said(
    visit: Visit, shown: None, thread: str, why: str, view: str
) -> None:
    """Encrypted and pickled checkpoints: type and length, and why no more; nothing fails."""
    visitor = visit("history", thread=thread, view=view)
    assert "part of the page failed" not in texts(visitor)
    assert "secret" not in everything(visitor)
    if view == "Raw":
        table = next(one.value for one in visitor.dataframe if "problem" in one.value.columns)
        row = table[table["part"] == "checkpoint"].iloc[0]
        assert why in row["problem"]
        assert row["bytes"] > 0


@pytest.mark.parametrize("view", VIEWS)
def test_a_database_that_is_gone(
    visit: Visit, shown: None, folder: Path, view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says what and where, in the place of the values."""
    (folder / "chat.sqlite").rename(folder / "away.sqlite")
    try:
        visitor = visit("history", thread=THREAD, view=view, channel="messages")
    finally:
        (folder / "away.sqlite").rename(folder / "chat.sqlite")
    told = texts(visitor)
    assert "chat.sqlite" in told
    assert "part of the page failed" not in told
    assert not trees(visitor)


def test_a_rebuilt_value_says_how() -> None:
    """The application's reducer was not run: what stood in for it is said beside the value."""
    how = "messages: by id, removals applied"
    told = facts(Value(type="msgpack", bytes=1200, data=[1, 2], rebuilt=3, how=how), whole=2400)
    assert told == f"1.20 KB · 50 % of the channels · list of 2 · rebuilt from 3 ancestors · {how}"


NAN = float("nan")


@pytest.mark.parametrize(
    ("elements", "steps", "count", "wanted"),
    [
        ([NAN, 1, 1, 4], ["-1", "0", "1", "2"], 4, ["0", "2", "2", "2"]),
        ([4, 6], ["10", "11"], 6, [UNKNOWN] * 4 + ["11"] * 2),
        ([NAN, 3, 1, 2], ["-1", "0", "1", "2"], 2, ["0", "2"]),
        ([NAN, NAN], ["5", "6"], 2, [UNKNOWN] * 2),
        ([2, 3], ["-1", "0"], 3, ["-1", "-1", "0"]),
        ([], [], 1, [UNKNOWN]),
        ([NAN, 9], ["-1", "0"], 2, ["0", "0"]),
    ],
)
def test_the_step_that_added_a_message(
    elements: list[float], steps: list[str], count: int, wanted: list[str]
) -> None:
    """Where the list last grew beyond its place; unknown where that was before all we know."""
    assert added_at(elements, steps, count) == wanted
