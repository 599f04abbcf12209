"""Serializing, recounted from the calls in plain Python; and of a real graph, as it wrote."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from sqlalchemy import Engine

import statemeter
from storage import queries_serializing
from storage.queries import Scope
from storage.queries_serializing import is_pickle, serializing
from storage.store import open_reader
from tests.collector.made import collect
from tests.statemeter.conftest import spool
from tests.statemeter.graphs import chat, thread
from tests.statemeter.spooled import Spooled
from tests.storage import seed

__all__ = ["spool"]


@pytest.fixture
def no_faults() -> bool:
    return True


@pytest.fixture
def made() -> seed.Seed:
    """The sample, and calls that write several channels, pickles, and what failed."""
    made = seed.sample(time.time_ns() // 1000)
    common = {"thread_key": 1, "at_us": made.now_us - 3_000_000, "run": 1}
    for channels, serde, tag, error in (
        ([["docs", 700], ["branch:to:x", 0]], 70, "msgpack", ""),
        ([["docs", 700], ["messages", 90]], 900, "msgpack", ""),
        ([["blob", 5_000]], 400, "pickle", ""), ([["docs", 9_000]], 1, "msgpack", "OSError"),
    ):  # fmt: skip
        made.operations.append(seed.operation(
            **common, operation="put_writes", channels=json.dumps(channels), serde_us=serde,
            duration_us=1_000, payload_bytes=sum(size for _, size in channels), node="retrieve",
            serializer=tag, error=error,
        ))  # fmt: skip
    return made


@pytest.fixture
def engine(made: seed.Seed, tmp_path: Path) -> Iterator[Engine]:
    found = open_reader(str(made.write(tmp_path / "store.sqlite")))
    yield found
    found.dispose()


def calls(made: seed.Seed, *operations: str, failed: bool = False) -> list[dict[str, Any]]:
    return [
        row for row in made.operations
        if row["operation"] in operations and (failed or not row["error"])
    ]  # fmt: skip


def test_operations_are_sums_of_the_window(engine: Engine, made: seed.Seed) -> None:
    """Counts, bytes, times, share and speed of each operation."""
    found = serializing(engine, 900).operations.set_index("operation")
    for operation in ("put", "put_writes", "get_tuple"):
        rows = calls(made, operation, failed=True)
        row = found.loc[operation]
        serde, took = (sum(one[name] for one in rows) for name in ("serde_us", "duration_us"))
        assert (row["count"], row["serde_us"], row["duration_us"]) == (len(rows), serde, took)
        assert row["share"] == pytest.approx(serde / took)
        assert row["mean_us"] == pytest.approx(serde / len(rows))
        sent = sum(one["payload_bytes"] for one in rows)
        assert (
            row["mb_per_s"] == pytest.approx(sent / serde) if serde else np.isnan(row["mb_per_s"])
        )


def test_time_over_time_adds_up(engine: Engine, made: seed.Seed) -> None:
    """Slots hold all of the window's time in the serializer."""
    found = serializing(engine, 900)
    written = sum(one["serde_us"] for one in calls(made, "put", "put_writes", failed=True))
    assert found.over_time["dump_us"].sum() == written
    puts = len(calls(made, "put", failed=True))
    assert found.step_us == pytest.approx(written / puts)


def test_channels_have_the_time_that_is_theirs_alone(engine: Engine, made: seed.Seed) -> None:
    """Of a call that wrote two channels, none has the time; a mark without bytes is no channel."""
    found = serializing(engine, 900)
    bytes_of: defaultdict[str, int] = defaultdict(int)
    timed: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for call in calls(made, "put_writes"):
        sizes = [(name, size) for name, size in json.loads(call["channels"]) if size]
        for name, size in sizes:
            bytes_of[name] += size
        if len(sizes) == 1:
            timed[sizes[0][0]][0] += sizes[0][1]
            timed[sizes[0][0]][1] += call["serde_us"]
    table = found.channels.set_index("channel")
    for name, size in bytes_of.items():
        row = table.loc[name]
        assert (row["write_bytes"], row["timed_bytes"], row["timed_us"]) == (size, *timed[name])
        assert row["mb_per_s"] == pytest.approx(timed[name][0] / timed[name][1])
    assert table.loc["docs", "timed_us"] == 70
    whole = {1, 3}  # savers of the sample that write one document
    rewritten = sum(
        json.loads(call["channels"]).get("messages", 0) for call in calls(made, "put")
        if made.threads[call["thread_key"] - 1]["saver_id"] in whole
    )  # fmt: skip
    assert table.loc["messages", "rewritten_bytes"] == rewritten
    assert table.loc["messages", "type"] == "AIMessage"
    (row,) = found.types.to_dict("records")
    assert (row["type"], row["channels"]) == ("AIMessage", ["messages"])
    assert row["mb_per_s"] == pytest.approx(table.loc["messages", "mb_per_s"])


