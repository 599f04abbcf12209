"""``python -m collector compare``: a real process, with the collector that it runs meanwhile."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path

import pytest

from collector.compare import command, report, targets
from collector.inspection.errors import BadAddress
from storage import comparisons, jobs, queries_jobs
from storage.ranking import Demands
from storage.store import open_reader
from tests.conftest import StartChild
from tests.storage import seed_comparison

SMALL = ("--turns", "2", "--threads", "1", "--rounds", "1", "--concurrency", "1")


def test_it_compares_and_tells(start_child: StartChild, isolated: Path) -> None:
    """Progress, then JSON; the result is in the store, and no file with a URL is left."""
    child = start_child("-m", "collector", "compare", *SMALL, "--no-kill", "--json", "--name", "x")
    assert child.wait(120) == 0
    told = child.log_path.read_text("utf-8")  # type: ignore[attr-defined]
    (line,) = [line for line in told.splitlines() if line.startswith("{")]
    found = comparisons.decode(line)
    assert {one.backend for one in found.cells} == {"memory", "sqlite"}
    key = re.search("comparison=([0-9a-f]{32})", told)
    assert key is not None
    engine = open_reader(str(isolated / "store.sqlite"))
    job = queries_jobs.job(engine, key[1])
    engine.dispose()
    assert job is not None
    assert (job[0].name, job[0].state, job[0].partial) == ("x", "done", False)
    assert not list((isolated / "spool" / "jobs").iterdir())
    assert not list((isolated / "spool").rglob("*.sqlite"))


def test_ctrl_c_cancels(start_child: StartChild, isolated: Path) -> None:
    """What was found until then is told, as partial."""
    child = start_child(
        "-m", "collector", "compare", "--turns", "5", "--threads", "2", "--rounds", "50",
        "--concurrency", "1", "--bytes", "10", "--no-kill",
    )  # fmt: skip
    deadline = time.monotonic() + 90
    folder = isolated / "spool" / jobs.FOLDER
    while time.monotonic() < deadline:
        found = list(folder.glob("*.told")) if folder.exists() else []
        if found and b'"phase":"round' in found[0].read_bytes():
            break
        time.sleep(0.1)
    child.send_signal(signal.SIGINT)
    assert child.wait(60) == 1
    told = child.log_path.read_text("utf-8")  # type: ignore[attr-defined]
    assert "cancelling" in told
    assert "Held in the end" in told
    assert not list((isolated / "spool").rglob("*.sqlite"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--backends", "oracle://me:hunter2@db/x"], "The scheme oracle://"),
        (["--backends", "chat.db"], "is a file: a comparison makes a file of its own"),
        (["--backends", "env:NO_SUCH"], "The environment variable NO_SUCH holds no URL"),
        (["--rounds", "0"], "number of rounds 0 cannot be"),
        (["--durability", "never"], "no durability 'never'"),
        (["--workload", "thread"], "No thread is named"),
    ],
)
def test_bad_input_is_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], isolated: Path
) -> None:
    """With the thing, its value and the fix, before a job is left; no password in it."""
    assert command.main(arguments) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "hunter2" not in told
    assert not isolated.exists()


def test_backends_are_named_in_many_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words, URLs with commas inside, environment variables; the same one counts once."""
    monkeypatch.setenv("REDIS", "redis://:hunter2@host:6379")
    named = targets.split("memory,mongodb://a:1,b:2/x,env:REDIS, sqlite,redis://:hunter2@host:6379")
    found, secrets = targets.named(named)
    assert [one.backend for one in found] == ["memory", "mongodb", "redis", "sqlite"]
    assert secrets == {"server1": "mongodb://a:1,b:2/x", "server2": "redis://:hunter2@host:6379"}
    assert "hunter2" not in json.dumps([one.shown for one in found])
    with pytest.raises(BadAddress):
        targets.named(["memory,sqlite"])


def test_the_report_has_all_that_the_page_has() -> None:
    """Latencies with spreads and ties, what is held, what survived, the recommendation."""
    told = report.text(seed_comparison.comparison(), Demands(restart=True))
    assert "sync, durability async, 8 at once" in told
    assert re.search(r"SQLite +0\.80 / 1\.60 .* 8\.00 ±0\.08", told)
    assert re.search(r"PostgreSQL +async +8 +10 +500 +unknown", told)
    assert re.search(r"In memory +async +0 of 3", told)
    assert "PostgreSQL and MongoDB are a tie" in told
