"""The whole way: a click on an empty page, real graphs, probe, collector, two live pages."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import subprocess
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE_SECONDS, Look, drawn, updates, wait_for_update

pytestmark = pytest.mark.browser


def held_by_file(database: Path) -> dict[str, int]:
    """Thread → bytes that the demo's SQLite file holds of it, by the file's own count."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        rows = connection.execute(
            "SELECT thread_id, sum(bytes) FROM ("
            "  SELECT thread_id, sum(length(checkpoint)) AS bytes FROM checkpoints GROUP BY 1"
            "  UNION ALL SELECT thread_id, sum(length(value)) FROM writes GROUP BY 1"
            ") GROUP BY 1"
        ).fetchall()
    finally:
        connection.close()
    return dict(rows)


def stop_demo(server: subprocess.Popen[str]) -> None:
    """Ends the demo that the dashboard started, as a user would: by its process."""
    for child in psutil.Process(server.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "examples.demo" in child.cmdline():
                child.terminate()
                child.wait(PATIENCE_SECONDS)
                return
    pytest.fail("the dashboard runs no demo")


def shown_bytes(page: Page, label: str) -> int:
    """The exact number of bytes that a thread's page shows."""
    text = page.locator(".st-key-thread-exact").inner_text()
    found = re.search(rf"{label} ([\d,]+) B", text)
    assert found is not None, text
    return int(found[1].replace(",", ""))


def test_demo_from_the_first_click(
    look: Look, isolated: Path, dashboard: str, dashboard_process: subprocess.Popen[str]
) -> None:
    """Both pages move after the click, and tell the bytes that the demo's own file holds."""
    page = look(dashboard)
    page.get_by_role("button", name="Run the demo").click()
    first = updates(page, "plot-stored")
    wait_for_update(page, "plot-stored", after=first + 1)
    stored = page.get_by_test_id("stMetric").filter(has_text="Stored bytes")
    before = stored.get_by_test_id("stMetricValue").inner_text()
    expect(stored.get_by_test_id("stMetricValue")).not_to_have_text(before)

    page.get_by_role("link", name="Threads").click()
    page.wait_for_url("**/threads*")
    drawn(page)
    found = page.get_by_text(re.compile(r"\d+ of \d+;"))
    before = found.inner_text()
    expect(found).not_to_have_text(before)

    stop_demo(dashboard_process)
    database = next(isolated.rglob("demo.sqlite"))
    held = held_by_file(database)
    assert len(held) > 3
    for thread, size in sorted(held.items(), key=lambda item: -item[1])[:3]:
        page.goto(f"{dashboard}/threads?thread={thread}")
        drawn(page)
        expect(page.locator(".st-key-thread-exact")).to_contain_text(f"stored {size:,} B")
        assert shown_bytes(page, "written") >= size
