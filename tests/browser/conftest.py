"""Dashboards that really run, and a browser to look at them with."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    TimeoutError,
    expect,
    sync_playwright,
)

from tests.conftest import REPOSITORY, StartChild, find_free_port
from tests.sqlite_files import opened
from tests.storage import seed

Look = Callable[..., Page]

PATIENCE_SECONDS = 60
"""How long a condition may take to hold; a busy machine takes its time."""

KEPT = "cookies,local_storage,indexeddb"
"""What a page can keep in a browser for its next visit."""

LOOK_EACH_MS = 50
"""Between two looks whether a condition holds: to look at every frame makes the browser draw them
all, which is most of what a busy machine has."""

LEFT_OUT = (
    # Popups of an address bar that nobody sees: two more pages for each page, a second of CPU time.
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup",
    # Playwright's own switch for these loses against ours, so they are named again.
    "AimEnabled", "AvoidCorsURLLoaderRestartOnRedirect", "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose", "HttpsFirstBalancedModeAutoEnable", "HttpsUpgrades",
    "LensOverlay", "MediaRouter", "NetworkTimeServiceQuerying", "OptimizationHints", "PaintHolding",
    "PreconnectToSearch", "ThirdPartyStoragePartitioning",
)  # fmt: skip
"""Features of Chromium that the tests do without."""

ENDS = """window.statemeterEnds = 0;
new MutationObserver((changes) => {
  for (const { target } of changes)
    if (target.dataset.testScriptState === "notRunning") window.statemeterEnds += 1;
}).observe(document, { subtree: true, attributeFilter: ["data-test-script-state"] })"""
"""Counts the ends of runs: on a busy machine a live page begins the next one in the same frame, and
whoever asks from time to time sees it run forever."""

DRAWN = """(before) => {
  const app = document.querySelector("[data-testid=stApp]");
  const all = (selector) => [...document.querySelectorAll(selector)];
  return (app?.dataset.testScriptState === "notRunning" || window.statemeterEnds > before)
    && all("[data-testid=stSkeleton]").length === 0
    && all(".st-key-window button").length > 0
    && all(".st-key-backend input").length > 0
    && all(".statemeter-plot[aria-label]").every((plot) => plot.dataset.updates)
}"""
"""The script has run, and the browser has mounted what it announced: widgets and charts are loaded
one by one, and a click before that is another test."""

RUNS = """wanted => new Promise((done, failed) => {
  const app = document.querySelector("[data-testid=stApp]");
  let runs = 0;
  new MutationObserver(() => {
    if (app.dataset.testScriptState === "notRunning" && ++runs >= wanted) done();
  }).observe(app, { attributes: true, attributeFilter: ["data-test-script-state"] });
  setTimeout(() => failed(new Error(`only ${runs} of ${wanted} runs`)), 60_000);
})"""


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium for all tests of a module; each test has pages of its own."""
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                f"--disable-features={','.join(LEFT_OUT)}",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def visitors(browser: Browser) -> Iterator[BrowserContext]:
    """Where the visitors of a module come from: they share what the browser keeps of Streamlit's
    own scripts. Each wants as little motion as can be: a spinner costs as much as the page."""
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_SECONDS * 1000)
    context.add_init_script(ENDS)
    yield context
    context.close()


@pytest.fixture
def look(visitors: BrowserContext) -> Iterator[Look]:
    """``look(address)``: the page as a fresh visitor sees it, drawn; closed after the test."""
    pages = []

    def visit(address: str, *, width: int = 1440, theme: str = "light", height: int = 1000) -> Page:
        page = visitors.new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        _forget(page, address)
        page.goto(address)
        drawn(page)
        return page

    yield visit
    for page in pages:
        page.close()


def _forget(page: Page, address: str) -> None:
    """Lets the browser forget what a visitor before this one chose, as in another's browser."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(address))
    session = page.context.new_cdp_session(page)
    session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": KEPT})
    session.detach()


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
    port = find_free_port()
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
            process.wait(PATIENCE_SECONDS)


def answering(process: subprocess.Popen[str], port: int) -> str:
    """Waits until a dashboard answers: its address."""
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                return address
        except OSError:
            time.sleep(0.2)
    return pytest.fail(f"the dashboard did not start (exit code {process.poll()})")


def drawn(page: Page) -> None:
    """Waits until the script has run and the browser has mounted what it drew."""
    before = page.evaluate("window.statemeterEnds ?? 0")
    page.wait_for_function(DRAWN, arg=before, timeout=PATIENCE_SECONDS * 1000, polling=LOOK_EACH_MS)


def runs_again(page: Page, times: int = 2) -> None:
    """Waits until the page, or a live part of it, has run this often from now on."""
    page.evaluate(RUNS, times)


def names(page: Page) -> dict[str, str]:
    """What the address says now."""
    return {name: value[0] for name, value in parse_qs(urlsplit(page.url).query).items()}


def expect_names(page: Page, wanted: dict[str, str]) -> None:
    """Waits until the address says this and nothing else."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while names(page) != wanted and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    assert names(page) == wanted


def expect_value(page: Page, expression: str, arg: object = None) -> None:
    """Waits until a JavaScript expression, or function of ``arg``, holds."""
    try:
        page.wait_for_function(
            expression, arg=arg, timeout=PATIENCE_SECONDS * 1000, polling=LOOK_EACH_MS
        )
    except TimeoutError:
        pytest.fail(f"{expression} did not hold for {arg} at {page.url}")


def updates(page: Page, plot: str) -> int:
    """How often a chart was drawn by now, from 1."""
    host = page.wait_for_selector(f".st-key-{plot} .statemeter-plot[data-updates]")
    assert host is not None
    return int(host.get_attribute("data-updates") or 0)


def wait_for_update(page: Page, plot: str, after: int) -> None:
    """Waits until a chart was drawn more often than ``after`` times."""
    expect_value(
        page,
        "([plot, after]) => Number(document.querySelector("
        "`.st-key-${plot} .statemeter-plot`)?.dataset.updates) > after",
        [plot, after],
    )


def store_step(path: Path, thread: int) -> None:
    """Lets a thread make another checkpoint, as the collector would write it."""
    with opened(path) as connection:
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


def store_more(path: Path, stored_bytes: int) -> None:
    """Makes the first thread hold more, as the collector would write it."""
    now = time.time_ns() // 1000
    with opened(path) as connection:
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
