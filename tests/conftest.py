"""Fixtures of all tests: none reaches the user's own data, and no process outlives its test."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

pytest_plugins = ["tests.servers.fixtures"]
REPOSITORY = Path(__file__).resolve().parent.parent
STOP_SECONDS = 30

PORTS = range(20_000, 32_000)
"""Below those that Linux gives to outgoing connections, which could take one before its server."""

StartChild = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Children can be interrupted where these tests cannot, as in the background of a shell."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Spool, store and data directory in the test's own folder, for it and its child processes; its
    probe ends with it, since it would read, and so set back, what that of the next one tells."""
    for name in [name for name in os.environ if name.startswith(("STATEMETER_", "OTEL_"))]:
        monkeypatch.delenv(name)
    folder = tmp_path / "data"
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))
    monkeypatch.setenv("STATEMETER_SPOOL", str(folder / "spool"))
    monkeypatch.setenv("STATEMETER_STORE", str(folder / "store.sqlite"))
    yield folder
    left = [thread for thread in threading.enumerate() if thread.name == "statemeter"]
    assert not left, "a probe is left: the fixture spool ends it"


def find_free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on."""
    for port in random.sample(PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    return pytest.fail("of 100 ports none is free")


@pytest.fixture
def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listened on a moment ago."""
    return find_free_port()


@pytest.fixture
def start_child(tmp_path: Path) -> Iterator[StartChild]:
    """``start_child("-m", "collector", env={…})`` runs Python in the repository.

    Output goes to ``child.log_path``, so that a full pipe never stops a child. What still runs at
    the end of the test is asked to stop, then killed.
    """
    started: list[subprocess.Popen[str]] = []
    logs: list[IO[str]] = []
    number = itertools.count()  # threads may start some at once

    def start(
        *arguments: str, env: dict[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[str]:
        log_path = tmp_path / f"child-{next(number)}.log"
        log = log_path.open("w", encoding="utf-8")
        logs.append(log)
        options = {"cwd": REPOSITORY, "stdout": log, "stderr": log, "text": True} | options
        child = subprocess.Popen(
            [sys.executable, *arguments], env=os.environ | (env or {}), **options
        )
        child.log_path = log_path  # type: ignore[attr-defined]
        started.append(child)
        return child

    yield start
    for child in started:
        if child.poll() is None:
            child.terminate()
    for child in started:
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()
    for log in logs:
        log.close()


def missing(what: str, fix: str) -> None:
    """Skip a test for want of something on this machine; where CI=true, fail instead."""
    message = f"{what} is missing: {fix}"
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium or Chrome; tests that need one are skipped, or fail where CI=true."""
    named = os.environ.get("CHROMIUM", "")
    if named:
        if not os.access(named, os.X_OK):
            pytest.fail(f"CHROMIUM={named!r} is no program; name one that is, or unset it")
        return named
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        found = shutil.which(name)
        if found:
            return found
    missing("Chromium", "install it (Debian: apt-get install chromium) or set CHROMIUM=/path/to/it")
    raise AssertionError("not reached")
