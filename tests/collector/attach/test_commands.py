"""``python -m collector attach``, ``detach`` and ``sources`` as a user runs them."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

from storage import sources
from storage.sources import Source
from tests.collector.inspection.looks import fill
from tests.collector.made import one, query
from tests.conftest import REPOSITORY
from tests.storage import seed_sources

SECRET = "hunter2secret"


def run(command: str, *arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "collector", command, *map(str, arguments)], cwd=REPOSITORY,
        env=os.environ, capture_output=True, text=True, check=False, input=stdin,
    )  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "chat.sqlite"
    with SqliteSaver.from_conn_string(str(target)) as saver:
        fill(saver)
    return target


@pytest.fixture
def spool(isolated: Path) -> Path:
    return isolated / "spool"


def test_attached_listed_detached(path: Path, spool: Path) -> None:
    """One file comes, is listed, and goes again; the database stays as it was."""
    before = path.read_bytes()
    done = run("attach", path, "--app", "support", "--no-wait")
    assert (done.returncode, done.stderr) == (0, "")
    (one,) = sources.list_(spool)
    assert (one.shown, one.application, one.mode) == (str(path), "support", "attach")
    assert f"is attached as {one.key}" in done.stdout
    listed = run("sources").stdout
    assert listed.split()[:5] == [one.key, "sqlite", str(path), "as", "support"]
    assert "not begun: is a collector running?" in listed
    done = run("detach", f"sqlite:///{path}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "what was read stays" in done.stdout
    assert sources.list_(spool) == []
    assert path.read_bytes() == before
    assert run("sources").stdout.startswith("No database is attached.")


def test_a_form_is_told_in_json(path: Path, spool: Path) -> None:
    """How it is attached, without its URL; the second time, how it was attached the first."""
    asked = ("attach", "--check", "-", "--values", "--app=-x")
    first, second = (run(*asked, stdin=f"{path}\n") for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 3)
    told = json.loads(first.stdout)
    (one,) = sources.list_(spool)
    assert (told["key"], told["mode"], told["application"]) == (one.key, "values", "-x")
    assert "url" not in told or told["url"] == ""
    assert json.loads(second.stdout) == told
    assert "attached already" in second.stderr


@pytest.mark.parametrize(
    "url",
    [f"postgresql://me:{SECRET}@127.0.0.1:1/db", f"oracle://me:{SECRET}@db/x",
     f"me:{SECRET}@localhost:5432/db", f"/nowhere/{'x' * 300}", "", f"sqlite:///\0{SECRET}"],
)  # fmt: skip
def test_what_cannot_be_attached(url: str, spool: Path) -> None:
    """One line that says why, without the password; no file is left."""
    done = run("attach", "-", stdin=f"{url}\n")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("attach: ")
    assert len(done.stderr.splitlines()) == 1
    assert SECRET not in done.stderr
    assert sources.list_(spool) == []


def test_a_form_keeps_to_its_folders(
    path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATEMETER_ROOTS", str(path.parent / "elsewhere"))
    done = run("attach", "--check", "-", "--confined", stdin=f"{path}\n")
    assert done.returncode == 2
    assert "STATEMETER_ROOTS" in done.stderr


def test_which_one_is_meant(spool: Path) -> None:
    """By key, by URL with its password or without; what fits several needs the key."""
    shown = "postgresql://me:***@db/x"
    for key, url in (("a" * 12, f"postgresql://me:{SECRET}@db/x"), ("b" * 12, "postgresql://me:2@db/x"),
                     ("c" * 12, "mongodb://db/x")):  # fmt: skip
        sources.add(spool, Source(key=key, backend="postgres", url=url, created_us=1,
                                  shown=url if key[0] == "c" else shown))  # fmt: skip
    several = run("detach", "postgresql://me:3@db/x")
    assert several.returncode == 2
    assert "Several are attached as postgresql://me:***@db/x" in several.stderr
    assert run("detach", f"postgresql://me:{SECRET}@db/x").returncode == 0
    assert run("detach", "postgresql://me:4@db/x").returncode == 0
    assert [one.key[0] for one in sources.list_(spool)] == ["c"]
    none = run("detach", "f" * 12)
    assert none.returncode == 2
    assert "python -m collector sources" in none.stderr
    assert run("detach").returncode == 2
    assert run("detach", "--all").returncode == 0
    assert sources.list_(spool) == []


def test_the_list_tells_progress_and_problems(spool: Path, isolated: Path) -> None:
    """What the store knows of each."""
    now_us = time.time_ns() // 1000
    isolated.mkdir(exist_ok=True)
    for key, told in (
        ("a" * 12, {"phase": "first", "done_checkpoints": 1500, "total_checkpoints": 6000}),
        ("b" * 12, {"phase": "following", "problem": "db refused. Start it."}),
    ):
        sources.add(spool, Source(key=key, backend="sqlite", shown="s", created_us=now_us))
        seed_sources.add(isolated / "store.sqlite", key, now_us, **told)
    listed = run("sources").stdout
    assert "first 25%, 1,500 checkpoints read" in listed
    assert "following\n  db refused. Start it.\n" in listed


def test_once_reads_all_and_ends(path: Path, isolated: Path, spool: Path) -> None:
    """Without a collector around: one is run until all is stored, then the database is detached,
    and nothing goes on. The second time, what came since is read."""
    done = run("attach", path, "--once")
    assert done.returncode == 0, done.stderr
    with contextlib.closing(sqlite3.connect(path)) as connection:
        count, size = connection.execute(
            "SELECT count(*), sum(length(checkpoint)) FROM checkpoints"
        ).fetchone()
    assert f"\n{count:,} checkpoints" in done.stdout
    assert sources.list_(spool) == []
    store = isolated / "store.sqlite"
    (row,) = query(store, "SELECT * FROM sources")
    assert (row["phase"], row["done_checkpoints"]) == ("following", count)
    assert row["removed_us"] > row["added_us"]
    assert one(store, "SELECT sum(payload_bytes) FROM operations WHERE operation = 'put'") == size
    done = run("attach", path, "--once")
    assert done.returncode == 0, done.stderr
    assert one(store, "SELECT count(*) FROM operations WHERE operation = 'put'") == count
