"""Messages to be read by people, from plain data."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from storage.conversation import Call, Message, Part, is_conversation, is_message, messages
from storage.values import Value

USAGE = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
PICTURE = base64.b64encode(b"x" * 100).decode()


def message(kind: str, module: str, **fields: Any) -> dict[str, Any]:
    return {"__type__": f"langchain_core.messages.{module}.{kind}", "value": fields}


def one(data: Any) -> Message:
    found = messages(Value(data=[data]))
    assert len(found) == 1
    return found[0]


def facts(found: Message) -> tuple[str, str, str, str]:
    return found.role, found.text, found.name, found.id


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (message("HumanMessage", "human", content="hi", type="human", id="1", name="Ann"),
         ("user", "hi", "Ann", "1")),
        (message("HumanMessage", "human", content="hi"), ("user", "hi", "", "")),
        (message("AIMessage", "ai", content="hi", id=None), ("assistant", "hi", "", "")),
        (message("AIMessageChunk", "ai", content="hi", type="AIMessageChunk"),
         ("assistant", "hi", "", "")),
        (message("SystemMessage", "system", content="be brief"), ("system", "be brief", "", "")),
        (message("ChatMessage", "chat", content="hm", role="critic", type="chat"),
         ("critic", "hm", "", "")),
        (message("RemoveMessage", "modifier", content="", type="remove", id="9"),
         ("remove", "", "", "9")),
        ({"role": "user", "content": "hi"}, ("user", "hi", "", "")),
        ({"role": "developer", "content": "hi", "name": "x"}, ("system", "hi", "x", "")),
        ({"type": "ai", "content": "hi", "id": "2"}, ("assistant", "hi", "", "2")),
        (["human", "hi"], ("user", "hi", "", "")),
    ],
)  # fmt: skip
def test_every_form_of_a_message(data: Any, expected: tuple[str, ...]) -> None:
    """Classes of LangChain, dicts of OpenAI and LangChain, pairs."""
    assert facts(one(data)) == expected


def test_what_a_message_has_beside_text() -> None:
    """Tool calls, the call that is answered, usage; nothing that is empty."""
    asks = one(message(
        "AIMessage", "ai", content="", tool_calls=[
            {"name": "search", "args": {"q": "x"}, "id": "c1", "type": "tool_call"}, "damaged",
        ],
        usage_metadata=USAGE, response_metadata={}, additional_kwargs={"refusal": "no"},
    ))  # fmt: skip
    assert asks.parts == []
    assert asks.calls == [Call("search", {"q": "x"}, "c1")]
    assert asks.extras == {"usage_metadata": USAGE, "additional_kwargs": {"refusal": "no"}}
    openai = {"role": "assistant", "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "search", "arguments": '{"q": 1}'}},
    ]}  # fmt: skip
    assert one(openai).calls == [Call("search", '{"q": 1}', "c1")]
    answers = one(message("ToolMessage", "tool", content="found", name="search", tool_call_id="c1"))
    assert (answers.role, answers.name, answers.answers) == ("tool", "search", "c1")


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ("text", Part("text", "text")),
        ({"type": "text", "text": "hi"}, Part("text", "hi")),
        ({"type": "thinking", "thinking": "hm", "signature": "s"}, Part("reasoning", "hm")),
        ({"type": "reasoning", "reasoning": "hm"}, Part("reasoning", "hm")),
        ({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}},
         Part("image", "", "image/png", 100)),
        ({"type": "image_url", "image_url": "https://host/a.png"},
         Part("image", "https://host/a.png")),
        ({"type": "input_image", "image_url": f"data:image/gif;base64,{PICTURE}"},
         Part("image", "", "image/gif", 100)),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/webp",
                                      "data": PICTURE}}, Part("image", "", "image/webp", 100)),
        ({"type": "image", "base64": PICTURE, "mime_type": "image/jpeg"},
         Part("image", "", "image/jpeg", 100)),
        ({"type": "image", "url": "https://host/b.png"}, Part("image", "https://host/b.png")),
        ({"type": "image", "data": {"__type__": "bytes", "value": "00", "length": 77}},
         Part("image", "", "", 77)),
        ({"type": "image", "base64": {"__type__": "str", "value": PICTURE[:40], "cut": 92},
          "mime_type": "image/png"}, Part("image", "", "image/png", 99)),
        ({"type": "input_audio", "input_audio": {"data": PICTURE, "format": "wav"}},
         Part("audio", "", "wav", 100)),
        ({"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PICTURE}"}},
         Part("file", "", "application/pdf", 100)),
        ({"type": "tool_use", "name": "search", "input": {}}, Part("tool_use", "search")),
        ({"type": "text", "text": {"__type__": "str", "value": "begin", "cut": 9}},
         Part("text", "begin", beyond=9)),
        ({"strange": 1}, Part("text")),
        (7, Part("text")),
    ],
)  # fmt: skip
def test_every_form_of_a_block(block: Any, part: Part) -> None:
    """Texts are read; images and files are told by type and bytes."""
    for data in ({"role": "user", "content": [block]}, ["user", [block]]):
        assert one(data).parts == [part]


def test_a_text_that_was_cut() -> None:
    """Its beginning, and how much is left out."""
    cut = {"__type__": "str", "value": "begin", "cut": 1000}
    assert one({"role": "user", "content": cut}).parts == [Part("text", "begin", beyond=1000)]


def test_bytes_and_elements_that_are_no_messages() -> None:
    """Each message has its bytes; what is no message among them has no role."""
    data = [
        ["user", "a"],
        {"__type__": "cut", "value": None, "cut": 6},
        {"role": "ai", "content": "b"},
    ]
    found = messages(Value(data=data, elements=[10, 20]))
    assert [item.role for item in found] == ["user", "", "assistant"]
    assert [item.bytes for item in found] == [10, 20, -1]
    assert found[1].data == data[1]
    assert messages(Value(data={"__type__": "list", "value": data, "cut": 3})) != []


@pytest.mark.parametrize(
    "data",
    [None, 7, "user", {}, [], [1], ["user", "hi"], {"role": "user", "content": "hi"},
     [{"type": "text", "text": "hi"}], [{"role": "admin", "name": "x"}], [["a", "b"]],
     [{"__type__": "m.Human", "value": {"content": "hi"}}], [{"role": {}, "content": 1}],
     [[{}, "x"]], {"__type__": "list", "value": None}],
)  # fmt: skip
def test_what_is_no_conversation(data: Any) -> None:
    """Lists of other things are not taken for one."""
    assert not is_conversation(Value(data=data))
    assert messages(Value(data=data)) == []


def test_a_message_by_itself() -> None:
    """As a single write has it."""
    assert is_message({"role": "user", "content": "hi"})
    assert not is_message({"role": "user"})
    assert not is_message(["user", "hi"])
