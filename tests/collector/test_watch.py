"""What looks beside ingest, in a process of its own: one look after the other, nothing lost where
one fails, and nothing left of it whatever ends the collector."""

from __future__ import annotations

import contextlib
import json
import pkgutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Connection, Engine

from collector import beside, watch
from collector.watch import Transaction, Watch
from storage.store import open_writer
from tests.collector.live import wait_for
from tests.collector.looked import Prices as Looks
from tests.collector.looked import Seen
from tests.collector.made import Made, query
from tests.conftest import StartChild

HEAVY = ("pandas", "numpy", "pyarrow", "collector.findings.finder", "collector.alerts.looking")
SOON = "from collector import watch; watch.FIRST_SECONDS = 0.1; "
MAIN = (
    "import json, sys; from collector.command import main; code = main([]); "
    f"print(json.dumps([name for name in {HEAVY} if name in sys.modules])); sys.exit(code)"
)


class Prices:
    """Marks what was seen."""

    name = "prices"
    looks = "tests.collector.looked:Prices"
    outcome = Seen
    every_seconds = 0.01

    def __init__(self) -> None:
        self.fails = False
        self.seen: list[Seen] = []
        self.stopped = 0

    def waits(self) -> bool:
        return False

    def store(self, transaction: Transaction, outcome: Seen) -> None:
        with transaction() as connection:
            for name in outcome.names:
                mark(connection, name)
            if self.fails:
                raise ZeroDivisionError
        self.seen.append(outcome)

    def once(self, looks: Looks, engine: Engine, transaction: Transaction) -> None:
        self.store(transaction, looks.look(engine) or Seen([], 0))

    def stop(self) -> None:
        self.stopped += 1


def mark(connection: Connection, name: str) -> None:
    connection.exec_driver_sql(
        "UPDATE cost_settings SET changed_us = changed_us + 1 WHERE name = ?", (name,)
    )


class Bench:
    """A store, and a watch that is tended by the test."""

    def __init__(self, path: Path) -> None:
        self.work = Prices()
        self.watch = Watch(str(path), [self.work])
        self.writer = open_writer(str(path))

    def new(self, name: str) -> None:
        """There is something to see."""
        with self.writer.begin() as connection:
            connection.exec_driver_sql("INSERT INTO cost_settings VALUES (?, '', 0)", (name,))

    def gone(self, name: str) -> None:
        """It is not there any more."""
        with self.writer.begin() as connection:
            connection.exec_driver_sql("DELETE FROM cost_settings WHERE name = ?", (name,))

    @property
    def marks(self) -> dict[str, int]:
        with self.writer.connect() as connection:
            rows = connection.exec_driver_sql("SELECT name, changed_us FROM cost_settings")
            return {row.name: row.changed_us for row in rows}

    def until(self, seen: Callable[[], object], what: str) -> None:
        """Tend like a collector until something is seen."""

        def tended() -> object:
            self.watch.tend(self.writer.begin)
            return seen()

        wait_for(tended, what)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(watch, "FIRST_SECONDS", 0.01)
    monkeypatch.setattr(watch, "RETRY_SECONDS", (0.01, 0.02))
    made = Bench(tmp_path / "store.sqlite")
    yield made
    made.watch.stop()
    made.writer.dispose()


def test_a_collector_starts_without_rules(start_child: StartChild) -> None:
    """Neither the rules nor what they need is imported by it."""
    child = start_child(
        "-c", f"import sys, collector.loop; print([m for m in {HEAVY} if m in sys.modules])"
    )
    assert child.wait(60) == 0
    assert child.log_path.read_text() == "[]\n"  # type: ignore[attr-defined]


def test_what_the_collector_watches_can_be_loaded(tmp_path: Path) -> None:
    """The late imports are there."""
    made = beside.watch(str(tmp_path / "store.sqlite"))
    works = [desk.work for desk in made._desks.values()]
    assert [work.name for work in works] == ["rules", "alerts"]
    for work in works:
        assert callable(pkgutil.resolve_name(work.looks)().look)


