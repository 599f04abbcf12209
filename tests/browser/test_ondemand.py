"""The Process page in a real browser: looks into an application that runs."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Look, drawn
from tests.browser.test_pages import choose_row
from tests.collector.look.conftest import serve
from tests.collector.look.services import Service

pytestmark = pytest.mark.browser

__all__ = ["serve"]


@pytest.fixture
def service(serve, request: pytest.FixtureRequest) -> Service:  # type: ignore[no-untyped-def]
    """An application that leaks, measured before the dashboard starts."""
    return serve("objects").ready()  # type: ignore[no-any-return]


def ask(page: Page, label: str, kind: str, seconds: str) -> None:
    """Choose what to look at, and look."""
    page.get_by_role("radio", name=label, exact=True).or_(
        page.get_by_role("button", name=label, exact=True)
    ).first.click()
    # Of this kind: that of the kind before stays until the page is drawn.
    field = page.locator(f".st-key-look-seconds-{kind} input")
    expect(field).to_be_visible()
    field.fill(seconds)
    field.press("Enter")
    drawn(page)
    page.locator(".st-key-look-start button:visible").first.click()


def test_a_census_and_a_flame_graph_of_a_running_process(
    service: Service, dashboard: str, look: Look
) -> None:
    """The growing type is named, a click shows who holds it, and memray's recording is drawn; no
    script comes from elsewhere. Once the process has ended there is nothing to click, and why."""
    page = look(f"{dashboard}/process?process={service.incarnation}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    expect(page.get_by_text("What it costs.")).to_be_visible()
    ask(page, "Objects", "census", "3")
    expect(page.locator(".st-key-look-now button").first).to_be_visible()
    expect(page.get_by_text(re.compile("grows? steadily")).first).to_be_visible()
    expect(page.get_by_text("__main__.Session").first).to_be_visible()
    expect(page.locator(".st-key-census-containers canvas").first).to_be_visible()
    choose_row(page, "census-containers")
    page.locator(".st-key-ask-chain-list button").first.click()
    chain = page.locator("[class*=plot-chain] .statemeter-plot")
    expect(chain).to_contain_text(".SESSIONS")
    expect(chain).to_contain_text("module")
    ask(page, "Recording", "memray", "2")
    flame = page.locator("[class*=plot-flame-peak] .statemeter-plot")
    expect(flame).to_be_visible()
    expect(flame.locator(".iciclelayer path").first).to_be_attached()
    expect(flame).to_contain_text("invoke")
    page.get_by_role("tab", name="Not freed").click()
    expect(page.get_by_text("by the line that did it")).to_be_visible()
    assert all(url.startswith((dashboard, "data:", "blob:")) for url in asked), asked
    service.end()
    expect(page.get_by_text("This process has ended")).to_be_visible()
    expect(page.locator(".st-key-look-start")).to_have_count(0)
