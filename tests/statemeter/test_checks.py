"""Each check of ``statemeter doctor``: what it calls right, what wrong, and the fix it tells."""

from __future__ import annotations

import fcntl
import os
import shlex
import sys
import time
from pathlib import Path

import pytest

from statemeter import checks, settings, supported
from statemeter.checks import Finding
from tests.conftest import REPOSITORY

SECRET = "hunter2"


def states(findings: list[Finding]) -> dict[str, str]:
    return {finding.check: finding.state for finding in findings}


def one(findings: list[Finding], part: str) -> Finding:
    """The only finding with this text."""
    (found,) = [finding for finding in findings if part in finding.text]
    return found


def segment(folder: Path, size: int = 100, age_seconds: float = 0) -> Path:
    """A file as a probe leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    number = len(list(folder.iterdir()))
    path = folder / f"{number:032x}-000001.v1.spool"
    path.write_bytes(b"x" * size)
    modified = time.time() - age_seconds
    os.utime(path, (modified, modified))
    return path


def test_this_python_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of those tested is right, a newer one is a warning, an older one a problem."""
    (found,) = checks.python()
    assert (found.state, found.fix) == ("ok", "")
    assert sys.prefix in found.text
    monkeypatch.setattr(supported, "PYTHON_LAST", (3, 10))
    (found,) = checks.python()
    assert found.state == "warning"
    monkeypatch.setattr(supported, "PYTHON_FIRST", (4, 0))
    (found,) = checks.python()
    assert found.state == "problem"
    assert "4.0 to 3.10" in found.fix


def test_packages_as_tested() -> None:
    """In the environment of the tests all are there."""
    found = states(list(checks.packages()))
    assert found == {package.name: "ok" for package in supported.PACKAGES}


def test_an_old_package_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that brings a newer one."""
    folder = tmp_path / "langgraph-0.2.9.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: langgraph\nVersion: 0.2.9\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    found = one(list(checks.packages()), "0.2.9 is older than")
    assert found.state == "warning"
    assert '-m pip install "langgraph>=' in found.fix


def test_without_langgraph_there_is_nothing_to_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backends that are absent are not used; LangGraph has to be there."""
    monkeypatch.setattr(sys, "path", [])
    (found,) = checks.packages()
    assert (found.check, found.state) == ("langgraph", "problem")
    assert shlex.quote(sys.executable) in found.fix


def test_a_second_statemeter_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which one a program imports depends on its path; a link to the same one is none."""
    first = REPOSITORY.resolve() / "statemeter"
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "statemeter").symlink_to(first)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "linked"), str(REPOSITORY)])
    assert states(list(checks.installed_once())) == {"statemeter": "ok"}
    other = tmp_path / "other" / "statemeter"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("")
    monkeypatch.setattr(sys, "path", [str(other.parent), str(tmp_path / "linked"), str(REPOSITORY)])
    (found,) = checks.installed_once()
    assert found.state == "warning"
    assert found.text == f"found 2 times: {first}, {other}"


def test_settings_at_their_defaults(isolated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set is told by name."""
    assert one(list(checks.set_right()), "set: STATEMETER_SPOOL, STATEMETER_STORE").state == "ok"
    for name in ("STATEMETER_SPOOL", "STATEMETER_STORE"):
        monkeypatch.delenv(name)
    assert one(list(checks.set_right()), "all at default").state == "ok"


def test_wrong_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt name, a value that cannot be used, measuring turned off: each with its fix."""
    monkeypatch.setenv("STATEMETER_SPOLL", "/tmp")
    monkeypatch.setenv("STATEMETER_ZZ", "1")
    monkeypatch.setenv("STATEMETER_QUEUE_MB", "much")
    monkeypatch.setenv("STATEMETER_ENABLED", "0")
    found = list(checks.set_right())
    assert len(found) == 4
    assert one(found, "STATEMETER_SPOLL is no").fix == "Did you mean STATEMETER_SPOOL?"
    assert one(found, "STATEMETER_ZZ is no setting").state == "warning"
    wrong = one(found, "value of STATEMETER_QUEUE_MB")
    assert (wrong.state, "Set STATEMETER_QUEUE_MB to 64 or unset it" in wrong.fix) == (
        "problem",
        True,
    )
    assert one(found, "STATEMETER_ENABLED turns").fix == "Unset STATEMETER_ENABLED."


@pytest.mark.parametrize("name", sorted(settings.SETTINGS.keys() - {"STATEMETER_SPOOL"}))
def test_no_value_of_a_setting_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password in an address, or in the wrong variable, stays where it is.

    The folder of the spool is told: it is where to look.
    """
    monkeypatch.setenv(name, f"redis://user:{SECRET}@host/0")
    monkeypatch.setenv("STATEMETER_WHATEVER", SECRET)
    told = [*checks.set_right(), *checks.spool_of_this_user()]
    assert SECRET not in repr(told)


def test_a_spool_that_is_well(isolated: Path) -> None:
    """Also before it is made; the check leaves nothing behind."""
    found = list(checks.spool_of_this_user())
    assert states(found) == {"spool": "ok", "spool size": "ok", "disk": "ok"}
    assert "made when needed" in found[0].text
    assert not isolated.exists()
    segment(isolated / "spool")
    found = list(checks.spool_of_this_user())
    assert found[0].text == str(isolated / "spool")
    assert len(list((isolated / "spool").glob("*.spool"))) == 1


@pytest.mark.parametrize("below", ["", "below"])
def test_a_spool_that_cannot_be_written(
    below: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file stands where the folder should."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STATEMETER_SPOOL", str(tmp_path / "file" / below))
    found = one(list(checks.spool_of_this_user()), "cannot be written")
    assert found.state == "problem"
    assert "set STATEMETER_SPOOL" in found.fix


@pytest.mark.parametrize(
    ("size", "state"),
    [(5_000, "ok"), (17_000, "warning"), (20_000, "problem"), (30_000, "problem")],
)
def test_a_spool_that_fills(
    size: int, state: str, isolated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nearly full is a warning; full, probes drop events."""
    monkeypatch.setenv("STATEMETER_SPOOL_MB", "0.02")
    segment(isolated / "spool", size)
    assert states(list(checks.spool_of_this_user()))["spool size"] == state


@pytest.mark.parametrize(
    ("free", "state"), [(10**6, "problem"), (2 * 10**8, "warning"), (10**9, "ok")]
)
def test_a_disk_that_fills(free: int, state: str) -> None:
    """Room for the rest of the spool is wanted, and some room in any case."""
    assert checks._disk(free, 5 * 10**8).state == state


def test_what_nobody_reads(isolated: Path) -> None:
    """Old files whose writer is gone; not those of a living one, nor new ones, nor empty ones."""
    folder = isolated / "spool"
    assert checks.left_unread() == 0
    segment(folder)
    segment(folder, size=0, age_seconds=3600)
    held = segment(folder, age_seconds=3600)
    with held.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert checks.left_unread() == 0
    assert checks.left_unread() == 1
    segment(folder, age_seconds=3600)
    assert checks.left_unread() == 2