def test_each_is_seen_once(bench: Bench) -> None:
    """A look sees what the one before it stored; where storing or looking fails, it begins again
    from what is stored, and the collector is told of what it could not store."""
    bench.new("a")
    bench.until(lambda: bench.marks == {"a": 1}, "the first mark")
    bench.new("b")
    bench.until(lambda: bench.marks == {"a": 1, "b": 1}, "the second mark")
    assert [one.forgotten for one in bench.work.seen] == [0, 0]
    bench.work.fails = True
    bench.new("c")
    with pytest.raises(ZeroDivisionError):
        bench.until(lambda: False, "a store that fails")
    assert bench.marks["c"] == 0
    bench.work.fails = False
    bench.until(lambda: bench.marks["c"] == 1, "the third mark")
    bench.new("raise")
    bench.until(lambda: bench.marks["raise"] == 1, "a look after one that failed")
    assert [one.forgotten for one in bench.work.seen] == [0, 0, 1, 2]
    pid = bench.watch.pid
    assert pid is not None
    bench.watch.stop()
    assert bench.watch.pid is None
    assert not psutil.pid_exists(pid)
    assert bench.work.stopped == 1
    bench.new("d")
    bench.watch.look_once(bench.writer.begin)
    assert set(bench.marks.values()) == {1}


def test_one_that_crashes_or_hangs_is_replaced(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said what happened until it looks again, and what was there then is seen. One whose
    pipe is closed ends in the middle of its look."""
    bench.new("crash")
    bench.until(lambda: "was killed (SIGKILL" in bench.watch.problem, "a crash")
    bench.gone("crash")
    bench.new("a")
    bench.until(lambda: bench.marks == {"a": 1}, "the first mark")
    first = bench.watch.pid
    assert bench.watch.problem == ""
    bench.new("hang")
    monkeypatch.setattr(watch, "HUNG_SECONDS", 0.2)
    bench.until(lambda: "told nothing for" in bench.watch.problem, "one that hangs")
    monkeypatch.setattr(watch, "HUNG_SECONDS", 600.0)
    hangs = tmp_path / "hangs"
    hangs.unlink(missing_ok=True)
    bench.until(hangs.exists, "the next one, that hangs as well")
    child = bench.watch._child
    assert child is not None
    assert child.process.stdin is not None
    child.process.stdin.close()
    bench.until(lambda: "ended (exit code 0)" in bench.watch.problem, "its end")
    bench.gone("hang")
    bench.new("b")
    bench.until(lambda: bench.marks == {"a": 1, "b": 1}, "the second mark")
    assert bench.watch.pid != first
    assert bench.watch.problem == ""


def watcher(collector: subprocess.Popen[str]) -> psutil.Process | None:
    """The process that looks for a collector."""
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(collector.pid).children():
            if "collector.watcher" in child.cmdline():
                return child
    return None


def is_gone(process: psutil.Process) -> bool:
    """Whether it has ended; who should take note of that may be gone, too."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def looks(store: Path) -> int:
    """How often rules have looked."""
    if not store.exists():
        return 0
    try:
        return int(query(store, "SELECT coalesce(sum(looks), 0) AS n FROM rules")[0]["n"])
    except Exception:
        return 0  # its tables are being made


def test_a_collector_has_looked_and_has_no_pandas(isolated: Path, start_child: StartChild) -> None:
    """The process that looks is killed and another one goes on. Nothing is left of that after
    SIGTERM, and Ctrl-C in a terminal, which it gets as well, is none of its business. The collector
    has imported nothing of what looked."""
    store = isolated / "store.sqlite"
    made = Made(isolated / "spool", start_us=time.time_ns() // 1000)
    made.put("first", 1, 2_000_000)
    made.write()
    collector = start_child("-c", SOON + MAIN)
    wait_for(lambda: looks(store), "a look")
    first = watcher(collector)
    assert first is not None
    first.kill()
    made.put("second", 1, 2_000_000)
    made.write()
    before = looks(store)
    wait_for(lambda: looks(store) > before, "another look")
    second = watcher(collector)
    assert second is not None
    assert second != first
    assert query(store, "SELECT problem FROM collector") == [{"problem": ""}]
    second.send_signal(signal.SIGINT)
    collector.terminate()
    assert collector.wait(60) == 0
    assert is_gone(second)
    log = collector.log_path.read_text("utf-8")  # type: ignore[attr-defined]
    assert log.count("was killed") == log.count("was killed (SIGKILL") == 1
    assert "Traceback" not in log
    assert json.loads(log.splitlines()[-1]) == []
    made.die()


def test_nothing_is_left_of_a_collector_that_is_killed(
    isolated: Path, start_child: StartChild
) -> None:
    """The process that looks ends by itself."""
    collector = start_child("-c", SOON + MAIN)
    wait_for(lambda: watcher(collector), "the process that looks")
    child = watcher(collector)
    assert child is not None
    collector.kill()
    wait_for(lambda: is_gone(child), "its end")
