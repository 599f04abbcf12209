"""The pages as a visitor meets them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import (
    PATIENCE_SECONDS,
    Look,
    drawn,
    expect_names,
    expect_value,
    runs_again,
    store_more,
    store_step,
    updates,
    wait_for_update,
)

pytestmark = pytest.mark.browser

STORED = "plot-stored"


def choose_row(page: Page, table: str, row: int = 0) -> None:
    """Ticks a row of a table, once it stands still."""
    expect(page.locator(f".st-key-{table} canvas").first).to_be_visible()
    rows = page.locator(f".st-key-{table} .dvn-scroller").first
    rows.click(position={"x": 15, "y": 52 + 35 * row})


FITS = "() => document.documentElement.scrollWidth === window.innerWidth"
"""Nothing is wider than the screen."""
WHOLE = """() => [...document.querySelectorAll("[data-testid=stMetric] :is(p, div)")].every(one =>
one.scrollWidth <= one.clientWidth + 1 || getComputedStyle(one).overflowX === "visible")"""
"""No words or figures of a card are cut short."""


def test_the_first_visitor_may_come_by_any_address(look: Look, dashboard: str) -> None:
    """Before anybody came through app.py a page's own address works, with the page's frame."""
    page = look(f"{dashboard}/threads?thread=nobody&window=15m")
    expect(page.get_by_role("link", name="Overview")).to_be_visible()
    expect(page.get_by_role("heading", name="Threads")).to_be_visible()
    expect(page.get_by_role("button", name="Run the demo")).to_be_visible()
    expect_names(page, {"thread": "nobody", "window": "15m"})


def test_deep_links(look: Look, filled: str) -> None:
    """Every address shows its page with its frame, one thread included."""
    page = look(f"{filled}/threads?thread=support-2&window=15m")
    expect(page.locator(".st-key-thread-heading code")).to_have_text("support-2")
    updates(page, "plot-channels")
    expect_names(page, {"thread": "support-2", "window": "15m"})
    page.close()
    for path in ("/overview", "/", "/threads"):
        page = look(filled + path)
        title = "Threads" if path == "/threads" else "Overview"
        expect(page.get_by_role("heading", name=title)).to_be_visible()
        expect(page.locator(".st-key-badges")).to_contain_text("Live")
        page.close()


def test_filters_survive(look: Look, filled: str) -> None:
    """Window, backend and thread stay over a change of page, Back, and a reload."""
    page = look(f"{filled}/?window=15m&backend=sqlite")
    page.get_by_role("link", name="Threads").click()
    page.wait_for_url("**/threads?*")
    expect(page.locator(".st-key-threads-table canvas").first).to_be_visible()
    expect_names(page, {"window": "15m", "backend": "sqlite"})
    choose_row(page, "threads-table")
    opened = {"window": "15m", "backend": "sqlite", "thread": "support-1", "saver": "aaaaaaaaaaaa"}
    expect_names(page, opened)
    page.reload()
    drawn(page)
    expect(page.locator(".st-key-thread-heading code")).to_have_text("support-1")
    expect_names(page, opened)
    page.go_back()
    expect(page.locator(".st-key-threads-table canvas").first).to_be_visible()
    expect_names(page, {"window": "15m", "backend": "sqlite"})


def test_filters_survive_a_click_before_they_are_mounted(browser: Browser, filled: str) -> None:
    """A visitor who is faster than the widgets' scripts keeps window and backend all the same."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_SECONDS * 1000)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    for widget in ("Selectbox", "ButtonGroup"):
        page.route(f"**/{widget}.*.js", hold)
    page.goto(f"{filled}/?window=15m&backend=sqlite")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(held) < 2 and time.monotonic() < deadline:
        page.wait_for_timeout(20)
    assert len(held) == 2
    page.get_by_role("link", name="Threads").click()
    page.wait_for_url("**/threads*")
    assert page.locator(".st-key-backend input").count() == 0
    for route in held:
        route.continue_()
    drawn(page)
    expect_names(page, {"window": "15m", "backend": "sqlite"})
    expect(page.locator(".st-key-backend input").first).to_have_value("sqlite")
    page.close()


def test_a_row_of_the_overview_opens_its_thread(look: Look, filled: str) -> None:
    """One click on a row leads to the thread, Back leads to the Overview as it was."""
    page = look(f"{filled}/?window=6h")
    updates(page, STORED)
    choose_row(page, "largest", 1)
    page.wait_for_url("**/threads?*")
    expect(page.locator(".st-key-thread-heading code")).to_have_text("research-1")
    expect_value(page, "() => new URL(location.href).searchParams.get('window') === '6h'")
    page.go_back()
    page.wait_for_url(f"{filled}/?window=6h")
    expect(page.locator(".st-key-largest canvas").first).to_be_visible()
    runs_again(page)
    assert page.url == f"{filled}/?window=6h"


