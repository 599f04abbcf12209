"""Starting a server, waiting until it answers, and stopping it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.servers import guard

START_SECONDS = 60
_ATTEMPTS = 5  # another process may take a free port before the server does
_LOG_CHARACTERS = 2000


class Missing(Exception):
    """A server that this machine does not have: what is missing, and how to get it."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what} is missing: {fix}")
        self.what, self.fix = what, fix


def check(binary: str, what: str, fix: str, env: dict[str, str] | None = None) -> None:
    """Raise ``Missing`` where a program cannot run here, with what the system says of it."""
    try:
        tried = subprocess.run(
            [binary, "--version"], env=os.environ | (env or {}), capture_output=True, text=True,
            timeout=START_SECONDS, check=False,
        )  # fmt: skip
    except OSError as error:
        raise Missing(f"{what} ({binary}: {error.strerror})", fix) from None
    if tried.returncode:
        said = (tried.stderr or tried.stdout).strip().splitlines()
        raise Missing(f"{what} ({said[-1] if said else f'exit code {tried.returncode}'})", fix)


@contextlib.contextmanager
def run(
    name: str,
    command: Callable[[Path, int], list[str]],
    answers: Callable[[int], object],
    *,
    env: dict[str, str] | None = None,
    user: str = "",
) -> Iterator[int]:
    """The port of a server, which runs until the end of the ``with`` block or of this process.

    ``command(folder, port)`` gives the command line; ``answers(port)`` the folder that the server
    on that port says it has, or raises: so that a server of someone else is not taken for it.
    """
    for attempt in range(_ATTEMPTS):
        folder = Path(tempfile.mkdtemp(prefix=f"statemeter-{name}-"))
        try:
            if user:
                shutil.chown(folder, user, user)
            port = _free_port()
            starter = _start(folder, user, command(folder, port), env)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        try:
            if _wait(name, starter, folder, lambda at=port: answers(at), attempt):
                yield port
                return
        finally:
            starter.stdin.close()  # type: ignore[union-attr]
            starter.wait(START_SECONDS + guard.STOP_SECONDS)
            shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _start(
    folder: Path, user: str, command: list[str], env: dict[str, str] | None
) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C is for the tests, which then stop their servers in order.
    return subprocess.Popen(
        [sys.executable, "-I", guard.__file__, str(folder), user, *command],
        stdin=subprocess.PIPE, start_new_session=True, env=os.environ | (env or {}),
    )  # fmt: skip


def _wait(
    name: str,
    starter: subprocess.Popen[bytes],
    folder: Path,
    answers: Callable[[], object],
    attempt: int,
) -> bool:
    """Whether the server answers; False where it ended and another port is worth trying.

    Raises RuntimeError with the end of the server's own log.
    """
    problem: Exception | None = None
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if starter.poll() is not None:
            break
        try:
            if Path(str(answers())) == folder:
                return True
        except Exception as error:
            problem = error
        time.sleep(0.02)
    log = (folder / "server.log").read_text("utf-8", "replace")
    if starter.poll() is not None and "in use" in log and attempt < _ATTEMPTS - 1:
        return False
    state = f"ended with code {starter.returncode}" if starter.poll() else "does not answer"
    raise RuntimeError(f"{name} {state} ({problem!r}); its log ends: {log[-_LOG_CHARACTERS:]}")
