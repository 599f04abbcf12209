"""``python -m benchmarks.beside``: a collector that goes on, without and with rules, in turns.

Two things are measured. A backlog of made-up chat turns is drained, from its first row to its last:
events a second of CPU time of the collector's process, and the peak RSS of that and of the process
that looks (``collector.watcher``), each of itself alone. And a chat that runs with the probe: from
when an event happened to when another program can read its row, which takes in the probe's 0.2 s
between two writes. When it is over, both processes are idle, and what they take then is told.

Rules look from the start here (a collector lets three seconds pass), and for ``SETTLE_SECONDS``
after the last row: what is of no thread is looked at every ten seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.figures import figure, percentile, quartiles
from benchmarks.traffic import Traffic, write_spool

RSS_MB_BOUND = 200
EVENTS = 400_000
TURN_SECONDS = 0.1
CHAT_SECONDS = 40.0
SETTLE_SECONDS = 12.0
IDLE_SECONDS = 20.0
POLL_SECONDS = 0.02
CHILDREN_SECONDS = 0.5
ARMS = ("without rules", "with rules")

_MAIN = "import sys; from collector.command import main; sys.exit(main(sys.argv[1:]))"
_CODE = {
    "without rules": "from collector.watch import Watch; Watch.tend = lambda *_: None; " + _MAIN,
    "with rules": "from collector import watch; watch.FIRST_SECONDS = 0.0; " + _MAIN,
}
_CHAT = "import sys; from benchmarks.beside import chat; chat(float(sys.argv[1]))"


@dataclass
class Running:
    """A collector, and the peaks of it and of its child."""

    process: psutil.Process
    spool: Path
    store: Path
    peaks: dict[str, int] = field(default_factory=lambda: {"collector": 0, "watcher": 0})
    _children: list[int] = field(default_factory=list)
    _next: float = 0.0

    @property
    def cpu_seconds(self) -> float:
        """Of the collector's process alone, all its threads."""
        return _cpu_seconds(self.process)

    def busy(self, seconds: float) -> tuple[float, float]:
        """Shares of a core, %, that the collector and what it started take now."""
        both = [[self.process], self.process.children()]
        before = [sum(map(_cpu_seconds, one)) for one in both]
        time.sleep(seconds)
        after = [sum(map(_cpu_seconds, one)) for one in both]
        first, second = (100 * (b - a) / seconds for a, b in zip(before, after, strict=True))
        return first, second

    def note(self) -> None:
        """Look at the peaks."""
        self.peaks["collector"] = max(self.peaks["collector"], _peak_bytes(self.process.pid))
        if time.monotonic() > self._next:  # a walk over all processes of the machine
            self._next = time.monotonic() + CHILDREN_SECONDS
            self._children = [child.pid for child in self.process.children()]
        for pid in self._children:
            self.peaks["watcher"] = max(self.peaks["watcher"], _peak_bytes(pid))

    def asked(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows; none while the store is being made."""
        if self.store.exists():
            with (
                contextlib.suppress(sqlite3.OperationalError),
                closing(sqlite3.connect(self.store)) as connection,
            ):
                return connection.execute(sql, values).fetchall()
        return []

    def number(self, sql: str) -> int:
        """The one value of a query, 0 while there is none."""
        rows = self.asked(sql)
        return int(rows[0][0] or 0) if rows else 0


@contextmanager
def collector(arm: str, folder: Path) -> Iterator[Running]:
    """One that runs until it is left."""
    spool, store = folder / "spool", folder / "store.sqlite"
    command = [sys.executable, "-c", _CODE[arm], "--spool", str(spool), "--store", str(store)]
    child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield Running(psutil.Process(child.pid), spool, store)
    finally:
        child.send_signal(signal.SIGINT)
        child.wait()


def drain(arm: str, events: int) -> dict[str, float]:
    """Events per second of CPU and by the clock, and the peaks, bytes."""
    with _folder() as folder:
        count = write_spool(folder / "spool", Traffic(1, backend="sqlite", threads=500), events)
        with collector(arm, folder) as running:
            seen: list[tuple[int, float, float]] = []
            while not seen or running.number("SELECT ingested FROM collector") < count:
                time.sleep(POLL_SECONDS)
                running.note()
                rows = running.number("SELECT max(id) FROM operations")
                if rows and (not seen or rows > seen[-1][0]):
                    seen.append((rows, running.cpu_seconds, time.perf_counter()))
            ends = time.monotonic() + SETTLE_SECONDS
            while time.monotonic() < ends or (arm == ARMS[1] and not _looks(running)):
                time.sleep(POLL_SECONDS)
                running.note()
            (first, *_, last) = seen
            stored = count * (last[0] - first[0]) / last[0]
            return {
                "core": stored / (last[1] - first[1]),
                "clock": stored / (last[2] - first[2]),
                "looks": _looks(running),
                **running.peaks,
            }


def delays(arm: str, seconds: float) -> tuple[list[float], tuple[float, float]]:
    """Seconds from an event to its row, of a chat that runs; and what is taken when it is over,
    % of a core, by the collector and by the process that looks."""
    with _folder() as folder, collector(arm, folder) as running:
        while not running.number("SELECT count(*) FROM collector"):
            time.sleep(POLL_SECONDS)
        environment = os.environ | {"STATEMETER_SPOOL": str(running.spool)}
        app = subprocess.Popen([sys.executable, "-c", _CHAT, str(seconds)], env=environment)
        found: list[float] = []
        newest = 0
        connection = sqlite3.connect(running.store)
        try:
            while True:
                ended = app.poll() is not None
                sql = "SELECT id, at_us FROM operations WHERE id > ?"
                rows = connection.execute(sql, (newest,)).fetchall()
                now_us = time.time_ns() // 1000
                if rows:
                    newest = max(row[0] for row in rows)
                    found += [(now_us - at_us) / 1e6 for _, at_us in rows]
                elif ended and not running.number("SELECT lag_bytes FROM collector"):
                    break
                time.sleep(0.005)
        finally:
            connection.close()
            app.wait()
        if arm == ARMS[1] and not _looks(running):
            raise SystemExit("no rule has looked: have the chat last longer.")
        time.sleep(SETTLE_SECONDS)  # what is new is looked at
        return found, running.busy(IDLE_SECONDS)


def chat(seconds: float) -> None:
    """An application: a turn every ``TURN_SECONDS``, a new thread every 20."""
    import statemeter
    from benchmarks.conversation import build, talk

    graph = build(statemeter.instrument)
    begin, number = time.monotonic(), 0
    while time.monotonic() - begin < seconds:
        talk(graph, f"thread-{number // 20}", 1)
        number += 1
        time.sleep(TURN_SECONDS)


def measure(quick: bool, events: int = EVENTS, repeats: int = 5) -> dict[str, Any]:
    """All figures."""
    if quick:
        events, repeats = 30_000, 1
    seconds = 12.0 if quick else CHAT_SECONDS
    runs: dict[str, list[dict[str, float]]] = {arm: [] for arm in ARMS}
    waits: dict[str, list[float]] = {arm: [] for arm in ARMS}
    idle: dict[str, list[tuple[float, float]]] = {arm: [] for arm in ARMS}
    for number in range(repeats):
        for arm in ARMS if number % 2 == 0 else reversed(ARMS):
            runs[arm].append(drain(arm, events))
            found, taken = delays(arm, seconds)
            waits[arm] += found
            idle[arm].append(taken)
    figures = []
    for arm in ARMS:
        core = [run["core"] for run in runs[arm]]
        figures += [
            figure(f"one core, {arm}", statistics.median(core), "events/s", bound=">= 60000",
                   spread=quartiles(core)),
            figure(f"by the clock, {arm}",
                   statistics.median(run["clock"] for run in runs[arm]), "events/s"),
            figure(f"peak RSS, {arm}", max(run["collector"] for run in runs[arm]) / 1e6, "MB",
                   bound=f"< {RSS_MB_BOUND}"),
            figure(f"event to store, p50, {arm}", percentile(waits[arm], 0.5), "s"),
            figure(f"event to store, p99, {arm}", percentile(waits[arm], 0.99), "s",
                   bound="<= 1"),
            figure(f"CPU when idle, {arm}", statistics.median(one for one, _ in idle[arm]),
                   "% of a core"),
        ]  # fmt: skip
    ratios = [after["core"] / before["core"] for before, after in zip(*runs.values(), strict=True)]
    figures += [
        figure("peak RSS of the process that looks",
               max(run["watcher"] for run in runs[ARMS[1]]) / 1e6, "MB"),
        figure("CPU of the process that looks, when idle",
               statistics.median(other for _, other in idle[ARMS[1]]), "% of a core"),
        figure("one core, with rules / without", statistics.median(ratios), "x",
               spread=quartiles(ratios)),
    ]  # fmt: skip
    return {"figures": figures, "events": events, "runs": runs}


def _looks(running: Running) -> int:
    return running.number("SELECT sum(looks) FROM rules")


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _peak_bytes(pid: int) -> int:
    """The most that a process ever had, as the system counts it; 0: it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    with contextlib.suppress(psutil.Error):  # no Linux: the peak is that of what was polled
        return int(psutil.Process(pid).memory_info().rss)
    return 0


@contextmanager
def _folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="statemeter-bench-"))
    try:
        yield made
    finally:
        shutil.rmtree(made)


def main() -> int:
    """Print JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beside", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repeats: shows that it runs")
    parser.add_argument("--events", type=int, default=EVENTS, help="of the backlog")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(json.dumps(measure(options.quick, options.events, options.repeats), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
