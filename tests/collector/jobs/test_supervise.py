"""Jobs from their asking to their row: one at a time, whatever happens to child and collector."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from collector.ingest import Ingest
from collector.jobs.supervise import Jobs
from collector.lease import Lease
from storage import jobs, queries_jobs
from storage.queries_jobs import Job
from storage.store import open_writer

MODULE = "tests.collector.jobs.counting"


class Bench:
    """A supervisor, with the store and the spool that it works on."""

    def __init__(self, folder: Path) -> None:
        self.spool = folder / "spool"
        self.made = folder / "made"
        self.made.mkdir()
        self.engine: Engine = open_writer(str(folder / "store.sqlite"))
        lease = Lease()
        assert lease.take(self.engine, time.time_ns() // 1000) is None
        self._ingest = Ingest(self.engine, lease.holder)
        self._ingest.load()
        self.jobs = self.another()

    def another(self) -> Jobs:
        """A supervisor that knows nothing yet."""
        return Jobs(self.spool, os.getpid(), MODULE)

    def ask(self, to: int = 3, then: str = "", kind: str = "count") -> str:
        """Ask for a job; its id."""
        asked = {"to": to, "then": then, "folder": str(self.made)}
        secrets = {"url": "redis://:hunter2@localhost"}
        return jobs.ask(self.spool, kind, f"to {to}", asked, secrets).id

    def tend(self) -> None:
        """One beat of the collector."""
        self.jobs.tend(self._ingest.transaction)

    def job(self, key: str) -> Job | None:
        """A job as the store has it."""
        found = queries_jobs.job(self.engine, key)
        return found[0] if found else None

    def until(self, true: Callable[[], object]) -> None:
        """Tend until something is so."""
        end = time.monotonic() + 60
        while not true():
            assert time.monotonic() < end
            self.tend()
            time.sleep(0.05)

    def end(self, key: str) -> Job:
        """Tend until a job has ended and its files are gone."""
        self.until(lambda: (job := self.job(key)) and job.ended and self.jobs.idle)
        job = self.job(key)
        assert job is not None
        assert not list((self.spool / jobs.FOLDER).iterdir())
        return job


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.jobs.stop()
    made.engine.dispose()


def test_a_job_runs_tells_and_stays_in_the_store(bench: Bench) -> None:
    """Its row says how far it is while it runs; in the end its files, secrets too, are gone."""
    key = bench.ask(to=150)
    assert stat.S_IMODE((bench.spool / "jobs" / f"{key}.request").stat().st_mode) == 0o600
    bench.tend()
    waiting = bench.job(key)
    assert waiting is not None
    assert waiting.state == "waiting"
    bench.until(lambda: (job := bench.job(key)) and job.state == "running" and job.share)
    seen = bench.job(key)
    assert seen is not None
    assert 0 < (seen.share or 0) < 1
    assert seen.phase.startswith("counting")
    job = bench.end(key)
    assert (job.state, job.problem, job.partial) == ("done", "", False)
    assert job.started_us < job.ended_us
    assert json.loads(queries_jobs.job(bench.engine, key)[1]) == {"number": 150}  # type: ignore[index]
    assert not list(bench.made.iterdir())
    dump = "\n".join(bench.engine.raw_connection().driver_connection.iterdump())  # type: ignore[union-attr]
    assert "hunter2" not in dump


def test_two_jobs_at_once_take_turns(bench: Bench) -> None:
    """The second waits until the first has ended."""
    first, second = bench.ask(to=60), bench.ask(to=5)
    bench.until(lambda: (job := bench.job(first)) and job.state == "running")
    waits = bench.job(second)
    assert waits is not None
    assert waits.state == "waiting"
    assert bench.end(second).state == "done"
    one, two = bench.job(first), bench.job(second)
    assert one is not None
    assert two is not None
    assert one.ended_us <= two.started_us


def test_a_job_is_cancelled_while_it_runs_and_while_it_waits(bench: Bench) -> None:
    """What it had found stays, marked as partial; what it made is removed."""
    runs, waits = bench.ask(to=100_000), bench.ask()
    bench.until(lambda: (job := bench.job(runs)) and job.share)
    jobs.cancel(bench.spool, waits)
    bench.until(lambda: (job := bench.job(waits)) and job.ended)
    jobs.cancel(bench.spool, runs)
    job = bench.end(runs)
    assert (job.state, job.partial, job.problem) == ("cancelled", True, "")
    assert not list(bench.made.iterdir())
    waited = bench.job(waits)
    assert waited is not None
    assert (waited.state, waited.started_us) == ("cancelled", 0)
    with pytest.raises(jobs.JobMissing):
        jobs.cancel(bench.spool, runs)


def test_a_killed_child_leaves_a_failed_job_and_nothing_else(bench: Bench) -> None:
    """SIGKILL, as of the out-of-memory killer: it says so, keeps its numbers, is cleaned up."""
    job = bench.end(bench.ask(to=40, then="die"))
    assert (job.state, job.partial) == ("failed", True)
    assert "SIGKILL" in job.problem
    assert not list(bench.made.iterdir())


def test_what_a_killed_collector_left_is_marked_and_cleaned(bench: Bench) -> None:
    """Its child was killed with it: the next collector says that the job failed."""
    key = bench.ask(to=100_000)
    bench.until(lambda: (job := bench.job(key)) and job.share)
    running = bench.jobs._running
    assert running is not None
    running.process.kill()
    running.process.wait()
    bench.jobs = bench.another()
    job = bench.end(key)
    assert (job.state, job.partial) == ("failed", True)
    assert not list(bench.made.iterdir())


def test_a_child_ends_with_its_collector(bench: Bench, tmp_path: Path) -> None:
    """It is told whose child it is, and cancels itself when that is gone."""
    key = bench.ask(to=100_000)
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    child = subprocess.Popen(
        [sys.executable, "-m", MODULE, key, "--spool", bench.spool, "--parent", str(parent.pid)]
    )
    end = time.monotonic() + 60
    while jobs.told(bench.spool, key) is None:
        assert time.monotonic() < end
        time.sleep(0.05)
    parent.communicate(b"\n")
    assert child.wait(60) == 0
    told = jobs.told(bench.spool, key)
    assert told is not None
    assert told.state == "cancelled"


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("refuse", "The server said no: ask another."),
        ("break", "It failed (RuntimeError). Please report it."),
        ("memory", "It ran out of memory. Ask for less: fewer turns, smaller values."),
        ("disk", "The disk is full (/somewhere)."),
    ],
)
def test_a_fault_is_told_without_secrets(bench: Bench, then: str, said: str) -> None:
    """Of a text that is not ours only the class is told: it may hold a password."""
    job = bench.end(bench.ask(then=then))
    assert (job.state, job.problem, job.partial) == ("failed", said, True)


def test_a_job_that_ends_well_may_be_partial(bench: Bench) -> None:
    """One server of several failed: the kind says so."""
    job = bench.end(bench.ask(then="lack"))
    assert (job.state, job.problem, job.partial) == ("done", "", True)


def test_a_kind_of_a_newer_version_fails_clearly(bench: Bench) -> None:
    """It does not stay in the queue."""
    job = bench.end(bench.ask(kind="teleport"))
    assert job.state == "failed"
    assert "teleport" in job.problem


def test_stopping_the_collector_cancels_what_runs(bench: Bench) -> None:
    """The next collector stores how it ended."""
    key = bench.ask(to=100_000)
    bench.until(lambda: (job := bench.job(key)) and job.share)
    bench.jobs.stop()
    assert not list(bench.made.iterdir())
    bench.jobs = bench.another()
    assert bench.end(key).state == "cancelled"
