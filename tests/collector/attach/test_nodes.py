"""Which node a task ran."""

from __future__ import annotations

import pytest
from langgraph.pregel._algo import task_path_str

from collector.attach.nodes import node_of


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
