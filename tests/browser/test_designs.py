"""State designs in a browser: a thread is looked at, measured by the collector, linked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Look, expect_value, names, updates
from tests.collector.designs.told import conversation

pytestmark = pytest.mark.browser

TURNS = 6
FITS = "() => document.documentElement.scrollWidth === window.innerWidth"


@pytest.fixture
def told(isolated: Path) -> Path:
    """The store has a conversation before the dashboard starts."""
    store = conversation(isolated, TURNS)
    shutil.rmtree(isolated / "spool")
    return store


def test_a_thread_is_measured_and_linked(look: Look, told: Path, dashboard: str) -> None:
    """From a link to a thread to times of a real replay, which a link shows again."""
    page = look(f"{dashboard}/serialization?thread=chat")
    assert updates(page, "plot-designs") >= 1
    assert "prune: the newest checkpoint" in page.locator(".st-key-cards-designs").inner_text()

    page.locator(".st-key-design input").click()
    page.locator(".st-key-design input").fill("delta-messages-10")  # a long list draws a part of it
    page.get_by_role("option", name="delta-messages-10", exact=True).click()
    expect(page.locator(".st-key-card-design-details")).to_contain_text("snapshot_frequency=10")
    expect_value(page, "location.search.includes('design=delta-messages-10')")

    page.get_by_role("button", name="Parameters").click()
    field = page.get_by_label("A trimmed list keeps its newest")
    field.fill("3")
    field.press("Enter")
    page.keyboard.press("Escape")
    expect_value(page, "location.search.includes('newest=3')")

    page.get_by_role("button", name="Measure", exact=True).click()
    expect(page.locator(".st-key-card-designs")).to_contain_text("Measured on SqliteSaver")
    expect(page.locator(".st-key-card-designs")).to_contain_text("Measured 20", timeout=120_000)
    expect(page.locator(".st-key-cards-designs")).not_to_contain_text("time not measured")

    link = page.url
    page.close()
    again = look(link, theme="dark")
    assert names(again)["design"] == "delta-messages-10"
    expect(again.locator(".st-key-card-designs")).to_contain_text("Measured on SqliteSaver")
    expect(again.locator(".st-key-card-design-details")).to_contain_text("snapshot_frequency=10")
    again.set_viewport_size({"width": 390, "height": 900})
    expect_value(again, FITS)
