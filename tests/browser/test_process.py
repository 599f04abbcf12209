"""The Process page in a browser: the address names a process, a row shows another."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Look, drawn, expect_names
from tests.browser.test_pages import choose_row
from tests.pages.test_process import PROCESSES, fill

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with three processes, which the dashboard of this module serves."""
    path = tmp_path_factory.mktemp("shared") / "store.sqlite"
    fill(path)
    return path


def test_the_address_names_a_process(look: Look, filled: str) -> None:
    """A deep link shows that process on a phone, without sideways scrolling, after a reload too."""
    page = look(f"{filled}/process?window=15m&refresh=paused&process={PROCESSES[2]}", width=390)
    expect(page.get_by_text("It does not grow")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.reload()
    drawn(page)
    expect(page.get_by_text("pid 4002 on box")).to_be_visible()


@pytest.fixture
def one_alive(store: Path) -> Iterator[None]:
    """One process is alive all the while: a row that comes or goes below the pointer is another
    test. All is as it was after it."""
    now_us = time.time_ns() // 1000
    with closing(sqlite3.connect(store)) as connection:
        seen = connection.execute("SELECT last_seen_us, id FROM processes").fetchall()
        change = "UPDATE processes SET last_seen_us = ? WHERE id = ?"
        with connection:
            connection.executemany(change, [(now_us + 120_000_000, 1), (now_us - 200_000_000, 2)])
        yield
        with connection:
            connection.executemany(change, seen)


@pytest.mark.usefixtures("one_alive")
def test_ways_to_a_process_and_back(look: Look, filled: str) -> None:
    """A row of the Overview opens its process, that leads to the threads of its application, and
    one of these back to the process that used it; Back goes the same way."""
    page = look(f"{filled}/?window=15m", height=1600)
    choose_row(page, "processes")
    expect(page.get_by_text("pid 4001 on box")).to_be_visible()
    expect_names(page, {"process": PROCESSES[1], "window": "15m"})
    page.locator(".st-key-process-threads button").first.click()
    expect(page.locator(".st-key-threads-table canvas").first).to_be_visible()
    expect_names(page, {"application": "support-bot", "window": "15m"})
    page.go_back()
    expect(page.get_by_text("pid 4001 on box")).to_be_visible()
    page = look(f"{filled}/threads?thread=support-2&window=15m")
    page.locator(".st-key-open-process button").first.click()
    expect(page.get_by_text("pid 4001 on box")).to_be_visible()
    expect_names(page, {"process": PROCESSES[1], "window": "15m"})


def test_a_row_shows_its_process(look: Look, filled: str) -> None:
    """Its charts are drawn, the address follows."""
    page = look(f"{filled}/process?window=15m&refresh=paused&process={PROCESSES[1]}")
    expect(page.get_by_text("It leaks")).to_be_visible()
    choose_row(page, "card-processes", row=1)
    expect(page.get_by_text("pid 4002 on box")).to_be_visible()
    expect(page.get_by_text("It does not grow")).to_be_visible()
    expect(page.get_by_text("At this rate memory is used up")).to_have_count(0)
    expect(page).to_have_url(re.compile(PROCESSES[2]))
    expect(page.locator(".st-key-card-memory .main-svg").first).to_be_visible()
