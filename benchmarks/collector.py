"""``python -m benchmarks.collector``: how fast a backlog is drained, and what memory it takes.

A spool of made-up chat turns (``benchmarks.traffic``) is drained by ``python -m collector --once``
in a process of its own, which is what a user runs. The rate on one core is by its CPU time, as it
is one thread, without that of its start, which is the floor and told apart; the rate by the clock
has start-up, waiting for the disk and for other programs in it.

Both are without the rules of findings and alerts, which a collector that ends looks at once. What
they take is told of collectors that go on, with and without them in turns: from the first to the
last row of the backlog, by the CPU time of all threads.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.figures import figure, quartiles
from benchmarks.traffic import Traffic, write_spool

RSS_BYTES_BOUND = 200_000_000
ENTRY = "import sys; from collector.command import main; sys.exit(main(sys.argv[1:]))"
WITHOUT = "from collector.beside import Beside; Beside.tend = Beside.look_once = lambda *_: None; "
POLL_SECONDS = 0.05


def drain(events: int, backend: str, threads: int) -> dict[str, float]:
    """One run: events, seconds by the clock and of CPU, and bytes."""
    folder = Path(tempfile.mkdtemp(prefix="statemeter-bench-"))
    try:
        spool, store = folder / "spool", folder / "store.sqlite"
        traffic = Traffic(1, backend=backend, threads=threads)
        count = write_spool(spool, traffic, events)
        spool_bytes = sum(file.stat().st_size for file in spool.glob("*.spool"))
        begin = time.perf_counter()
        child = _start(WITHOUT + ENTRY, spool, store, "--once")
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


def beside(events: int, rules: bool) -> dict[str, float]:
    """One collector that goes on until all is stored: events per second of CPU and by the clock,
    and its peak RSS, bytes."""
    folder = Path(tempfile.mkdtemp(prefix="statemeter-bench-"))
    try:
        spool, store = folder / "spool", folder / "store.sqlite"
        count = write_spool(spool, Traffic(1, backend="sqlite", threads=500), events)
        child = _start(("" if rules else WITHOUT) + ENTRY, spool, store)
        process = psutil.Process(child.pid)
        seen: list[tuple[int, float, float]] = []
        while not seen or _ingested(store) < count:
            time.sleep(POLL_SECONDS)
            rows = _stored(store)
            if rows and (not seen or rows > seen[-1][0]):
                cpu = process.cpu_times()
                seen.append((rows, cpu.user + cpu.system, time.perf_counter()))
        child.send_signal(signal.SIGINT)
        _, _, usage = os.wait4(child.pid, 0)
        child.returncode = 0
        stored = count * (seen[-1][0] - seen[0][0]) / seen[-1][0]
        return {
            "core": stored / (seen[-1][1] - seen[0][1]),
            "clock": stored / (seen[-1][2] - seen[0][2]),
            "rss_bytes": usage.ru_maxrss * 1024,
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
    return _asked(store, "SELECT ingested FROM collector")


def _stored(store: Path) -> int:
    return _asked(store, "SELECT max(id) FROM operations")


def _asked(store: Path, sql: str) -> int:
    """A number, 0 while the store is being made."""
    if not store.exists():
        return 0
    connection = sqlite3.connect(store)
    try:
        row = connection.execute(sql).fetchone()
        return int(row[0] or 0) if row else 0
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


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
    pairs = [(beside(events, rules=False), beside(events, rules=True)) for _ in range(repeats)]
    for at, name in enumerate(("without rules", "with rules beside")):
        core = [pair[at]["core"] for pair in pairs]
        figures += [
            figure(f"collector: one core, {name}", statistics.median(core), "events/s",
                   bound=">= 60000", spread=quartiles(core)),
            figure(f"collector: by the clock, {name}",
                   statistics.median(pair[at]["clock"] for pair in pairs), "events/s"),
            figure(f"collector: peak RSS, {name}", max(p[at]["rss_bytes"] for p in pairs) / 1e6,
                   "MB", bound=f"<= {RSS_BYTES_BOUND // 10**6}"),
        ]  # fmt: skip
    ratios = [after["core"] / before["core"] for before, after in pairs]
    figures.append(
        figure("collector: one core, with rules / without", statistics.median(ratios), "x",
               spread=quartiles(ratios))
    )  # fmt: skip
    runs["beside"] = [one for pair in pairs for one in pair]
    return {"figures": figures, "runs": runs}


def main() -> int:
    """Print JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.collector", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repeats: shows that it runs")
    print(json.dumps(measure(parser.parse_args().quick), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
