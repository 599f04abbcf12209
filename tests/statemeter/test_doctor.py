"""``statemeter doctor``: what it prints, its exit code, and the next command that it names."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from statemeter import doctor
from statemeter.checks import Finding
from tests.conftest import REPOSITORY
from tests.statemeter.test_checks import SECRET, segment


def examined(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """What the doctor says in a process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "statemeter", "doctor", *arguments],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(REPOSITORY)} | env,
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip


def test_all_is_well(tmp_path: Path, isolated: Path) -> None:
    """Every check is told, a graph was measured for trial, nothing is left, the code is 0."""
    done = examined(tmp_path, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["healthy"] is True
    assert {check["state"] for check in told["checks"]} <= {"ok", "warning"}
    names = {check["check"] for check in told["checks"]}
    assert names >= {"python", "statemeter", "langgraph", "settings", "spool", "disk", "collector"}
    (trial,) = [check for check in told["checks"] if check["check"] == "trial"]
    assert trial["state"] == "ok", trial
    assert "run app.py" in told["next"]
    assert not isolated.exists()
    assert not list(tmp_path.iterdir())


def test_something_is_wrong(tmp_path: Path, isolated: Path) -> None:
    """The code is 1, the fix is the next command, and no value is told; the trial stands apart."""
    done = examined(
        tmp_path,
        STATEMETER_ENABLED="0",
        STATEMETER_QUEUE_MB=SECRET,
        STATEMETER_SERVERS=f"redis://user:{SECRET}@host/0",
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert SECRET not in done.stdout
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines if "STATEMETER_ENABLED turns" in line] == ["problem"]
    assert lines[-1].startswith("Next: Set STATEMETER_QUEUE_MB to 64 or unset it")
    assert any(line.startswith("ok       trial") for line in lines)


def test_a_langgraph_that_does_not_work(tmp_path: Path) -> None:
    """The trial fails, and says only the class of the error."""
    package = tmp_path / "langgraph"
    package.mkdir()
    (package / "__init__.py").write_text(f"raise RuntimeError('{SECRET}')")
    path = f"{REPOSITORY}{os.pathsep}{tmp_path}"
    done = examined(tmp_path, PYTHONPATH=path)
    assert done.returncode == 1
    assert "was not measured (RuntimeError)" in done.stdout
    assert "import langgraph.graph" in done.stdout.splitlines()[-1]
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("findings", "wanted"),
    [
        ([Finding("a", "problem", "", "first"), Finding("b", "problem", "", "second")], "first"),
        ([Finding("a", "warning", "", "fix")], "run app.py"),
        ([Finding("collector", "warning", "", "start it")], "make run"),
        ([Finding("collector", "ok", "")], "run app.py"),
    ],
)
def test_the_next_command(findings: list[Finding], wanted: str) -> None:
    """The first problem's fix; else the dashboard where nobody reads; else the application."""
    assert wanted in doctor.next_command(findings)


def test_a_spool_that_nobody_reads(isolated: Path) -> None:
    """The command that starts the dashboard can be pasted."""
    segment(isolated / "spool", age_seconds=3600)
    (found,) = doctor._readers()
    assert found.state == "warning"
    assert f"cd {shlex.quote(str(REPOSITORY))} && make run" in found.fix
