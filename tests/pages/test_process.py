"""The Process page shows the numbers of the store, in each of its states."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from sqlalchemy import insert

from collector.findings.finder import Finder
from collector.findings.rules import process_leak
from pages.ui import formats
from storage import models, models_resources
from storage.store import open_reader
from tests.pages.conftest import Visit, charts, metrics, texts
from tests.storage import seed

MB = 1_000_000
PROCESSES = {1: f"{1:032x}", 2: f"{2:032x}", 3: f"{3:032x}"}


def fill(store: Path, heartbeat_s: float = -3600) -> dict[str, Any]:
    """A process that grows by 100 KB a second with its node, one that is steady, and a dead one."""
    made = seed.sample(time.time_ns() // 1000)
    made.nodes += [
        {"process_id": 1, "seq": 0, "run": n, "thread_key": 1, "duration_us": 900,
         "at_us": made.now_us - (60 - n) * seed.SECOND,
         "ns": "", "graph": "chat", "step": 1, "node": "hoard", "task": f"t{n}",
         "error": "", "cached": 0, "rss_before_bytes": 100 * MB + n * MB,
         "rss_after_bytes": 101 * MB + n * MB, "rss_peak_bytes": 103 * MB + n * MB}
        for n in range(60)
    ]  # fmt: skip
    for row in made.nodes[:-60]:
        row.update(rss_before_bytes=None, rss_after_bytes=None, rss_peak_bytes=None)
    engine = seed.new_store(store)
    made.fill(engine, heartbeat_s)
    last: dict[str, Any] = {}
    with engine.begin() as connection:
        connection.execute(insert(models.Process), [
            made._process(3, "support-bot")
            | {"ended": 4, "last_seen_us": made.now_us - 300 * seed.SECOND}
        ])  # fmt: skip
        connection.execute(insert(models_resources.Resource), [
            {"id": 90 + n, "key": f"{90 + n:012x}", "kind": "process", "label": "/group"}
            for n in PROCESSES
        ])  # fmt: skip
        rows, samples = [], []
        for number, name in PROCESSES.items():
            for second in range(850):
                at_us = made.now_us - (850 - second) * seed.SECOND
                if number == 3 and second > 550:
                    break
                rss = 200 * MB + (second * 100_000 if number == 1 else second % 7 * 4096)
                samples.append({"process_id": number, "at_us": at_us, "rss_bytes": rss,
                                "cpu_percent": 12.5, "threads": 7})  # fmt: skip
                if second % 5:
                    continue
                readings = {
                    "rss_bytes": rss, "anon_bytes": rss - 20 * MB, "file_bytes": 20 * MB,
                    "shmem_bytes": 0, "saver_bytes": 30 * MB, "saver_overhead_bytes": 5 * MB,
                    "malloc_bytes": rss - 90 * MB, "blocks": 400_000, "uss_bytes": rss - 10 * MB,
                    "swap_bytes": 0, "threads": 7, "fds": 12, "children": 0, "open_runs": 1,
                    "left_streams": 0, "gc_worst_us": 900, "loop_lag_us": 2_500,
                    "limit_bytes": 512 * MB, "used_bytes": rss, "oom_kills": 0,
                }  # fmt: skip
                last[name] = readings
                levels = json.dumps(readings)
                rows += [
                    {"resolution_s": resolution, "resource_id": 90 + number, "process_id": number,
                     "bucket_us": at_us // (resolution * seed.SECOND) * resolution * seed.SECOND,
                     "at_us": at_us, "readings": levels, "peaks": levels,
                     "added": json.dumps({"runs": 5, "cpu_us": 600_000, "gc_pause_us": 1000})}
                    for resolution in (1, 60, 3600)
                ]  # fmt: skip
        newest = {(r["resolution_s"], r["process_id"], r["bucket_us"]): r for r in rows}
        connection.execute(insert(models_resources.GaugeSample), list(newest.values()))
        connection.execute(insert(models.Sample), samples)
    engine.dispose()
    return last


def test_one_process(visit: Visit, store: Path) -> None:
    """Cards, areas that add up to the resident memory, verdict in words with numbers, nodes."""
    last = fill(store)[PROCESSES[1]]
    shown = visit("process", window="15m", process=PROCESSES[1])
    cards = metrics(shown)
    rss = 200 * MB + 849 * 100_000
    assert cards["Resident memory"] == formats.size(rss)
    assert cards["Unique memory"] == formats.size(last["uss_bytes"])
    assert cards["Container limit"] == formats.size(512 * MB)
    assert cards["Event-loop lag"] == "2.50 ms"
    assert cards["CPU"] == formats.share(0.125)
    drawn = charts(shown)
    areas = {
        trace.name: np.asarray(trace.y, dtype=float)
        for trace in drawn["Memory of the process over time"].data if trace.stackgroup
    }  # fmt: skip
    assert sum(values[-1] for values in areas.values()) == pytest.approx(rss / MB, rel=1e-6)
    assert areas["in-memory savers"][-1] == 35
    assert areas["mapped files"][-1] == 20
    names = {trace.name for trace in drawn["Memory of the process over time"].data}
    assert {"container limit", "runs of nodes"} <= names
    assert {"CPU and runs over time", "Pauses over time"} <= set(drawn)
    told = texts(shown)
    assert "It leaks" in told
    assert "360 MB an hour" in told
    assert "do not explain it" in told
    left_s = (512 * MB - last["used_bytes"]) / 100_000
    assert f"memory is used up in {formats.duration(left_s * 1e6)}" in told
    (nodes,) = [t.value for t in shown.dataframe if "mean" in t.value.columns]
    (row,) = nodes[nodes["node"] == "hoard"].to_dict("records")
    assert (row["runs"], row["grown"], row["mean"]) == (60, 60 * MB, 1000)
    assert row["flag"] == ["grows"]


def test_a_steady_one_is_not_flagged(visit: Visit, store: Path) -> None:
    fill(store)
    shown = visit("process", window="15m", process=PROCESSES[2])
    assert "It does not grow" in texts(shown)
    (rows,) = [t.value for t in shown.dataframe if "rss" in t.value.columns]
    assert len(rows) == 3
    assert {tuple(one) for one in rows["leak"]} >= {("leak",), ("steady",)}


def test_thresholds_are_those_of_the_rule(visit: Visit, store: Path) -> None:
    """One that is changed on the page Findings changes what this page says, as it does for the
    rule."""
    fill(store)
    leaking = {PROCESSES[1]}
    for gained, shown_as, found in (
        (60e6, "It leaks", leaking),
        (500e6, "It does not grow", set()),
    ):
        with closing(sqlite3.connect(store)) as connection, connection:
            connection.execute(
                "INSERT OR REPLACE INTO rule_settings (name, value, changed_us) VALUES (?, ?, 0)",
                ("process-leak.gained", gained),
            )
        st.cache_data.clear()
        assert shown_as in texts(visit("process", window="15m", process=PROCESSES[1]))
        engine = open_reader(str(store))
        ran = Finder([process_leak.RULE]).look(engine, time.time_ns() // 1000).ran
        engine.dispose()
        assert {one.subject.process for _, one in ran["process-leak"].found} == found


def test_a_dead_one_has_its_last_minutes(visit: Visit, store: Path) -> None:
    """Killed for want of memory, how sure that is, and its curve until then."""
    fill(store)
    shown = visit("process", window="15m", process=PROCESSES[3])
    told = texts(shown)
    assert "its cgroup counted a process killed for want of memory" in told
    (figure,) = [f for name, f in charts(shown).items() if name.startswith("Memory")]
    assert "ended" in {trace.name for trace in figure.data}


def test_without_an_address_the_first_is_shown(visit: Visit, store: Path) -> None:
    fill(store)
    assert metrics(visit("process", window="15m"))["Resident memory"]
    told = texts(visit("process", process="f" * 32))
    assert "The store has no such process" in told


def test_a_process_without_readings(visit: Visit, filled: seed.Seed) -> None:
    """An older probe tells none: said in words, and nothing is drawn as zero."""
    told = texts(visit("process"))
    assert "there are no readings" in told


def test_empty(visit: Visit, store: Path) -> None:
    """What to do next."""
    assert "Run the demo" in texts(visit("process"))


def test_stale(visit: Visit, store: Path) -> None:
    """Since when the collector is silent, above what is known."""
    fill(store, heartbeat_s=600)
    shown = visit("process", window="15m")
    assert "collector" in texts(shown)
    assert metrics(shown)


def test_broken(visit: Visit, store: Path) -> None:
    """What, where and the fix."""
    store.write_bytes(b"no store" * 1000)
    told = texts(visit("process"))
    assert "is not a store of Statemeter" in told or "damaged" in told
