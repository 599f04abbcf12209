"""``python -m benchmarks.pages``: what a rerun of the Overview takes on the server.

Two stores of made-up chat turns, written by the collector: a large one with 10 million operations
of 100,000 threads in seven days, and one with 100,000 operations and as many threads. The script of
the page runs in this process (Streamlit's ``AppTest``) on both by turns, its query caches cleared
before each run, so that nothing is served from memory. The small store has seen four turns of a
thread, and retention has left it the newest 100,000 operations.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.figures import figure, percentile, quartiles
from benchmarks.traffic import EVENTS_A_TURN, Traffic, write_spool

REPOSITORY = Path(__file__).resolve().parent.parent
WEEK_US = 7 * 86_400_000_000
OPERATIONS_A_TURN = 8
CHUNK_EVENTS = 1_000_000
"""Spooled and drained at a time, so that the spool takes little of the disk."""

WINDOWS = ("15m", "1h", "7d")


def fill(folder: Path, operations: int, threads: int) -> Path:
    """A store with that many operations, the newest of them now."""
    store, spool = folder / "store.sqlite", folder / "spool"
    turns = -(-operations // OPERATIONS_A_TURN)
    traffic = Traffic(
        2,
        threads=threads,
        turn_us=WEEK_US // turns,
        start_us=time.time_ns() // 1000 - WEEK_US,
    )
    left = turns * EVENTS_A_TURN
    while left > 0:
        write_spool(spool, traffic, min(left, CHUNK_EVENTS))
        left -= CHUNK_EVENTS
        subprocess.run(
            [sys.executable, "-m", "collector", "--once",
             "--spool", str(spool), "--store", str(store)],
            cwd=REPOSITORY, stderr=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        shutil.rmtree(spool)
        traffic.new_incarnation()
    return store


def keep_newest(store: Path, operations: int) -> None:
    """Delete all but the newest operations, as retention does."""
    connection = sqlite3.connect(store)
    try:
        with connection:
            connection.execute(
                "DELETE FROM operations WHERE id <= (SELECT max(id) FROM operations) - ?",
                (operations,),
            )
    finally:
        connection.close()


def counts(store: Path) -> tuple[int, int]:
    """Operations and threads that a store holds."""
    connection = sqlite3.connect(store)
    try:
        return (
            connection.execute("SELECT count(*) FROM operations").fetchone()[0],
            connection.execute("SELECT count(*) FROM threads").fetchone()[0],
        )
    finally:
        connection.close()


class Visitor:
    """Someone who looks at the Overview of one store."""

    def __init__(self, store: Path, window: str) -> None:
        from streamlit.testing.v1 import AppTest

        self.store = store
        self.page = AppTest.from_file(str(REPOSITORY / "app.py"), default_timeout=120)
        self.page.query_params["window"] = window
        self.rerun()

    def rerun(self) -> float:
        """Run the script of the page once; seconds."""
        import streamlit as st

        os.environ["STATEMETER_STORE"] = str(self.store)
        st.cache_data.clear()
        begin = time.perf_counter()
        self.page.run()
        took = time.perf_counter() - begin
        if self.page.exception or len(self.page.metric) < 5:
            raise SystemExit(f"the Overview of {self.store} did not come up")
        return took


def measure(quick: bool) -> dict[str, Any]:
    """All figures."""
    from streamlit import config

    config.set_option("server.address", "127.0.0.1")
    small, large, threads, repeats = (
        (8_000, 80_000, 1_000, 3) if quick else (100_000, 10_000_000, 100_000, 40)
    )
    folder = Path(tempfile.mkdtemp(prefix="statemeter-bench-"))
    figures = []
    try:
        stores = []
        for operations in (max(small, threads * OPERATIONS_A_TURN * 4), large):
            (folder / str(operations)).mkdir()
            stores.append(fill(folder / str(operations), operations, threads))
        keep_newest(stores[0], small)
        held = [counts(store) for store in stores]
        for window in WINDOWS:
            visitors = [Visitor(store, window) for store in stores]
            times: list[list[float]] = [[], []]
            for number in range(repeats):
                for arm in (0, 1) if number % 2 else (1, 0):
                    times[arm].append(visitors[arm].rerun() * 1000)
            few, many = (percentile(arm, 0.95) for arm in times)
            figures += [
                figure(
                    f"Overview, {window}: rerun p95, {held[1][0]:,} operations", many, "ms",
                    bound="<= 150", floor=few, spread=quartiles(times[1]),
                ),
                figure(
                    f"Overview, {window}: its median / that of {held[0][0]:,}",
                    statistics.median(times[1]) / statistics.median(times[0]), "ratio",
                    bound="<= 1.2",
                ),
            ]  # fmt: skip
        sizes = [store.stat().st_size for store in stores]
        return {"figures": figures, "operations_threads": held, "store_bytes": sizes}
    finally:
        shutil.rmtree(folder)


def main() -> int:
    """Print JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small stores: shows that it runs")
    print(json.dumps(measure(parser.parse_args().quick), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
