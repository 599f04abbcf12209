"""Predictions are within 10 % of what is measured once the change is really made.

A conversation runs on a real saver as it is, and once more under each design: the same inputs, the
state changed as the shown code says. What the server then holds is compared with what was worked
out from the first thread alone.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from pymongo import MongoClient

from storage.design_pruning import code
from storage.design_reading import recorded
from storage.design_thread import Recorded
from storage.designs import Predicted, Prediction, Settings, predict
from storage.store import open_reader
from tests.collector import test_exact_bytes, test_exact_postgres
from tests.collector.made import collect, query
from tests.conftest import REPOSITORY

TOLERANCE = 0.1
SETTINGS = Settings(frequencies=(7, 30), lengths=(10, 20), summary=(16, 800, 4), kept=(1, 10))
LISTS = [
    "trim-messages-10", "trim-messages-20", "summarize-messages-16", "reference-policy", "exit",
    "trim-messages-20+exit",
]  # fmt: skip
DELTAS = ["delta-messages-7", "delta-messages-30"]
PRUNED = ["prune-1", "prune-10"]
DOCUMENTS = """
SELECT DISTINCT ON (thread_id) thread_id, octet_length(checkpoint::text) FROM checkpoints
ORDER BY thread_id, checkpoint_id DESC
"""
FEWER = ["trim-messages-10", "reference-policy", "exit", "delta-messages-7", "prune-1", "prune-10"]
"""On servers, whose layouts are those of the first two."""
ON_REDIS = ["today", "trim-messages-10", "reference-policy", "exit", "prune-10"]
MODULE = "tests.collector.designs.conversing"


class Made:
    """What happened on a saver, by design."""

    def __init__(self, folder: Path, backend: str, url: str, designs: list[str]) -> None:
        for keep in SETTINGS.kept:
            text = code(Recorded("", backend, "", "", ""), keep)
            (folder / f"prune-{keep}.py").write_text(text)
        spool = folder / "spool"
        done = subprocess.run(
            [sys.executable, "-m", MODULE, backend, url, "today", *designs],
            cwd=REPOSITORY, check=True, capture_output=True, text=True,
            env=os.environ | {"STATEMETER_SPOOL": str(spool), "CODE_FOLDER": str(folder)},
        )  # fmt: skip
        self.store = folder / "store.sqlite"
        self.told: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
        self.designs = designs
        collect(spool, self.store)

    def predicted(self, thread: str = "today") -> Predicted:
        """What is said of a thread."""
        engine = open_reader(str(self.store))
        try:
            key = query(self.store, "SELECT id FROM threads WHERE thread_id = ?", thread)[0]["id"]
            found = recorded(engine, key)
            assert found is not None
            return predict(found, SETTINGS)
        finally:
            engine.dispose()

    def row(self, thread: str) -> Any:
        """The thread as the store has it."""
        return query(self.store, "SELECT * FROM threads WHERE thread_id = ?", thread)[0]

    def read_bytes(self, thread: str) -> int:
        """What the last load of a thread read."""
        rows = query(
            self.store,
            "SELECT operation, payload_bytes FROM operations WHERE thread_key = "
            "(SELECT id FROM threads WHERE thread_id = ?) AND operation IN "
            "('get_tuple', 'get_delta_channel_history') ORDER BY id DESC",
            thread,
        )
        size = 0
        for row in rows:
            size += row["payload_bytes"]
            if row["operation"] == "get_tuple":
                break
        return size

    def check(self, held: dict[str, int]) -> None:
        """Compare all of them.

        Args:
            held: thread → stored bytes, by the server's own account.
        """
        found = self.predicted()
        assert found.notes == []
        assert found.today is not None
        today = self.row("today")
        exact = (today["stored_bytes"], today["written_bytes"], today["live_bytes"])
        told = found.today
        assert (told.stored_bytes, told.written_bytes, told.live_bytes) == exact
        assert told.stored_bytes == held["today"]
        by_id = {one.design.id: one for one in found.others}
        for design in self.designs:
            one = by_id[design]
            row = self.row(design)
            near(design, "stored", one.stored_bytes, held[design])
            near(design, "live", one.live_bytes, row["live_bytes"])
            near(design, "written", one.written_bytes, row["written_bytes"])
            assert (
                one.saved_bytes == told.stored_bytes - (one.stored_bytes or 0) - one.elsewhere_bytes
            )
            assert one.gives_up
            assert one.code
        near("reference", "elsewhere", by_id["reference-policy"].elsewhere_bytes,
             self.told["elsewhere"])  # fmt: skip


def near(design: str, what: str, predicted: int | None, measured: int) -> None:
    """Within 10 %."""
    assert predicted is not None
    off = predicted / measured - 1
    assert abs(off) <= TOLERANCE, (
        f"{design}: {what} {predicted:,}, measured {measured:,} ({off:+.1%})"
    )


def reads_are_near(made: Made, designs: list[str], unseen: dict[str, int] | None = None) -> None:
    """What a load reads, the walk over ancestors included; ``unseen`` is what no serializer sees
    of it."""
    by_id = {one.design.id: one for one in made.predicted().others}
    for design in designs:
        measured = made.read_bytes(design) + (unseen or {}).get(design, 0)
        near(design, "read", by_id[design].read_bytes, measured)


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Every design on SqliteSaver."""
    folder = tmp_path_factory.mktemp("sqlite")
    return Made(folder, "sqlite", str(folder / "app.sqlite"), [*LISTS, *DELTAS, *PRUNED])