def test_a_zoom_survives_live_updates(look: Look, filled: str, store: Path) -> None:
    """New data comes in, the part that the visitor looks at stays; the chart is the same one."""
    page = look(f"{filled}/?refresh=1s")
    updates(page, STORED)
    plot = page.locator(f".st-key-{STORED} .statemeter-plot")
    plot.scroll_into_view_if_needed()
    area = plot.locator(".nsewdrag").first.bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + 100, area["y"] + 40)
    page.mouse.down()
    page.mouse.move(area["x"] + 260, area["y"] + 140, steps=5)
    page.mouse.up()
    expect_value(
        page,
        "() => document.querySelector('.st-key-plot-stored .statemeter-plot')"
        "._fullLayout.xaxis.autorange === false",
    )
    ranges = "one => [one._fullLayout.xaxis.range, one._fullLayout.yaxis.range]"
    last = "one => one._fullData.map(trace => trace.customdata.at(-1))"
    zoomed, before = plot.evaluate(ranges), plot.evaluate(last)
    plot.evaluate("one => { one.sameOne = true; }")
    store_more(store, 50_000_000)
    expect_value(
        page,
        "() => document.querySelector('.st-key-plot-stored .statemeter-plot')"
        "._fullData.some(trace => trace.customdata.at(-1) === '54.5 MB')",
    )
    assert plot.evaluate(last) != before
    assert plot.evaluate(ranges) == zoomed
    assert plot.evaluate("one => one.sameOne")


def test_a_choice_survives_live_updates(look: Look, filled: str, store: Path) -> None:
    """The step that a visitor chose stays chosen, and the page stays where it was scrolled to."""
    page = look(f"{filled}/threads?thread=support-2&refresh=1s")
    updates(page, "plot-channels")
    updates(page, "plot-step-latency")  # the last one: nothing moves any more
    page.locator(".st-key-steps-table").scroll_into_view_if_needed()
    choose_row(page, "steps-table", 3)
    chosen = page.get_by_text("at step 2", exact=True)
    expect(chosen).to_be_attached()
    scroll = "document.querySelector('[data-testid=stMain]').scrollTop"
    at = page.evaluate(scroll)
    assert at > 0
    drawn_before = updates(page, "plot-channels")
    store_step(store, thread=2)
    wait_for_update(page, "plot-channels", drawn_before)
    expect(page.get_by_text("21 checkpoints; choose one to see it")).to_be_attached()
    expect(chosen).to_be_attached()
    assert page.evaluate(scroll) == at


def test_both_themes(look: Look, filled: str) -> None:
    """The page follows the system's theme; charts take their colours from it."""
    for theme in ("light", "dark"):
        page = look(filled, theme=theme)
        updates(page, STORED)
        expect_value(
            page,
            """dark => {
  const plot = document.querySelector(".st-key-plot-stored .statemeter-plot");
  const text = plot._fullLayout.font.color;
  const card = getComputedStyle(document.querySelector(".st-key-card-stored")).backgroundColor;
  return parseInt(text.slice(1, 3), 16) > 128 === dark
    && Number(card.match(/\\d+/)[0]) < 128 === dark;
}""",
            theme == "dark",
        )


def test_the_theme_can_be_switched(look: Look, filled: str) -> None:
    """The menu has the switch; charts that are there already are painted anew."""
    page = look(filled)
    updates(page, STORED)
    plot = page.locator(f".st-key-{STORED} .statemeter-plot")
    colours = "one => [one._fullLayout.font.color, ...one._fullData.map(each => each.line.color)]"
    before = plot.evaluate(colours)
    page.get_by_test_id("stMainMenu").click()
    page.get_by_test_id("stMainMenuPopover").get_by_text("Dark").click()
    expect_value(
        page,
        "before => document.querySelector('.st-key-plot-stored .statemeter-plot')"
        "._fullLayout.font.color !== before",
        before[0],
    )
    assert not set(plot.evaluate(colours)) & set(before)


def test_a_phone(look: Look, filled: str) -> None:
    """At 390 pixels nothing is wider than the screen: columns stack, tables scroll inside."""
    for path, last in {
        "/": "plot-latency .statemeter-plot[data-updates]",
        "/threads": "threads-table canvas",
        "/threads?thread=support-2": "plot-step-latency .statemeter-plot[data-updates]",
        "/threads?thread=nobody": "card-no-thread",
    }.items():
        page = look(filled + path, width=390, height=844)
        expect(page.locator(f".st-key-{last}").first).to_be_attached()
        runs_again(page)
        expect_value(page, FITS)
        expect_value(
            page,
            "() => [...document.querySelectorAll('.statemeter-plot')].every("
            "one => one.clientWidth > 250 && one.clientWidth < 390)",
        )
        expect_value(page, WHOLE)
        page.close()


def test_nothing_is_loaded_from_elsewhere(browser: Browser, filled: str) -> None:
    """Fonts, scripts, images: all of them come from this server, the rest is refused."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_SECONDS * 1000)
    answered, failed = [], []
    page.on("response", lambda response: answered.append(response.url))
    page.on("requestfailed", lambda request: failed.append((request.url, request.failure)))
    page.goto(filled)
    updates(page, STORED)
    page.get_by_role("link", name="Threads").click()
    expect(page.locator(".st-key-threads-table canvas").first).to_be_visible()
    outside = {url for url in answered if not url.startswith((filled, "data:", "blob:"))}
    assert outside == set()
    assert {reason for url, reason in failed if not url.startswith(filled)} <= {"csp"}
    page.close()


def test_the_empty_page_on_a_phone(look: Look, dashboard: str) -> None:
    """The first page of all: what to do next is there, and fits."""
    page = look(dashboard, width=390, height=844)
    expect(page.get_by_role("button", name="Run the demo")).to_be_visible()
    expect_value(page, FITS)
