"""``python -m benchmarks.threads``: finding a thread among a million, on the server.

A store of made-up threads, written with the collector's own statements (``storage.inserts``): ids
as applications make them (UUIDs, ``user-…:chat-…``), sizes spread over five orders of magnitude,
last used over 30 days, three minutes and one put each, and a run for every tenth. Each query of
the Threads page is then timed; the floor is the first page of the whole list, by its index.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from benchmarks.figures import figure, percentile, quartiles
from storage import finding, inserts
from storage.queries import Scope
from storage.queries_threads import list_threads
from storage.store import open_reader, open_writer
from storage.thread_filter import Filter

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
CHUNK = 20_000
BACKENDS = ("postgres", "redis", "sqlite")


def checkpoint_id(at_us: int, salt: int) -> str:
    """A UUIDv6 of that moment, as LangGraph makes them."""
    ticks = at_us * 10 + 0x01B21DD213814000
    high, low = ticks >> 12, ticks & 0x0FFF
    return str(uuid.UUID(int=high << 80 | (0x6000 | low) << 64 | 0x8000 << 48 | salt))


def fill(path: Path, threads: int, now_us: int) -> None:
    """A store with that many threads."""
    engine = open_writer(str(path))
    rng = random.Random(7)
    sql = {
        name: inserts.insert_sql(name, without=("id",) if name in ("operations", "runs") else ())
        for name in ("threads", "thread_minutes", "operations", "runs", "savers", "processes")
    }
    with engine.begin() as connection:
        _insert(connection, sql, "processes", [
            {"id": 1, "incarnation": "0" * 32, "application": "bench"}
        ])  # fmt: skip
        _insert(connection, sql, "savers", [
            {"id": n, "key": f"{n:012x}", "backend": name, "label": f"{name}:5432/chat"}
            for n, name in enumerate(BACKENDS, 1)
        ])  # fmt: skip
    for first in range(1, threads + 1, CHUNK):
        rows: dict[str, list[dict[str, Any]]] = {
            "threads": [], "thread_minutes": [], "operations": [], "runs": []
        }  # fmt: skip
        for key in range(first, min(first + CHUNK, threads + 1)):
            _thread(rows, rng, key, now_us)
        with engine.begin() as connection:
            for name, told in rows.items():
                _insert(connection, sql, name, told)
    engine.dispose()


def _thread(
    rows: dict[str, list[dict[str, Any]]], rng: random.Random, key: int, now_us: int
) -> None:
    name = thread_name(key)
    live = int(10 ** rng.uniform(3, 7))
    stored = int(live * rng.uniform(1, 40))
    steps = rng.randrange(2, 200)
    last = now_us - int(30 * DAY_US * rng.random() ** 2)
    seen = last - rng.randrange(DAY_US)
    saver = key % len(BACKENDS) + 1
    checkpoint = checkpoint_id(last, key)
    rows["threads"].append({
        "id": key, "saver_id": saver, "thread_id": name,
        "application": ("shop", "desk", "ops")[key % 7 % 3], "graph": f"graph-{key % 11}",
        "backend": BACKENDS[saver - 1], "steps": steps, "operations": steps * 3,
        "errors": int(key % 1000 == 0), "live_bytes": live, "stored_bytes": stored,
        "written_bytes": stored, "metadata_bytes": 300 * steps, "duration_us": 900 * steps,
        "serde_us": 90 * steps, "first_seen_us": seen, "last_seen_us": last,
        "checkpoint": checkpoint, "newest": checkpoint, "deleted_us": 0, "partial": 0,
        "channels": json.dumps({"": {"messages": [live, stored, steps, steps]}}),
    })  # fmt: skip
    for part in range(3):
        minute = (last - part * 600 * SECOND_US) // (60 * SECOND_US) * 60 * SECOND_US
        rows["thread_minutes"].append({
            "thread_key": key, "minute_us": minute, "live_bytes": live,
            "stored_bytes": stored * (3 - part) // 3, "written_bytes": stored // 3,
            "operations": steps,
        })  # fmt: skip
    rows["operations"].append({
        "process_id": 1, "seq": key, "thread_key": key, "at_us": last, "operation": "put",
        "duration_us": 900, "serde_us": 90, "checkpoint": checkpoint, "payload_bytes": live,
        "live_bytes": live,
    })  # fmt: skip
    if key % 10 == 0:
        rows["runs"].append({
            "process_id": 1, "seq": key, "number": key, "thread_key": key, "at_us": last,
            "run_id": str(uuid.UUID(int=key << 64 | 0x4000 << 48)), "status": "done",
        })  # fmt: skip


def thread_name(key: int) -> str:
    """Two of three are UUIDs, the others say whose they are."""
    if key % 3:
        return str(uuid.UUID(int=random.Random(key).getrandbits(128), version=4))
    return f"user-{key % 5000:04d}:chat-{key}"


def _insert(connection: Any, sql: dict[str, str], name: str, rows: list[dict[str, Any]]) -> None:
    without = ("id",) if name in ("operations", "runs") else ()
    columns = inserts.columns_of(name, without)
    blank = {
        column.name: "" if str(column.type).startswith("VARCHAR") else 0
        for column in inserts.table(name).columns
    }
    inserts.run(
        connection, sql[name], [tuple((blank | row)[column] for column in columns) for row in rows]
    )


def questions(engine: Engine, threads: int, now_us: int) -> dict[str, Callable[[], object]]:
    """What a visitor asks of the page, by name."""
    key = threads // 2 // 3 * 3
    named, other = thread_name(key), thread_name(key + 1)
    last = now_us - 15 * DAY_US
    hour = now_us - 3600 * SECOND_US

    def page(sort: str = "stored", offset: int = 0, **chosen: Any) -> Callable[[], object]:
        return lambda: list_threads(engine, Filter(**chosen), sort, offset)

    with engine.connect() as connection:
        checkpoint, run = connection.exec_driver_sql(
            "SELECT t.checkpoint, r.run_id FROM runs r "
            "JOIN threads t ON t.id = r.thread_key ORDER BY r.id LIMIT 1 OFFSET ?",
            (threads // 20,),
        ).one()
    return {
        "first page, most stored": page(),
        "page 400": page(offset=25 * 400),
        "used last": page("recent"),
        "most live": page("live"),
        "most steps": page("steps"),
        "most written / live": page("amplification"),
        "exact id": page(search=other, match="exact"),
        "prefix, 200 of them": page(search=named.split(":")[0], match="prefix"),
        "prefix, a third of all": page(search="user-", match="prefix"),
        "part, one": page(search=other[5:20]),
        "part, a third of all": page(search="chat"),
        "part, none": page(search="no such thread"),
        "backend and application": page(scope=Scope("redis", "shop")),
        "with errors": page(errors_only=True),
        "used in the hour": page(used_after_us=hour),
        "used between": page(used_after_us=last, used_before_us=last + DAY_US),
        "stored between 1 and 2 MB": page(stored_at_least=10**6, stored_at_most=2 * 10**6),
        "live of 9 MB or more": page("live", live_at_least=9 * 10**6),
        "gained in the hour, most": page("gained", begin_us=hour),
        "gained in 7 days, most": page("gained", begin_us=now_us - 7 * DAY_US),
        "by checkpoint id": lambda: finding.find(engine, checkpoint),
        "by run id": lambda: finding.find(engine, run),
        "by an id of nothing": lambda: finding.find(engine, str(uuid.UUID(int=1 << 127))),
    }


def measure(quick: bool, store: Path | None = None) -> dict[str, Any]:
    """All figures."""
    threads, repeats = (20_000, 3) if quick else (1_000_000, 20)
    folder = Path(tempfile.mkdtemp(prefix="statemeter-bench-"))
    now_us = time.time_ns() // 1000
    try:
        path = store or folder / "store.sqlite"
        if not path.exists():
            fill(path, threads, now_us)
        else:
            open_writer(str(path)).dispose()
        engine = open_reader(str(path))
        figures = []
        asked = questions(engine, threads, now_us)
        times: dict[str, list[float]] = {name: [] for name in asked}
        for number in range(repeats + 1):
            for name, ask in asked.items():
                begin = time.perf_counter()
                ask()
                if number:  # the first fills the caches
                    times[name].append((time.perf_counter() - begin) * 1000)
        floor = percentile(next(iter(times.values())), 0.95)
        for name, took in times.items():
            p95 = percentile(took, 0.95)
            figures.append(
                figure(f"{name}: p95, {threads:,} threads", p95, "ms", floor=floor,
                       bound="<= 1500", spread=quartiles(took))
            )  # fmt: skip
        engine.dispose()
        return {"figures": figures, "threads": threads, "store_bytes": path.stat().st_size}
    finally:
        shutil.rmtree(folder)


def main() -> int:
    """Print JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.threads", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small store: shows that it runs")
    parser.add_argument("--store", type=Path, metavar="FILE", help="keep the store there")
    told = parser.parse_args()
    print(json.dumps(measure(told.quick, told.store), indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
