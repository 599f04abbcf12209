"""``python -m collector`` as a user runs it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from benchmarks.traffic import Traffic, write_spool
from tests.collector.live import wait_for
from tests.collector.made import Made, one, query
from tests.conftest import REPOSITORY, StartChild


def run(*arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "collector", *map(str, arguments)],
        cwd=REPOSITORY, env=os.environ | env, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip


def test_once_drains_and_ends(tmp_path: Path) -> None:
    """With paths given, and an empty spool left behind."""
    spool, store = tmp_path / "a spool", tmp_path / "stores" / "my?store#1.sqlite"
    count = write_spool(spool, Traffic(1), 2_000, segment_bytes=100_000)
    done = run("--once", "--spool", spool, "--store", store)
    assert done.returncode == 0, done.stderr
    assert one(store, "SELECT ingested FROM collector") == count
    assert list(spool.glob("*.spool")) == []
    assert f"collecting from {spool} into {store}" in done.stderr
    assert store.parent.stat().st_mode & 0o777 == 0o700
    assert store.stat().st_mode & 0o777 == 0o600


def test_settings_name_spool_and_store(tmp_path: Path) -> None:
    spool, store = tmp_path / "s", tmp_path / "m.sqlite"
    write_spool(spool, Traffic(1), 50)
    done = run("--once", STATEMETER_SPOOL=str(spool), STATEMETER_STORE=f"sqlite:///{store}")
    assert done.returncode == 0, done.stderr
    assert one(store, "SELECT count(*) FROM threads") > 0


@pytest.mark.parametrize(
    ("store", "told"),
    [
        ("postgresql://me:hunter2@host/db?password=hunter2", "is a postgresql database"),
        ("sqlite://", "names no file"),
        ("nonsense://", "is a nonsense database"),
        ("://", "cannot be read"),
        ("/dev/null/store.sqlite", "cannot be used"),
    ],
)
def test_bad_store_ends_with_a_message(tmp_path: Path, store: str, told: str) -> None:
    """One line that names the thing and the fix; no traceback, no password."""
    done = run("--once", "--spool", tmp_path, "--store", store)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_bad_setting_ends_with_a_message(tmp_path: Path) -> None:
    done = run("--once", "--spool", tmp_path, STATEMETER_RETENTION_DAYS="-1")
    assert done.returncode == 2
    assert "STATEMETER_RETENTION_DAYS='-1' cannot be used" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_in_good_order(
    tmp_path: Path, start_child: StartChild, number: signal.Signals
) -> None:
    """Quietly, with exit code 0 and the lease given back."""
    made = Made(tmp_path / "spool")
    made.put("t", 1)
    made.write()
    child, store = start(start_child, tmp_path)
    wait_for(lambda: exists(store, "SELECT 1 FROM operations"), "ingest")
    child.send_signal(number)
    assert child.wait(60) == 0
    assert "Traceback" not in child.log_path.read_text()
    assert one(store, "SELECT holder FROM collector") == ""
    assert made.path.exists()
    made.die()


def test_it_ends_with_its_parent(tmp_path: Path, start_child: StartChild) -> None:
    """Started for a process, it does not outlive it."""
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    child, store = start(start_child, tmp_path, "--parent", str(parent.pid))
    wait_for(lambda: exists(store, "SELECT 1 FROM collector"), "a lease")
    assert child.poll() is None
    assert parent.stdin is not None
    parent.stdin.close()
    parent.wait()
    assert child.wait(60) == 0


def test_killed_holder_is_replaced_without_waiting(tmp_path: Path, start_child: StartChild) -> None:
    first, store = start(start_child, tmp_path)
    wait_for(lambda: exists(store, "SELECT 1 FROM collector"), "a lease")
    first.kill()
    first.wait()
    with closing(sqlite3.connect(store)) as connection, connection:
        # A lease that nobody could wait for: however slow the machine, it is in force.
        connection.execute("UPDATE collector SET expires_us = expires_us + 86400000000")
    before = one(store, "SELECT holder FROM collector")
    done = run("--once", "--spool", tmp_path / "spool", "--store", store)
    assert done.returncode == 0
    assert "waiting for its lease" not in done.stderr
    assert before
    assert one(store, "SELECT holder FROM collector") == ""


def test_backlog_shows_progress(tmp_path: Path) -> None:
    """On a pipe: whole lines."""
    write_spool(tmp_path / "spool", Traffic(1, threads=50), 40_000)
    done = run("--once", "--spool", tmp_path / "spool", "--store", tmp_path / "s.sqlite")
    assert any(line.startswith("draining: ") for line in done.stderr.splitlines())


def start(start_child: StartChild, folder: Path, *arguments: str) -> tuple[Any, Path]:
    store = folder / "store.sqlite"
    child = start_child(
        "-m", "collector", "--spool", str(folder / "spool"), "--store", str(store), *arguments
    )
    return child, store


def exists(store: Path, sql: str) -> bool:
    try:
        return bool(query(store, sql))
    except sqlite3.Error:
        return False
