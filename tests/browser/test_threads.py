"""The Threads page as a visitor uses it: filters, links, files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Look, expect_names, runs_again

pytestmark = pytest.mark.browser

FITS = "() => document.documentElement.scrollWidth === window.innerWidth"
"""Nothing is wider than the screen."""


def found(page: Page, words: str) -> None:
    expect(page.locator(".st-key-card-threads p").first).to_contain_text(words)


def saved(page: Page, kind: str) -> Path:
    """The file that a click in the open popover saves."""
    with page.expect_download() as download:
        page.get_by_role("button", name=kind, exact=True).click()
    return Path(download.value.path())


def test_filters_become_an_address(look: Look, filled: str) -> None:
    """What is set in the popover narrows the list and can be linked to; Clear takes it off."""
    page = look(f"{filled}/threads?refresh=1s")
    found(page, "17 of 17")
    page.locator(".st-key-more-filters button").first.click()
    field = page.locator(".st-key-stored_min input")
    field.fill("500 kB")
    field.press("Enter")
    page.locator(".st-key-errors label").first.click()
    page.keyboard.press("Escape")
    expect_names(page, {"stored_min": "500 kB", "errors": "true", "refresh": "1s"})
    expect(page.locator(".st-key-more-filters button").first).to_contain_text("Filters · 2")
    address = page.url
    again = look(address)
    found(again, "0 of 17")
    again.get_by_role("button", name="Clear").click()
    found(again, "17 of 17")
    expect(again.get_by_role("button", name="Clear")).to_have_count(0)


def test_a_pasted_address_finds_its_thread(look: Look, filled: str) -> None:
    """The address of a thread, pasted into the search, lists that thread of that storage."""
    page = look(f"{filled}/threads")
    search = page.locator(".st-key-q input")
    search.fill(f" {filled}/threads?thread=support-1&saver=cccccccccccc ")
    search.press("Enter")
    found(page, "1 of 17")
    expect(page.locator(".st-key-card-threads code").first).to_have_text("support-1")


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
def test_files_of_what_is_listed(look: Look, filled: str, width: int, theme: str) -> None:
    """The popover stays open while the page draws itself again; its files have the threads that
    the filters leave, window and backend of the header included."""
    page = look(f"{filled}/threads?refresh=1s&backend=memory&q=short", width=width, theme=theme)
    found(page, "6 of 17")
    page.locator(".st-key-export-threads button").first.click()
    expect(page.get_by_role("button", name="Parquet", exact=True)).to_be_visible()
    runs_again(page)
    rows = json.loads(saved(page, "JSON").read_text("utf-8"))
    assert [row["backend"] for row in rows] == ["memory"] * 6
    assert all(row["thread_id"].startswith("short_") for row in rows)
    assert len(saved(page, "CSV").read_text("utf-8").splitlines()) == 7
    assert saved(page, "Parquet").read_bytes()[:4] == b"PAR1"
    assert page.evaluate(FITS)


def test_no_other_way_to_a_file(look: Look, filled: str) -> None:
    """The table's own CSV, in which formulas are alive, is not offered."""
    page = look(f"{filled}/threads")
    expect(page.locator(".st-key-threads-table canvas").first).to_be_visible()
    page.locator(".st-key-threads-table").hover()
    expect(page.get_by_role("button", name="Download as CSV")).to_have_count(0)
