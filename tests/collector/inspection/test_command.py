"""``python -m collector check`` as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

from collector.inspection import child, inbox
from collector.inspection.errors import CouldNotLook
from storage import inspections
from tests.collector.inspection.looks import fill, silent_server
from tests.conftest import REPOSITORY


def run(*arguments: object, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "collector", "check", *map(str, arguments)],
        cwd=REPOSITORY, env=os.environ | env, capture_output=True, text=True, check=False,
        input=stdin,
    )  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "app.sqlite"
    with SqliteSaver.from_conn_string(str(target)) as saver:
        fill(saver)
    return target


def test_a_healthy_database_ends_with_0(path: Path, isolated: Path) -> None:
    """A table, and the result where the collector finds it."""
    done = run(path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith("app.sqlite (sqlite, SQLite 3.")
    assert "Rows: checkpoints" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("nothing wrong in ")
    ((file, found),) = inbox.waiting(isolated / "spool")
    assert found is not None
    assert found.label == "app.sqlite"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_wrong_state_ends_with_1(path: Path, isolated: Path) -> None:
    """With what mends it; as JSON for scripts."""
    with SqliteSaver.from_conn_string(str(path)) as saver:
        saver.conn.execute("DROP TABLE writes")
        saver.conn.commit()
    done = run(path, "--no-save")
    assert done.returncode == 1
    assert "critical  Tables of SqliteSaver  " in done.stdout
    assert "          python>     saver.setup()\n" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 wrong in ")
    done = run("-", "--json", "--no-save", stdin=f"sqlite:///{path}\n")
    assert done.returncode == 1
    found = inspections.decode(done.stdout)
    assert [(one.id, one.status) for one in found.wrong] == [("setup", "critical")]
    assert json.loads(done.stdout)["checks"][0]["id"]
    assert not (isolated / "spool").exists()


@pytest.mark.parametrize(
    ("arguments", "env", "told"),
    [
        (("none.sqlite",), {}, "check: There is no file none.sqlite"),
        (("mysql://me:hunter2@h/db",), {}, "check: The scheme mysql:// of mysql://me:***@h/db"),
        (
            ("redis://:hunter2@127.0.0.1:1",),
            {},
            "check: redis://:***@127.0.0.1:1 cannot be reached",
        ),
        (("x",), {"STATEMETER_WAL_WARN_MB": "-1"}, "check: STATEMETER_WAL_WARN_MB='-1' cannot be"),
    ],
)
def test_what_cannot_be_looked_at_ends_with_2(
    arguments: tuple[str, ...], env: dict[str, str], told: str
) -> None:
    """One line; no traceback, no password."""
    done = run(*arguments, **env)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(told)
    assert len(done.stderr.splitlines()) == 1
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("arguments", [("x", "--filter", "a'b"), ("x", "--seconds", "0"), ()])
def test_wrong_options_are_told(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert "usage: python -m collector check" in done.stderr


def test_a_missing_driver_is_told(tmp_path: Path) -> None:
    """With the command that installs it."""
    (tmp_path / "pymongo.py").write_text("raise ModuleNotFoundError(name='pymongo')")
    done = run("mongodb://me:hunter2@host/db", "--no-save", PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert "The driver for mongodb://me:***@host/db is not installed" in done.stderr
    assert "pip install 'pymongo'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_result_that_cannot_be_saved_is_shown_all_the_same(path: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run(path, "--spool", tmp_path / "file")
    assert done.returncode == 0
    assert "nothing wrong" in done.stdout
    assert "was not saved for the dashboard" in done.stderr


def test_a_look_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time, whatever the driver does."""
    monkeypatch.setattr(child, "GRACE_SECONDS", 0)
    with silent_server() as port, pytest.raises(CouldNotLook, match=r"did not answer in 2 s"):
        child.inspect(f"redis://:hunter2@127.0.0.1:{port}", seconds=2)


def test_a_look_does_not_outlive_a_killed_parent() -> None:
    """Its own clock ends it; nothing of its input is on its command line."""
    with (
        silent_server() as port,
        subprocess.Popen(
            [sys.executable, "-c", "import collector.inspection.child as c, sys; "
             "c.GRACE_SECONDS = 1; sys.exit(c.serve(sys.stdin, sys.stdout))"],
            cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        ) as look,
    ):  # fmt: skip
        assert look.stdin is not None
        asked = {"url": f"mongodb://127.0.0.1:{port}", "seconds": 0.1, "filters": []}
        look.stdin.write(json.dumps(asked))
        look.stdin.close()
        assert look.wait(30) == 3


def test_a_fault_of_ours_tells_its_class_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The text of an exception may hold anything."""
    monkeypatch.setattr(child, "environment", lambda: os.environ | {"PYTHONPATH": str(tmp_path)})
    (tmp_path / "collector").mkdir()
    for name in ("__init__", "inspection/__init__", "inspection/__main__"):
        file = tmp_path / "collector" / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text("raise RuntimeError('hunter2')" if "__main__" in name else "")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CouldNotLook, match=r"failed \(RuntimeError\)") as caught:
        child.inspect(str(path))
    assert "hunter2" not in str(caught.value)