def test_on_sqlite(on_sqlite: Made) -> None:
    """By the sums over its tables."""
    path = on_sqlite.store.parent / "app.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        held = {
            thread: connection.execute(test_exact_bytes.STORED, {"t": thread}).fetchone()[0]
            for thread in ("today", *on_sqlite.designs)
        }
    on_sqlite.check(held)
    reads_are_near(on_sqlite, [*LISTS, *DELTAS])


def test_in_memory(tmp_path: Path) -> None:
    """By the dictionaries of InMemorySaver; it has no way to prune, which is said."""
    made = Made(tmp_path, "memory", "", [*LISTS, *DELTAS])
    made.check(made.told)
    reads_are_near(made, DELTAS)
    refused = {one.design.id: one.why_not for one in made.predicted().others if one.why_not}
    assert set(refused) == set(PRUNED)
    assert "delete_thread" in refused["prune-1"]


def test_on_postgres(postgres_database: str, tmp_path: Path) -> None:
    """By the server's sums; small values are inside the document."""
    made = Made(tmp_path, "postgres", postgres_database, FEWER)
    with psycopg.connect(postgres_database) as connection:
        held = dict(connection.execute(test_exact_postgres.STORED).fetchall())
        documents = dict(connection.execute(DOCUMENTS).fetchall())
    made.check(held)
    reads_are_near(made, ["delta-messages-7"], documents)


def test_on_mongodb(mongo_url: str, tmp_path: Path) -> None:
    """By the server's sums; a DeltaChannel is slow there, which is said."""
    name = f"designs_{uuid.uuid4().hex[:8]}"
    made = Made(tmp_path, "mongodb", f"{mongo_url}/{name}", FEWER)
    client: MongoClient[Any] = MongoClient(mongo_url)
    try:
        held: dict[str, int] = {}
        for collection, field in (("checkpoints", "$checkpoint"), ("checkpoint_writes", "$value")):
            sums = [{"$group": {"_id": "$thread_id", "size": {"$sum": {"$binarySize": field}}}}]
            for row in client[name][collection].aggregate(sums):
                held[row["_id"]] = held.get(row["_id"], 0) + row["size"]
    finally:
        client.drop_database(name)
        client.close()
    made.check(held)
    slow = [one for one in made.predicted().others if one.design.kind == "delta"]
    assert all(any("each ancestor is a query" in text for text in one.gives_up) for one in slow)


@pytest.fixture
def redis_held(redis_stack_url: str) -> Iterator[Any]:
    """Thread → stored bytes, by the server; the threads are deleted in the end."""
    client = redis.Redis.from_url(redis_stack_url)

    def held() -> dict[str, int]:
        found = dict.fromkeys(ON_REDIS, 0)
        for thread in ON_REDIS:
            for kind, path in (("checkpoint", ".checkpoint"), ("checkpoint_write", ".blob")):
                for key in client.scan_iter(f"{kind}:{thread}:*", count=1000):
                    size = len(client.execute_command("JSON.GET", key, path))
                    found[thread] += size - 2 * (kind == "checkpoint_write")
        return found

    yield held
    for thread in ON_REDIS:
        for key in client.scan_iter(f"*{thread}:*", count=1000):
            client.delete(key)
    client.close()


def test_on_redis(redis_stack_url: str, redis_held: Any, tmp_path: Path) -> None:
    """By the server's JSON; a DeltaChannel is refused there."""
    made = Made(tmp_path, "redis", redis_stack_url, ON_REDIS[1:])
    made.check(redis_held())
    others = {one.design.id: one for one in made.predicted().others}
    assert {one for one in others if others[one].why_not} == set(DELTAS)
    assert "Redis" in others["delta-messages-7"].why_not


def test_a_delta_channel_is_refused_what_would_empty_it(on_sqlite: Made) -> None:
    """A thread that has one already is not pruned, and is not told to have it again."""
    found = on_sqlite.predicted("delta-messages-30")
    assert found.today is not None
    assert found.today.most_ancestors > 30
    by_id: dict[str, Prediction] = {one.design.id: one for one in found.others}
    assert "DeltaChannel" in by_id["prune-1"].why_not
    assert "DeltaChannel" in by_id["exit"].why_not
    assert not any(one.startswith(("delta", "reference-messages")) for one in by_id)


def test_exit_has_nothing_left_to_save(on_sqlite: Made) -> None:
    """A thread with one checkpoint a run is not told to write one checkpoint a run."""
    assert "exit" not in {one.design.id for one in on_sqlite.predicted("exit").others}
