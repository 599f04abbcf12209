"""One thread, step by step."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Engine

from storage.queries_steps import node_summary, plain_namespace, runs, steps
from storage.store import open_reader
from tests.sqlite_files import opened
from tests.storage import seed

NOW = 1_800_000_123_456_789
SUPPORT_2 = 2
"""The thread with a subgraph."""


@pytest.fixture
def made() -> seed.Seed:
    return seed.sample(NOW)


@pytest.fixture
def path(tmp_path: Path, made: seed.Seed) -> Path:
    return made.write(tmp_path / "store.sqlite")


@pytest.fixture
def engine(path: Path):
    engine = open_reader(str(path))
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    ("ns", "plain"),
    [("", ""), ("agent:1f00", "agent"), ("agent:1f00|tools:22", "agent|tools"), ("a|b:3", "a|b")],
)
def test_namespaces_without_task_ids(ns: str, plain: str) -> None:
    """Each part loses its task id, the rest stays."""
    assert plain_namespace(ns) == plain


def test_steps_are_the_puts_in_order(engine: Engine, made: seed.Seed) -> None:
    """A row for each checkpoint, oldest first, with the sizes that the operations tell."""
    shown = steps(engine, SUPPORT_2)
    puts = [
        row for row in made.operations
        if row["thread_key"] == SUPPORT_2 and row["operation"] == "put"
    ]  # fmt: skip
    puts.sort(key=lambda row: row["at_us"])
    assert list(shown.table["checkpoint"]) == [row["checkpoint"] for row in puts]
    assert list(shown.table["checkpoint_bytes"]) == [row["live_bytes"] for row in puts]
    assert list(shown.table["written_bytes"]) == [row["payload_bytes"] for row in puts]
    assert shown.complete
    for number, row in enumerate(puts):
        sizes = {name: n for name, n in shown.channels.iloc[number].items() if n}
        assert sizes == json.loads(row["channels"])


def test_change_is_within_a_namespace(engine: Engine) -> None:
    """A subgraph's checkpoint is not compared with the root's, and a first one with nothing."""
    table = steps(engine, SUPPORT_2).table
    root = table[table["namespace"] == ""]
    inner = table[table["namespace"] == "agent"]
    sizes = root["checkpoint_bytes"].tolist()
    assert root["change_bytes"].tolist()[1:] == [b - a for a, b in pairwise(sizes)]
    assert root["change_bytes"].isna().tolist()[0]
    assert inner["change_bytes"].isna().all()
    assert inner["ns"].tolist() == ["agent:1f00"]


def test_pending_writes_and_nodes_stand_with_their_step(engine: Engine) -> None:
    """Pending bytes are those kept under the checkpoint; nodes those that ran in the step."""
    table = steps(engine, SUPPORT_2).table
    root = table[table["namespace"] == ""].reset_index(drop=True)
    assert (root["pending_bytes"] == 1_020).all()
    assert root["nodes"].tolist() == [[], []] + [["model"]] * 18
    assert table[table["namespace"] == "agent"]["pending_bytes"].tolist() == [0]


def test_stored_bytes_follow_every_change(engine: Engine, made: seed.Seed) -> None:
    """The level after each call, from the first one's bytes to what is held now."""
    changes = [
        row for row in made.operations
        if row["thread_key"] == SUPPORT_2 and row["stored_delta_bytes"]
    ]  # fmt: skip
    changes.sort(key=lambda row: row["at_us"])
    levels = [
        sum(row["stored_delta_bytes"] for row in changes[: number + 1])
        for number in range(len(changes))
    ]
    assert steps(engine, SUPPORT_2).stored.tolist() == levels
    assert levels[-1] == made.threads[SUPPORT_2 - 1]["stored_bytes"]


def test_only_the_newest_steps_are_read(engine: Engine) -> None:
    """Of a long thread the newest checkpoints are shown, and that there are older ones."""
    shown = steps(engine, 1, limit=10)
    assert not shown.complete
    assert shown.table["step"].tolist() == list(range(49, 59))
    assert steps(engine, 1, limit=60).complete


def test_elements_are_of_the_last_writing(engine: Engine) -> None:
    """The largest elements come from the newest checkpoint that wrote their channel."""
    elements = steps(engine, SUPPORT_2).elements
    assert elements[["channel", "index", "type", "bytes", "elements"]].values.tolist() == [
        ["messages", 0, "AIMessage", 1_000, 19],
        ["messages", 1, "str", 20, 19],
    ]
    assert elements["share"].tolist() == pytest.approx([1_000 / 19_000, 20 / 19_000])


def test_a_thread_without_checkpoints(engine: Engine) -> None:
    """No rows, no columns of channels, and no error."""
    shown = steps(engine, 999)
    assert shown.table.empty
    assert shown.channels.empty
    assert shown.elements.empty
    assert node_summary(engine, 999).empty
    assert runs(engine, 999).empty


def test_damaged_json_hides_one_row_only(engine: Engine, path: Path) -> None:
    """Text that is no JSON in one row leaves that row without channels, and the page alive."""
    with opened(path) as connection:
        connection.execute(
            "UPDATE operations SET channels = '{oops', lists = '[', changed = 'x' "
            "WHERE id = (SELECT max(id) FROM operations WHERE thread_key = 1 AND operation = 'put')"
        )
    shown = steps(engine, 1)
    assert shown.channels.iloc[-1].sum() == 0
    assert shown.channels.iloc[-2].sum() > 0
    assert shown.table["changed"].iloc[-1] is None


def test_nodes_are_counted_and_timed(engine: Engine, path: Path) -> None:
    """Runs, cache hits and failures apart; an interrupt is no failure; quantiles of what ran."""
    with opened(path) as connection:
        for number, (took, error, cached) in enumerate(
            [(10, "", 0), (30, "ValueError", 0), (20, "GraphInterrupt", 0), (0, "", 1)]
        ):
            connection.execute(
                "INSERT INTO node_runs (process_id, seq, run, thread_key, at_us, duration_us, ns, "
                "graph, step, node, task, error, cached) "
                "VALUES (1, 0, 1, 4, ?, ?, 'sub:77', 'g', 1, 'tools', '', ?, ?)",
                (number, took, error, cached),
            )
    (tools,) = node_summary(engine, 4).query("node == 'tools'").to_dict("records")
    assert tools == {
        "node": "tools", "namespace": "sub", "runs": 3, "cached": 1, "errors": 1,
        "p50_us": 20.0, "p95_us": 30.0, "total_us": 60,
    }  # fmt: skip
    assert runs(engine, 4)["status"].tolist() == ["done"]
