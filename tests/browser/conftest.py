"""Dashboards that really run, and a browser to look at them with."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import REPOSITORY, StartChild
from tests.storage import seed

Look = Callable[..., Page]

START_SECONDS = 60
DRAWN = "[data-testid=stApp][data-test-script-state=notRunning]"


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium for all tests of a module; each test has pages of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def look(browser: Browser) -> Iterator[Look]:
    """``look(address)``: the page as a fresh visitor sees it, drawn; closed after the test."""
    pages = []

    def visit(address: str, *, width: int = 1440, theme: str = "light", height: int = 1000) -> Page:
        page = browser.new_page(
            viewport={"width": width, "height": height},
            color_scheme=theme,  # type: ignore[arg-type]
        )
        pages.append(page)
        page.goto(address)
        drawn(page)
        return page

    yield visit
    for page in pages:
        page.close()


@pytest.fixture
def dashboard_process(start_child: StartChild, free_port: int) -> subprocess.Popen[str]:
    """A dashboard of the test's own, with nothing measured; it may not have started yet."""
    return start_child("-m", "streamlit", "run", "app.py", "--server.port", str(free_port))


@pytest.fixture
def dashboard(dashboard_process: subprocess.Popen[str], free_port: int) -> str:
    """Address of the test's own dashboard, which answers."""
    return answering(dashboard_process, free_port)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the sample's threads, held by a collector that is said to live on."""
    path = tmp_path_factory.mktemp("shared") / "store.sqlite"
    seed.sample(time.time_ns() // 1000).write(path, heartbeat_s=-3600)
    return path


@pytest.fixture(scope="module")
def filled(store: Path) -> Iterator[str]:
    """Address of a dashboard that serves the sample's threads to all tests of a module."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = store.parent
    with (folder / "dashboard.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)],
            cwd=REPOSITORY,
            env=os.environ
            | {
                "XDG_DATA_HOME": str(folder / "data"),
                "STATEMETER_STORE": str(store),
                "STATEMETER_SPOOL": str(folder / "spool"),
            },
            stdout=log,
            stderr=log,
            text=True,
        )
        try:
            yield answering(process, port)
        finally:
            process.terminate()
            process.wait(30)


def answering(process: subprocess.Popen[str], port: int) -> str:
    """Waits until a dashboard answers: its address."""
    address = f"http://127.0.0.1:{port}"
    for _ in range(START_SECONDS * 5):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                return address
        except OSError:
            time.sleep(0.2)
    return pytest.fail(f"the dashboard did not start (exit code {process.poll()})")


def drawn(page: Page) -> None:
    """Waits until the script has run."""
    page.wait_for_selector(DRAWN, timeout=30_000)


def updates(page: Page, plot: str) -> int:
    """How often a chart was drawn, from 1."""
    host = page.wait_for_selector(f".st-key-{plot} .statemeter-plot[data-updates]", timeout=30_000)
    assert host is not None
    return int(host.get_attribute("data-updates") or 0)


def wait_for_update(page: Page, plot: str, after: int) -> None:
    """Waits until a chart was drawn more often than ``after`` times."""
    page.wait_for_function(
        "([plot, after]) => Number(document.querySelector("
        "`.st-key-${plot} .statemeter-plot`).dataset.updates) > after",
        arg=[plot, after],
        timeout=30_000,
    )


def store_step(path: Path, thread: int) -> None:
    """Lets a thread make another checkpoint, as the collector would write it."""
    connection = sqlite3.connect(path)
    with connection:
        connection.row_factory = sqlite3.Row
        row = dict(
            connection.execute(
                "SELECT * FROM operations WHERE thread_key = ? AND operation = 'put' "
                "ORDER BY step DESC LIMIT 1",
                (thread,),
            ).fetchone()
        )
        row |= {"id": None, "step": row["step"] + 1, "at_us": row["at_us"] + 5_000_000}
        row["checkpoint"] += "-next"
        places = ", ".join("?" for _ in row)
        connection.execute(
            f"INSERT INTO operations ({', '.join(row)}) VALUES ({places})", tuple(row.values())
        )
        connection.execute(
            "UPDATE threads SET steps = steps + 1, operations = operations + 1 WHERE id = ?",
            (thread,),
        )
    connection.close()


def store_more(path: Path, stored_bytes: int) -> None:
    """Makes the first thread hold more, as the collector would write it."""
    now = time.time_ns() // 1000
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(
            "UPDATE threads SET stored_bytes = stored_bytes + ?, last_seen_us = ? WHERE id = 1",
            (stored_bytes, now),
        )
        for resolution in (1, 60, 3600):
            bucket = now // (resolution * 1_000_000) * resolution * 1_000_000
            connection.execute(
                "INSERT INTO rollups VALUES (?, ?, 'support-bot', 'sqlite', 'copy_thread', 1, 0, "
                "0, 5, 5, 5, 0, ?, 0, 0, x'') ON CONFLICT DO UPDATE SET "
                "stored_delta_bytes = stored_delta_bytes + excluded.stored_delta_bytes",
                (resolution, bucket, stored_bytes),
            )
    connection.close()
