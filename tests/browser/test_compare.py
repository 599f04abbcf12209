"""A comparison from the form to its charts and ranking, as a visitor sees it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Look, drawn, expect_value, names

pytestmark = pytest.mark.browser


def test_a_comparison_is_asked_for_and_seen(dashboard: str, look: Look) -> None:
    """InMemorySaver and SqliteSaver, small: progress, then three charts, numbers and a choice; its
    address shows it again, and another page is not disturbed."""
    page = look(f"{dashboard}/backends?view=Compare", height=2400)
    form = page.locator(".st-key-card-compare-form")
    form.get_by_text("How much, and how").click()
    for key, value in (("turns-chat", "2"), ("threads-chat", "1"), ("rounds", "3")):
        field = form.locator(f".st-key-compare-{key} input")
        field.fill(value)
        field.press("Tab")
    form.get_by_label("Name").fill("from the form")
    form.get_by_role("button", name="Compare", exact=True).click()
    head = page.locator(".st-key-card-compare-head")
    expect(head.get_by_text("from the form")).to_be_visible()
    expect(head.get_by_text("done", exact=True)).to_be_visible(timeout=180_000)
    for key in ("latency", "throughput", "footprint"):
        plot = f".st-key-plot-compare-{key} .statemeter-plot"
        expect_value(
            page,
            "plot => (document.querySelector(plot)?.data ?? []).map(t => t.name).join().includes("
            "'SQLite')",
            plot,
        )
    # Memory loses everything when its process is killed; a file does not.
    ranking = page.locator(".st-key-card-compare-ranking")
    expect(ranking.get_by_text(re.compile("Take SQLite: it alone meets"))).to_be_visible()
    ranking.locator(".st-key-compare-restart label").click()
    expect(ranking.get_by_text(re.compile("Take In memory|are a tie"))).to_be_visible()
    address = page.url
    assert names(page)["comparison"]
    again = look(address, theme="dark", width=390, height=4000)
    expect(again.locator(".st-key-card-compare-head").get_by_text("from the form")).to_be_visible()
    assert again.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name="History").first.click()
    page.wait_for_url(re.compile("/history"))
    drawn(page)
    expect(page.get_by_text("This part of the page failed")).to_have_count(0)
