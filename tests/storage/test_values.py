"""The contract between the pages and the viewer."""

from __future__ import annotations

import msgspec
import pytest

from storage import values
from storage.values import Answer, Ask, Value, Write


def test_an_answer_survives_its_way_through_a_pipe() -> None:
    """What the viewer says is what the page gets, in one line."""
    message = {
        "__type__": "langchain_core.messages.human.HumanMessage",
        "value": {"content": "a\n"},
    }
    said = Answer(
        id=7, origin="chat.sqlite", thread="t", checkpoint="c", parent="p",
        document=Value(type="msgpack", bytes=10, data={"v": 4}, head="81a1"),
        metadata=Value(type="json", bytes=2, data={}),
        channels={"messages": Value(type="msgpack", bytes=9, data=[message], elements=[8])},
        writes=[Write(task="1", node="agent", index=-3, channel="__interrupt__", value=Value())],
    )  # fmt: skip
    line = values.encode(said)
    assert b"\n" not in line
    assert values.decode_answer(line) == said


def test_a_value_without_data_says_why() -> None:
    """None may be a value; without one, there is a problem."""
    assert Value(type="msgpack", data=None).known
    assert not Value(type="msgpack+aes", problem="encrypted").known


def test_what_is_no_question_is_refused() -> None:
    """A line that lacks what is needed is an error of msgspec, with the place in it."""
    with pytest.raises(msgspec.ValidationError, match="saver"):
        values.decode_ask(b'{"id":1}')
    assert values.decode_ask(values.encode(Ask(saver="k", backend="sqlite", thread="t"))).ns == ""
