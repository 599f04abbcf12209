"""A store filled with made-up rows that agree with each other, in a real SQLite file.

The sums (threads, rollups, minutes) are computed here from the operations in plain Python, so
that tests can hold the queries against another way to the same numbers.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert

from storage import models, models_costs
from storage.histogram import bucket_of, pack
from storage.store import open_writer
from tests.storage import seed_costs
from tests.storage.seed_resources import ResourceSeed
from tests.storage.seed_resources import sample as sample_resources

SECOND = 1_000_000
APPLICATIONS = {1: "support-bot", 2: "research"}
SAVERS = {
    1: ("aaaaaaaaaaaa", "sqlite", "SqliteSaver", "chat.sqlite"),
    2: ("bbbbbbbbbbbb", "memory", "InMemorySaver", ""),
    3: ("cccccccccccc", "sqlite", "AsyncSqliteSaver", "other.sqlite"),
    4: ("dddddddddddd", "postgres", "PostgresSaver", "localhost:5432/chat"),
    5: ("eeeeeeeeeeee", "redis", "RedisSaver", "localhost:6379/0"),
    6: ("ffffffffffff", "mongodb", "MongoDBSaver", "localhost:27017/chat"),
}
ALWAYS = (1, 2, 3)
"""Savers that every store knows; the others are there if a thread is."""


def operation(**told: Any) -> dict[str, Any]:
    """A row of ``operations`` with defaults for what is not told."""
    row = {
        "process_id": 1, "seq": 0, "thread_key": 0, "at_us": 0, "operation": "put",
        "duration_us": 0, "serde_us": 0, "serializer": "msgpack", "graph": "chat", "run": 1,
        "ns": "", "checkpoint": "", "parent": "", "step": None, "source": "", "task": "",
        "node": "", "error": "", "payload_bytes": 0, "live_bytes": None, "metadata_bytes": None,
        "bookkeeping_bytes": None, "stored_delta_bytes": 0, "rows": None, "channels": "{}",
        "changed": "0", "lists": "{}", "detail": "{}",
    }  # fmt: skip
    return row | told


class Seed:
    """Rows of all tables, made thread by thread, written at once."""

    def __init__(self, now_us: int, random_seed: int = 1) -> None:
        self.now_us = now_us
        self.random = random.Random(random_seed)
        self.operations: list[dict[str, Any]] = []
        self.threads: list[dict[str, Any]] = []
        self.nodes: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        self.minutes: list[dict[str, Any]] = []
        self.resources: ResourceSeed | None = None

    def thread(
        self,
        name: str,
        *,
        saver: int = 1,
        process: int = 1,
        steps: int = 20,
        begin_s: int = 600,
        every_s: float = 5.0,
        growth: int = 1_000,
        subgraph: bool = False,
        errors: int = 0,
    ) -> int:
        """Adds a thread whose ``messages`` grow by ``growth`` bytes a step; returns its row."""
        key = len(self.threads) + 1
        at = self.now_us - begin_s * SECOND
        live = stored = written = count = duration = serde = failed = 0
        minutes: dict[int, list[int]] = {}
        first = at
        for step in range(-1, steps - 1):
            checkpoint = f"{name}-{step + 1:06d}"
            channels = {
                "messages": max(growth * (step + 1), 1),
                "docs": 2_500,
                "branch:to:model": 1,
            }
            live = sum(channels.values()) + 400
            took = 300 + self.random.randrange(2_000)
            common = {"thread_key": key, "process_id": process, "run": 1 + (step + 1) // 4}
            for kind, size, cost, start in (
                ("put", live, took, at),
                ("put_writes", growth + 20, took // 3, at + 40_000),
            ):
                stored, written, count = stored + size, written + size, count + 1
                duration, serde = duration + cost, serde + cost // 4
                row = operation(
                    **common, operation=kind, at_us=start, duration_us=cost, serde_us=cost // 4,
                    checkpoint=checkpoint, payload_bytes=size, stored_delta_bytes=size,
                )  # fmt: skip
                if kind == "put":
                    row |= {
                        "step": step,
                        "source": "input" if step < 0 else "loop",
                        "parent": f"{name}-{step:06d}" if step >= 0 else "",
                        "live_bytes": live,
                        "metadata_bytes": 90,
                        "bookkeeping_bytes": 300,
                        "channels": json.dumps(channels),
                        "changed": json.dumps(["messages"]),
                        "lists": json.dumps(
                            {"messages": [step + 1, [[0, "AIMessage", growth], [1, "str", 20]]]}
                        ),
                    }
                else:
                    row |= {"channels": json.dumps([["messages", size]]), "node": "model"}
                minutes.setdefault(start // (60 * SECOND), [0, 0, 0, 0])
                minute = minutes[start // (60 * SECOND)]
                minute[0], minute[1] = live, stored
                minute[2] += size
                minute[3] += 1
                self.operations.append(row)
            if step >= 1:
                self.nodes.append(
                    {**common, "seq": 0, "at_us": at - 30_000, "duration_us": 20_000, "ns": "",
                     "graph": "chat", "step": step, "node": "model", "task": "t", "error": "",
                     "cached": 0}
                )  # fmt: skip
            if subgraph and step == 2:
                inner = operation(
                    **common, at_us=at + 60_000, ns="agent:1f00", checkpoint=f"{name}-inner",
                    step=0, source="loop", payload_bytes=700, live_bytes=700,
                    stored_delta_bytes=700, duration_us=100, serde_us=10,
                    channels='{"scratch": 500}', changed='["scratch"]',
                )  # fmt: skip
                self.operations.append(inner)
                stored, written, count = stored + 700, written + 700, count + 1
                duration, serde = duration + 100, serde + 10
            if failed < errors:
                failed, count, duration = failed + 1, count + 1, duration + 50
                self.operations.append(
                    operation(**common, operation="get_tuple", at_us=at + 70_000,
                              duration_us=50, error="OperationalError")
                )  # fmt: skip
            at += int(every_s * SECOND)
        last = max(row["at_us"] for row in self.operations if row["thread_key"] == key)
        self.runs.append(
            {"process_id": process, "seq": 0, "number": 1, "thread_key": key, "at_us": first,
             "duration_us": last - first, "graph": "chat", "run_id": "r1", "status": "done",
             "error": ""}
        )  # fmt: skip
        _, backend, *_ = SAVERS[saver]
        self.threads.append(
            {"id": key, "saver_id": saver, "thread_id": name, "graph": "chat",
             "application": APPLICATIONS[process], "backend": backend,
             "steps": steps + (1 if subgraph else 0), "operations": count, "errors": failed,
             "live_bytes": live, "stored_bytes": stored, "written_bytes": written,
             "metadata_bytes": 90 * steps, "duration_us": duration, "serde_us": serde,
             "first_seen_us": first, "last_seen_us": last, "checkpoint": checkpoint,
             "deleted_us": 0, "partial": 0,
             "channels": json.dumps({"": {"messages": [growth * steps, written, steps, steps]}})}
        )  # fmt: skip
        for minute_number, (minute_live, minute_stored, sent, calls) in minutes.items():
            self.minutes.append(
                {"thread_key": key, "minute_us": minute_number * 60 * SECOND,
                 "live_bytes": minute_live, "stored_bytes": minute_stored,
                 "written_bytes": sent, "operations": calls}
            )  # fmt: skip
        return key

    def write(self, path: Path, *, heartbeat_s: float = 0.5) -> Path:
        """Writes all rows to a new store whose collector reported ``heartbeat_s`` ago."""
        engine = new_store(path)
        self.fill(engine, heartbeat_s)
        engine.dispose()
        return path

    def fill(self, engine: Engine, heartbeat_s: float = 0.5) -> None:
        """Writes all rows to an empty store."""
        with engine.begin() as connection:
            for table, rows in (
                (models.Process, [self._process(n, name) for n, name in APPLICATIONS.items()]),
                (models.Saver, [
                    {"id": n, "key": key, "backend": backend, "class_name": name, "label": label,
                     "layout": "whole" if backend == "sqlite" else "channels",
                     "serializer": "JsonPlusSerializer", "database": ""}
                    for n, (key, backend, name, label) in SAVERS.items()
                    if n in {*ALWAYS, *(thread["saver_id"] for thread in self.threads)}
                ]),
                (models.Thread, self.threads),
                (models.Operation, self.operations),
                (models.NodeRun, self.nodes),
                (models.Run, self.runs),
                (models.ThreadMinute, self.minutes),
                (models.Rollup, self.rollups()),
                (models_costs.WorkloadHour, seed_costs.workload_hours(self)),
                (models.Collector, [self._collector(heartbeat_s)]),
            ):  # fmt: skip
                if rows:
                    connection.execute(insert(table), rows)
            if self.resources is not None:
                self.resources.fill(connection)

    def rollups(self) -> list[dict[str, Any]]:
        """The operations summed by bucket, at the three resolutions."""
        found: dict[tuple, dict[str, Any]] = {}
        histograms: dict[tuple, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        seen: set[int] = set()
        for row in sorted(self.operations, key=lambda one: one["at_us"]):
            thread = self.threads[row["thread_key"] - 1]
            is_new = thread["id"] not in seen
            seen.add(thread["id"])
            for resolution in (1, 60, 3600):
                bucket = row["at_us"] // (resolution * SECOND) * resolution * SECOND
                key = (resolution, bucket, thread["application"], thread["backend"],
                       row["operation"])  # fmt: skip
                sums = found.setdefault(key, dict.fromkeys(
                    ("count", "errors", "payload_bytes", "duration_us", "duration_max_us",
                     "serde_us", "stored_delta_bytes", "live_delta_bytes", "threads_delta"), 0)
                    | {"duration_min_us": row["duration_us"]})  # fmt: skip
                sums["count"] += 1
                sums["errors"] += bool(row["error"])
                sums["threads_delta"] += is_new
                sums["duration_max_us"] = max(sums["duration_max_us"], row["duration_us"])
                sums["duration_min_us"] = min(sums["duration_min_us"], row["duration_us"])
                for name in ("payload_bytes", "duration_us", "serde_us", "stored_delta_bytes"):
                    sums[name] += row[name]
                histograms[key][bucket_of(row["duration_us"])] += 1
        names = ("resolution_s", "bucket_us", "application", "backend", "operation")
        return [
            dict(zip(names, key, strict=True)) | sums | {"histogram": pack(histograms[key])}
            for key, sums in found.items()
        ]

    def _process(self, number: int, application: str) -> dict[str, Any]:
        return {
            "id": number, "incarnation": f"{number:032x}", "application": application,
            "host": "box", "pid": 4000 + number, "started_us": self.now_us - 900 * SECOND,
            "python": "3.11", "langgraph": "1.2.22", "probe": "0.1.0",
            "first_seen_us": self.now_us - 900 * SECOND, "last_seen_us": self.now_us,
            "last_seq": 100, "rss_bytes": 80_000_000 * number, "cpu_us": 1_000_000, "threads": 7,
            "emitted": 100, "dropped": '{"queue": 3}' if number == 2 else "{}", "failures": 0,
            "ended": 0,
        }  # fmt: skip

    def _collector(self, heartbeat_s: float) -> dict[str, Any]:
        heartbeat = self.now_us - int(heartbeat_s * SECOND)
        return {
            "id": 1, "holder": "c" * 32, "host": "box", "pid": 4242,
            "expires_us": heartbeat + 10 * SECOND, "started_us": self.now_us - 900 * SECOND,
            "heartbeat_us": heartbeat, "spool": "/data/spool", "ingested": len(self.operations),
            "events_per_second": 12.5, "lag_bytes": 0, "lag_events": 0, "lag_seconds": 0.0,
            "backlog_bytes": 0, "dead_letters": '{"checksum": 2}', "store_bytes": 1_234_567,
            "problem": "", "problem_since_us": 0,
        }  # fmt: skip


def new_store(path: Path) -> Engine:
    """An empty store."""
    return open_writer(str(path))


def sample(now_us: int) -> Seed:
    """Threads of both backends, some large, one with a subgraph, one id in two storages."""
    seed = Seed(now_us)
    seed.thread("support-1", steps=60, begin_s=580, growth=2_000)
    seed.thread("support-2", steps=20, begin_s=500, subgraph=True)
    seed.thread("support-3", saver=2, steps=30, begin_s=400, growth=300)
    seed.thread("research-1", saver=2, process=2, steps=50, begin_s=590, growth=900)
    seed.thread("support-1", saver=3, steps=5, begin_s=100, errors=2)
    for number in range(12):
        seed.thread(f"short_{number:02d}%", saver=1 + number % 2, steps=3 + number, begin_s=300)
    return seed


def sample_backends(now_us: int) -> Seed:
    """Threads of five backends, and stores, caches, embeddings, pools and lru caches."""
    seed = Seed(now_us, random_seed=2)
    for saver in SAVERS:
        for number in range(3):
            seed.thread(f"chat-{saver}-{number}", saver=saver, process=1 + number % 2,
                        steps=10 + 5 * number, begin_s=500 - 10 * saver, growth=300 * saver,
                        errors=int(saver == 5))  # fmt: skip
    seed.resources = sample_resources(now_us)
    return seed
