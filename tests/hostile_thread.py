"""Threads whose state tries what a page must not do: run, load, turn around, never end.

``python -m tests.hostile_thread PATH`` writes them to a SQLite file, measured by the probe: one of
hostile text, one that is pickled and one that is encrypted.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

import statemeter
from examples.backends import on_sqlite

HOSTILE = (
    "<script>document.title='ran'</script>",
    "<img src=x onerror=\"document.title='ran'\">",
    "![remote](http://192.0.2.1/pixel.png)",
    "[link](javascript:document.title='ran')",
    "\x1b[31mANSI\x1b[0m",
    "abc\u202edef",
    "nul\x00inside",
    "שלום עולם",
    ":material/delete: :red[no] $x^2$",
    "x" * 50_000,
)
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    "AAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


class State(TypedDict, total=False):
    """Text in every place that a page shows."""

    messages: Annotated[list[AnyMessage], add_messages]
    texts: list[str]
    keys: dict[str, Any]
    deep: Any
    odd: Any
    nothing: None
    binary: bytes


def _write(state: State) -> dict[str, Any]:
    deep: Any = "bottom"
    for _ in range(40):
        deep = [deep]
    return {
        "texts": list(HOSTILE),
        "keys": {text[:200]: text for text in HOSTILE},
        "deep": deep,
        "nothing": None,
        "binary": bytes(range(256)) * 4,
        "messages": [
            AIMessage(text, id=f"ai-{n}", name=text[:60]) for n, text in enumerate(HOSTILE)
        ]
        + [
            AIMessage(
                "",
                id="calls",
                tool_calls=[{"name": HOSTILE[0], "args": {HOSTILE[1]: HOSTILE[2]}, "id": "call"}],
            ),
            ToolMessage("answered", id="tool", tool_call_id="call", name="look_up"),
            HumanMessage(
                [
                    {"type": "text", "text": "look at this"},
                    {
                        "type": "image_url",
                        "image_url": {"url": f"data:image/png;base64,{PIXEL}"},
                    },
                    {"type": "image_url", "image_url": {"url": "http://192.0.2.1/pixel.png"}},
                ],
                id="image",
            ),
        ],
    }


class _Odd:
    """Of no type that msgpack has, so that a serializer with a fallback pickles the whole."""


def _write_odd(state: State) -> dict[str, Any]:
    return {"odd": _Odd()}


def _write_little(state: State) -> dict[str, Any]:
    return {"texts": ["secret"]}


def main(path: str) -> int:
    """Write the threads."""
    key = EncryptedSerializer.from_pycryptodome_aes(key=b"0123456789abcdef")
    for thread, node, serde in (
        ("hostile-1", _write, None),
        ("pickled-1", _write_odd, JsonPlusSerializer(pickle_fallback=True)),
        ("encrypted-1", _write_little, key),
    ):
        with on_sqlite.open_saver(path) as saver:
            if serde is not None:
                saver.serde = serde
            builder = StateGraph(State)
            builder.add_node("write", node)
            builder.add_edge(START, "write")
            builder.add_edge("write", END)
            graph = builder.compile(checkpointer=saver, name="hostile")
            statemeter.instrument(graph)
            config = {"configurable": {"thread_id": thread}}
            graph.invoke({"messages": [HumanMessage("go", id="go")]}, config)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
