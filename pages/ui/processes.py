"""The processes that the dashboard starts: the collector with the server, demo and tour on a click.

Each is a process of its own, so that neither ingest nor the demo slows a page. They end with the
server. Their output is kept in a log beside the store, the reason for an early end with it.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from statemeter import settings
from storage.errors import StoreError
from storage.queries import now_us
from storage.store import open_reader

ROOT = Path(__file__).resolve().parent.parent.parent
STOP_SECONDS = 8
LOG_TAIL_BYTES = 3_000

_MODULES = {
    "collector": ["collector"], "demo": ["examples.demo"], "tour": ["examples.tour", "--keep"],
}  # fmt: skip
"""What is run, with its first arguments."""

_lock = threading.Lock()
_started: dict[str, subprocess.Popen[bytes]] = {}
_since_us: dict[str, int] = {}


@dataclass(frozen=True)
class Failure:
    """How a process ended that should have gone on."""

    code: int
    log: str
    """The last of what it wrote."""
    path: Path
    """All of it."""


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[dict[str, Any]]:
    """The server's life: a collector from its beginning, nothing left after its end."""
    if not lease_is_held():
        start_collector()
    try:
        yield {}
    finally:
        stop_all()


def lease_is_held() -> bool:
    """Whether a collector, of whoever, works on the store now."""
    try:
        engine = open_reader(settings.store_url())
    except StoreError:
        return False
    try:
        with engine.connect() as connection:
            expires = connection.execute(text("SELECT max(expires_us) FROM collector")).scalar()
    except SQLAlchemyError:
        return False
    finally:
        engine.dispose()
    return (expires or 0) > now_us()


def start_collector() -> None:
    """Starts a collector unless one of ours runs; it waits for the lease by itself."""
    # --parent: a server that is killed stops nothing, and its collector would stay for ever.
    _start("collector", "--parent", str(os.getpid()))


def start_demo() -> None:
    """Starts the demo unless it runs."""
    _start("demo", "--parent", str(os.getpid()))


def start_tour() -> None:
    """Starts the tour unless it runs; it ends by itself, within a minute or two."""
    _start("tour")


def tour_since_us() -> int:
    """When the tour was started here last, µs since 1970; 0: never."""
    return _since_us.get("tour", 0)


def collector_running() -> bool:
    """Whether the collector that we started runs."""
    return _running("collector")


def demo_running() -> bool:
    """Whether the demo that we started runs."""
    return _running("demo")


def tour_running() -> bool:
    """Whether the tour that we started runs."""
    return _running("tour")


def failure(name: str) -> Failure | None:
    """How ``collector``, ``demo`` or ``tour`` failed, None while it runs or if it ended well."""
    with _lock:
        process = _started.get(name)
        code = process.poll() if process else None
    if not code or code < 0:
        return None
    path = log_path(name)
    try:
        written = path.read_bytes()[-LOG_TAIL_BYTES:].decode("utf-8", "replace")
    except OSError:
        written = ""
    return Failure(code, written.strip(), path)


def log_path(name: str) -> Path:
    """Where the output of a process goes."""
    return settings.data_folder() / f"{name}.log"


def stop_all() -> None:
    """Asks what was started here to end, and makes it end."""
    with _lock:
        running = [process for process in _started.values() if process.poll() is None]
        _started.clear()
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _running(name: str) -> bool:
    with _lock:
        process = _started.get(name)
        return process is not None and process.poll() is None


def _start(name: str, *arguments: str) -> None:
    with _lock:
        process = _started.get(name)
        if process is not None and process.poll() is None:
            return
        path = log_path(name)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            log: Any = path.open("wb")
        except OSError:
            log = subprocess.DEVNULL  # it still runs; only its words are lost
        _since_us[name] = now_us()
        try:
            _started[name] = subprocess.Popen(  # noqa: S603 (our own modules)
                [sys.executable, "-m", *_MODULES[name], *arguments],
                cwd=ROOT,
                # By the environment, not the command line, where everybody could read a password;
                # and as absolute paths, because the working directory is another one.
                env=os.environ
                | {
                    "PYTHONUNBUFFERED": "1",
                    "STATEMETER_STORE": settings.store_url(),
                    "STATEMETER_SPOOL": str(settings.spool_folder()),
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the server's terminal goes to the server alone, which then stops these.
                start_new_session=True,
            )
        finally:
            if log is not subprocess.DEVNULL:
                log.close()
        # Somebody has to take note of its end, or it stays in the list of processes.
        threading.Thread(target=_started[name].wait, daemon=True).start()


atexit.register(stop_all)