def test_nodes_tags_and_runs(engine: Engine, made: seed.Seed) -> None:
    """By node and by the serializer's tag; pickles are known."""
    found = serializing(engine, 900)
    nodes = found.nodes.set_index("node")
    for node in ("model", "retrieve"):
        rows = [call for call in calls(made, "put_writes") if call["node"] == node]
        assert nodes.loc[node, "serde_us"] == sum(call["serde_us"] for call in rows)
        assert nodes.loc[node, "write_bytes"] == sum(call["payload_bytes"] for call in rows)
    tags = found.tags.set_index("tag")
    assert (tags.loc["pickle", "calls"], tags.loc["pickle", "pickled"]) == (1, True)
    assert not tags.loc["msgpack", "pickled"]
    assert found.complete
    assert found.runs > 0
    assert found.run_share is not None
    assert [is_pickle(tag) for tag in ("pickle", "zstd:pickle", "pickle+aes", "msgpack")] == [
        True, True, True, False,
    ]  # fmt: skip


def test_filters_and_a_sample(
    engine: Engine, made: seed.Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Backend and application narrow all of it; a sample says that it is one."""
    memory = serializing(engine, 900, Scope("memory", None))
    assert set(memory.channels["rewritten_bytes"]) <= {0}
    research = serializing(engine, 900, Scope(None, "research"))
    assert research.sampled < memory.sampled
    assert serializing(engine, 900, Scope("redis", None)).operations.empty
    monkeypatch.setattr(queries_serializing, "SAMPLE", 50)
    part = serializing(engine, 900)
    assert (part.sampled <= 50, part.complete) == (True, False)


def test_speed_where_bytes_pass_the_serializer_by(made: seed.Seed, tmp_path: Path) -> None:
    """A put of PostgreSQL has a JSON document beside its blobs: its speed is not known."""
    for row in made.threads:
        row["backend"] = "postgres"
    engine = open_reader(str(made.write(tmp_path / "p.sqlite")))
    found = serializing(engine, 900).operations.set_index("operation")
    engine.dispose()
    assert np.isnan(found.loc["put", "mb_per_s"])
    assert found.loc["put_writes", "mb_per_s"] > 0


class Timed(JsonPlusSerializer):
    """Keeps what it made, and how long that took."""

    def __init__(self) -> None:
        super().__init__()
        self.took_us = self.bytes = 0.0

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        start = time.perf_counter()
        typed = super().dumps_typed(obj)
        self.took_us += (time.perf_counter() - start) * 1e6
        self.bytes += len(typed[1])
        return typed


def test_a_real_graph(spool: Spooled, tmp_path: Path) -> None:
    """Bytes are those that its serializer made; its time is within that of the calls, and no less
    than the serializer's own."""
    own = Timed()
    connection = sqlite3.connect(tmp_path / "c.sqlite", check_same_thread=False)
    graph = statemeter.instrument(chat(SqliteSaver(connection, serde=own)))
    serde = graph.checkpointer.serde  # an instrumented copy
    for turn in range(5):
        graph.invoke({"messages": [("user", f"turn {turn}")]}, thread())
    assert statemeter.flush(30)
    connection.close()
    collect(spool.folder, tmp_path / "store.sqlite")
    engine = open_reader(str(tmp_path / "store.sqlite"))
    found = serializing(engine, 900)
    engine.dispose()
    writes = found.operations[found.operations["writes"]]
    assert writes["payload_bytes"].sum() == serde.bytes
    calls = writes["count"].sum()
    assert serde.took_us - calls <= writes["serde_us"].sum() <= writes["duration_us"].sum()
    assert set(found.nodes["node"]) == {"think", "answer"}
    messages = found.channels.set_index("channel").loc["messages"]
    assert messages["type"] == "AIMessage"
    assert found.runs == 5
    assert found.run_share is not None
    assert 0 < found.run_share < 1
