"""Which node a task ran."""

from __future__ import annotations

import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.pregel._algo import task_path_str
from langgraph.types import Send

from collector.attach.nodes import called, node_of, nodes_of_sends


@pytest.mark.parametrize(
    ("path", "node"),
    [
        (("__pregel_pull", "answer"), "answer"),
        (("__pregel_pull", "a, b"), "a, b"),
        (("__pregel_pull", "__start__"), ""),
        (("__pregel_push", 1, False), "second"),
        (("__pregel_push", 7, False), ""),
        (("__pregel_push", ("__pregel_pull", "x"), 2, "id", True), ""),
    ],
)
def test_a_path_names_the_node(path: tuple[object, ...], node: str) -> None:
    """Paths as LangGraph writes them: of triggered tasks, of sends, of calls."""
    assert node_of(task_path_str(path), ["first", "second"]) == node


def test_no_path_names_no_node() -> None:
    """Databases of older versions have none."""
    assert node_of("") == node_of("anything") == ""


def test_sends_name_their_nodes() -> None:
    """Read off the bytes that LangGraph makes of them; what else lies there names none."""
    sends = [Send("fetch", {"topic": "x" * 1000}), "no send", Send("n" * 300, None), {"a": 1}]
    tag, packed = JsonPlusSerializer().dumps_typed(sends)
    assert tag == "msgpack"
    assert nodes_of_sends(packed) == ["fetch", "", "n" * 300, ""]


@pytest.mark.parametrize("packed", [b"", b"\x92", b"\xc1", b"\x91" * 5000, b"\xa1x"])
def test_damaged_sends_name_nothing(packed: bytes) -> None:
    """Whatever the bytes: no error."""
    assert not any(nodes_of_sends(packed))


@pytest.mark.parametrize(
    ("channels", "sends", "nodes"),
    [
        (["messages", "branch:to:answer"], [], ["answer"]),
        (["messages"], ["fetch", "fetch"], ["fetch"]),
        (["branch:to:answer", "branch:to:log"], ["fetch"], ["fetch", "answer", "log"]),
        (["branch:to:answer", "join:a+b:c"], [], []),
        (["__start__"], [], []),
        (["messages"], [], []),
    ],
)
def test_what_a_checkpoint_calls(channels: list[str], sends: list[str], nodes: list[str]) -> None:
    """Nodes by their channels and sends; none where something else may call one."""
    assert called(channels, sends) == nodes
