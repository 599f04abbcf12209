"""The Findings page in a browser: a row is opened, its evidence leads to the thread."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Look, drawn
from tests.browser.test_pages import FITS, choose_row
from tests.pages.test_findings import HOSTILE, fill
from tests.storage import seed

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's threads, with findings, which the dashboard of this module serves."""
    path = tmp_path_factory.mktemp("shared") / "store.sqlite"
    made = seed.sample(time.time_ns() // 1000)
    made.write(path, heartbeat_s=-3600)
    fill(path, made.now_us)
    return path


def test_from_the_overview_to_the_evidence(look: Look, filled: str) -> None:
    """A row of the Overview opens its finding; another is ticked; a link leads to its thread."""
    page = look(f"{filled}/?refresh=paused")
    choose_row(page, "card-top-findings", row=0)
    page.wait_for_url(re.compile("/findings.*finding="))
    drawn(page)
    heading = page.locator(".st-key-finding-heading")
    expect(heading).to_contain_text(HOSTILE)
    choose_row(page, "findings-table", row=1)
    expect(heading).to_contain_text("large in support-3")
    expect(page.locator(".st-key-card-settle")).to_contain_text("large in support-3")
    page.get_by_role("button", name="See it").click()
    page.wait_for_url(re.compile("/threads.*thread=support-3"))
    expect(page.locator(".st-key-thread-heading code")).to_have_text("support-3")


def test_a_phone_in_the_dark(look: Look, filled: str) -> None:
    """Nothing is wider than the screen, and nothing failed."""
    page = look(f"{filled}/findings?refresh=paused", width=390, theme="dark")
    expect(page.get_by_text("Settle it")).to_be_visible()
    assert page.evaluate(FITS)
    expect(page.get_by_text("This part of the page failed")).to_have_count(0)
