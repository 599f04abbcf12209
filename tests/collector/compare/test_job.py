"""A comparison that is ended early, refused, or whose server goes away: a clear end each time."""

from __future__ import annotations

from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from collector.compare import job
from collector.jobs.errors import Cancelled, CannotRun, TooLarge
from storage.workloads import WORKLOADS, Size, estimate
from tests.collector.compare.comparing import compare, request, run
from tests.servers import redis_servers


@pytest.mark.parametrize("name", [one.name for one in WORKLOADS.values() if one.built_in])
def test_each_workload_holds_about_what_was_reckoned(tmp_path: Path, name: str) -> None:
    """Every built-in graph runs, sync and async; the estimate is of the right size."""
    size = Size(turns=6, threads=2, value_bytes=2_000, width=4)
    asked = request(
        tmp_path, always=("memory", "sqlite"), workload=name, size=size, modes=["sync", "async"],
    )  # fmt: skip
    found, work = run(asked)
    assert [one.problem for one in found.backends] == ["", ""]
    assert work.created == ["memory", "sqlite"]
    memory, disk = estimate(name, size)
    held = next(one for one in found.footprints if one.backend == "memory").points[-1]
    assert held.memory_bytes is not None
    assert 0.5 < memory / held.memory_bytes < 2.5
    pages = next(one for one in found.footprints if one.backend == "sqlite").points[-1].parts
    assert 0.4 < disk / pages["page_pages"] < 2.5
    assert {cell.spread["turn"].count for cell in found.cells} == {12}
    assert all(cell.spread["list"].count for cell in found.cells)


def test_rounds_begin_with_another_backend_each_time(tmp_path: Path) -> None:
    """So that what else the machine does hits all alike."""
    phases: list[str] = []
    asked = request(tmp_path, always=("memory", "sqlite"), rounds=3, size=Size(turns=1, threads=1))
    found = compare(asked, phases.append)
    order = [phase for phase in dict.fromkeys(phases) if phase.startswith("round")]
    names = [phase.split(": ")[1].split(",")[0] for phase in order]
    assert names == ["In memory", "SQLite", "SQLite", "In memory", "In memory", "SQLite"]
    assert [len(cell.rounds) for cell in found.cells] == [3, 3]


def test_cancelling_keeps_what_was_found_and_removes_what_was_made(
    tmp_path: Path, redis_stack_url: str
) -> None:
    """In the midst of a run."""
    asked = request(tmp_path, redis_stack_url, always=("sqlite",), size=Size(turns=10, threads=1))
    comparing = []

    def hook(phase: str) -> None:
        if phase.startswith("round 1 of 1: Redis"):
            raise Cancelled("It was cancelled.")

    original = job.Comparing.go

    def go(self: job.Comparing) -> None:
        comparing.append(self)
        original(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job.Comparing, "go", go)
        with pytest.raises(Cancelled):
            run(asked, hook)
    found = comparing[0].result
    assert {one.backend for one in found.footprints} == {"sqlite", "server0"}
    with redis.Redis.from_url(redis_stack_url) as client:
        assert not client.keys("*statemeter*")
        assert not [name for name in client.execute_command("FT._LIST") if b"statemeter" in name]
    assert not list((tmp_path / "spool").rglob("*.sqlite"))


def test_a_server_that_dies_in_mid_run_fails_alone(tmp_path: Path) -> None:
    """What it gave until then stays, the other backend goes on, and all is told."""
    with redis_servers.plain() as url:
        valkey = url.replace("redis://", "valkey://")
        asked = request(
            tmp_path, valkey, always=("memory",), rounds=2, size=Size(turns=30, threads=2)
        )
        killed = []

        def hook(phase: str) -> None:
            if phase.startswith("round 2 of 2: Valkey") and not killed:
                killed.append(phase)
                with redis.Redis.from_url(url) as client:
                    client.shutdown(nosave=True)

        found, work = run(asked, hook)
    assert killed
    valkey_, memory = (
        next(one for one in found.backends if one.backend == name) for name in ("valkey", "memory")
    )
    assert "connection" in valkey_.problem or "reached" in valkey_.problem
    assert "could not be removed" in valkey_.problem
    assert memory.problem == ""
    assert work.partial
    rounds = {cell.backend: len(cell.rounds) for cell in found.cells}
    assert rounds == {"memory": 2, valkey_.key: 1}


def test_what_does_not_fit_is_refused_with_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is made: of memory, and of disk."""
    huge = Size(turns=100_000, threads=10, value_bytes=1_000_000)
    with pytest.raises(TooLarge, match=r"MB of memory, of which [\d,]+ MB are free"):
        run(request(tmp_path, always=("memory",), size=huge))
    with pytest.raises(TooLarge, match=r"MB of disk at "):
        run(request(tmp_path, always=("sqlite",), size=huge))
    assert not (tmp_path / "spool").exists()
    assert psutil.Process().memory_info().rss < 2e9


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    """A request of another version, or by hand."""
    asked = request(tmp_path, always=("memory",))
    asked.asked["workload"] = "chess"

    class Work:
        request = asked
        partial = False

    with pytest.raises(CannotRun, match="chess"):
        job.run(Work())  # type: ignore[arg-type]


def test_nothing_that_works_is_no_comparison(tmp_path: Path) -> None:
    """The job fails, with the reason of each backend."""
    with pytest.raises(CannotRun, match=r"127\.0\.0\.1:1"):
        run(request(tmp_path, "redis://127.0.0.1:1/0"))


def test_what_a_killed_job_left_is_removed(tmp_path: Path, postgres_database: str) -> None:
    """By what it noted before it made it; twice over, it is no error."""
    asked = request(tmp_path, postgres_database, always=("sqlite",))

    class Gone(BaseException):
        """As SIGKILL: nothing is cleaned up."""

    def hook(phase: str) -> None:
        if phase.startswith("round"):
            raise Gone

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            job.Comparing, "_remove", lambda self: [one.close() for one in self._places.values()]
        )
        with pytest.raises(Gone):
            run(asked, hook)
    assert list((tmp_path / "spool").rglob("*.sqlite"))
    for _ in range(2):
        job.clean(asked, ["server0", "sqlite"])
        assert not list((tmp_path / "spool").rglob("*.sqlite"))
    with psycopg.connect(postgres_database) as connection:
        told = connection.execute("SELECT count(*) FROM pg_namespace WHERE nspname ~ 'statemeter'")
        assert told.fetchone() == (0,)
