"""The long thread that other tests use holds what they are about."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from tests import long_thread


@pytest.mark.parametrize("delta", [False, True])
def test_it_has_forks_interrupts_and_subgraphs(delta: bool) -> None:
    """A short one has a fork, an interrupt that was resumed, a fan-out and namespaces."""
    saver = InMemorySaver()
    graph = long_thread.build(saver, delta=delta)
    config: Any = long_thread.play(graph, "t", 13, fork_every=12)
    snapshots = list(graph.get_state_history(config))
    parents = [s.parent_config["configurable"]["checkpoint_id"] for s in snapshots[:-1]]
    assert len(parents) > len(set(parents)), "no checkpoint has two children"
    assert any(s.interrupts for s in snapshots)
    assert any(s.next.count("fetch") == 3 for s in snapshots)
    assert any(":" in namespace for namespace in saver.storage["t"])
    assert not snapshots[0].next


def test_async_and_sync_write_the_same_shape() -> None:
    """``aplay`` leads to the same tree as ``play``."""
    shapes = []
    for asynchronous in (False, True):
        graph = long_thread.build(InMemorySaver())
        if asynchronous:
            config = asyncio.run(long_thread.aplay(graph, "t", 13, fork_every=12))
        else:
            config = long_thread.play(graph, "t", 13, fork_every=12)
        history: Any = graph.get_state_history(config)  # type: ignore[arg-type]
        shapes.append([(s.metadata["step"], s.metadata["source"], s.next) for s in history])
    assert shapes[0] == shapes[1]


def test_the_command_writes_a_file(tmp_path: Path) -> None:
    """``python -m tests.long_thread FILE`` makes a SQLite file with the thread."""
    path = tmp_path / "long.sqlite"
    assert long_thread.main([str(path), "--turns", "2"]) == 0
    with long_thread.opened(str(path)) as saver:
        assert saver.get_tuple({"configurable": {"thread_id": "long-1"}}) is not None
