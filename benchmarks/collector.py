"""``python -m benchmarks.collector``: how fast a backlog is drained, and what memory it takes.

A spool of made-up chat turns (``benchmarks.traffic``) is drained by ``python -m collector --once``
in a process of its own, which is what a user runs. The rate on one core is by its CPU time, as it
is one thread, without that of its start, which is the floor and told apart; the rate by the clock
has start-up, waiting for the disk and for other programs in it.

Both are without the rules of findings and alerts, which ``benchmarks.beside`` has in collectors
that go on. What the look takes that ``--once`` ends with, in its own process, is told apart.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.figures import figure, quartiles
from benchmarks.traffic import Traffic, write_spool

RSS_BYTES_BOUND = 200_000_000
ENTRY = "import sys; from collector.command import main; sys.exit(main(sys.argv[1:]))"
WITHOUT = "from collector.watch import Watch; Watch.look_once = lambda *_: None; "


def drain(events: int, backend: str, threads: int, rules: bool = False) -> dict[str, float]:
    """One run: events, seconds by the clock and of CPU, and bytes."""
    folder = Path(tempfile.mkdtemp(prefix="statemeter-bench-"))
    try:
        spool, store = folder / "spool", folder / "store.sqlite"
        traffic = Traffic(1, backend=backend, threads=threads)
        count = write_spool(spool, traffic, events)
        spool_bytes = sum(file.stat().st_size for file in spool.glob("*.spool"))
        begin = time.perf_counter()
        child = _start(("" if rules else WITHOUT) + ENTRY, spool, store, "--once")
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - begin
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"the collector ended with {child.returncode}")
        ingested = _ingested(store)
        if ingested != count:
            raise SystemExit(f"{count} events were spooled, {ingested} stored")
        return {
            "events": count,
            "wall_seconds": wall,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "rss_bytes": usage.ru_maxrss * 1024,
            "spool_bytes_per_event": spool_bytes / count,
            "store_bytes_per_event": store.stat().st_size / count,
        }
    finally:
        shutil.rmtree(folder)


def _start(code: str, spool: Path, store: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", code, "--spool", str(spool), "--store", str(store), *more]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def start_up() -> float:
    """Seconds of CPU that the collector takes for nothing: the floor."""
    folder = Path(tempfile.mkdtemp(prefix="statemeter-bench-"))
    try:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        _start(WITHOUT + ENTRY, folder / "spool", folder / "store.sqlite", "--once").wait()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    finally:
        shutil.rmtree(folder)


def _ingested(store: Path) -> int:
    with closing(sqlite3.connect(store)) as connection:
        ((count,),) = connection.execute("SELECT ingested FROM collector")
    return int(count)


def measure(quick: bool) -> dict[str, Any]:
    """All figures."""
    repeats, events = (1, 30_000) if quick else (5, 400_000)
    figures = []
    runs: dict[str, list[dict[str, float]]] = {}
    floor = statistics.median(start_up() for _ in range(repeats))
    for backend, threads in (("sqlite", 500), ("memory", 500), ("sqlite", 20_000)):
        name = f"{backend}, {threads:,} threads"
        runs[name] = [drain(events, backend, threads) for _ in range(repeats)]
        core = [run["events"] / (run["cpu_seconds"] - floor) for run in runs[name]]
        wall = [run["events"] / run["wall_seconds"] for run in runs[name]]
        peak = max(run["rss_bytes"] for run in runs[name])
        bound = ">= 60000" if name == "sqlite, 500 threads" else ""
        figures += [
            figure(
                f"collector: one core, {name}", statistics.median(core), "events/s",
                bound=bound, spread=quartiles(core),
            ),
            figure(
                f"collector: by the clock, {name}", statistics.median(wall), "events/s",
                spread=quartiles(wall),
            ),
            figure(
                f"collector: peak RSS, {name}", peak / 1e6, "MB",
                bound=f"<= {RSS_BYTES_BOUND // 10**6}",
            ),
        ]  # fmt: skip
    figures.append(figure("collector: CPU of its start", floor, "s"))
    looks = [drain(events, "sqlite", 500, rules=True) for _ in range(1 if quick else 2)]
    figures.append(
        figure("collector: peak RSS of --once, its look included",
               max(run["rss_bytes"] for run in looks) / 1e6, "MB")
    )  # fmt: skip
    runs["once with a look"] = looks
    return {"figures": figures, "runs": runs}


def main() -> int:
    """Print JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.collector", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repeats: shows that it runs")
    print(json.dumps(measure(parser.parse_args().quick), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
