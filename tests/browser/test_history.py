"""The History page as a visitor meets it: by mouse, by keys, by its address, while it grows."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Look, drawn, expect_names, expect_value, store_step
from tests.storage.seed_history import THREAD, forked

pytestmark = pytest.mark.browser

TREE = ".st-key-plot-tree .statemeter-plot"
TITLE = ".st-key-history-step-title"

PLACE = """([selector, checkpoint]) => {
  const host = document.querySelector(selector);
  const { xaxis, yaxis } = host._fullLayout;
  for (const trace of host._fullData) {
    const at = (trace.ids ?? []).indexOf(checkpoint);
    if (at < 0) continue;
    const box = host.getBoundingClientRect();
    return [box.left + xaxis._offset + xaxis.d2p(trace.x[at]),
            box.top + yaxis._offset + yaxis.d2p(trace.y[at])];
  }
}"""
"""Where a checkpoint is drawn, in pixels of the window."""

HAS = """([selector, checkpoint]) => {
  const host = document.querySelector(selector);
  return host?._fullData?.some((trace) => (trace.ids ?? []).includes(checkpoint));
}"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a thread that has a fork, an interrupt and a subgraph."""
    path = tmp_path_factory.mktemp("history") / "store.sqlite"
    forked(time.time_ns() // 1000).write(path, heartbeat_s=-3600)
    return path


def place(page: Page, checkpoint: str) -> tuple[float, float]:
    """Where a checkpoint is drawn, once it is, in pixels of the window."""
    expect_value(page, HAS, [TREE, checkpoint])
    page.locator(TREE).scroll_into_view_if_needed()
    x, y = page.evaluate(PLACE, [TREE, checkpoint])
    return x, y


def click(page: Page, checkpoint: str) -> None:
    """Clicks a checkpoint of the tree."""
    x, y = place(page, checkpoint)
    page.mouse.move(x, y)
    # plotly takes a click for one on a point once it has seen the pointer over it.
    page.wait_for_selector(f"{TREE} .hoverlayer .hovertext")
    page.mouse.click(x, y)


def expect_title(page: Page, text: str) -> None:
    """Waits until this step is shown."""
    expect(page.locator(TITLE)).to_contain_text(text)


def test_a_click_on_the_tree_has_an_address(look: Look, filled: str) -> None:
    """A click shows the step and names it in the address; Back, Forward and a reload keep it."""
    page = look(f"{filled}/history?thread={THREAD}&refresh=paused")
    expect_title(page, "Step 9 → 10")
    click(page, f"{THREAD}-fork-1")
    expect_title(page, "Step 5 → 6")
    chosen = {"thread": THREAD, "refresh": "paused", "step": f"{THREAD}-fork-1"}
    expect_names(page, chosen)
    page.go_back()
    expect_title(page, "Step 9 → 10")
    page.go_forward()
    expect_title(page, "Step 5 → 6")
    page.reload()
    drawn(page)
    expect_title(page, "Step 5 → 6")
    expect_names(page, chosen)


def test_arrow_keys_walk_the_path(look: Look, filled: str) -> None:
    """Left and Right go along the steps, also with the slider in focus, one step a key."""
    page = look(f"{filled}/history?thread={THREAD}&refresh=paused")
    # A key moves the slider from where its thumb is: it has to be where the page is.
    thumb = page.locator(".st-key-history-slider").get_by_test_id("stSliderThumbValue")
    expect_title(page, "Step 9 → 10")
    expect(thumb).to_have_text("10")
    for key, step in (("ArrowLeft", 9), ("ArrowLeft", 8), ("ArrowRight", 9)):
        page.keyboard.press(key)
        expect_title(page, f"Step {step - 1} → {step}")
        expect(thumb).to_have_text(str(step))
    page.locator(".st-key-history-slider input").focus()
    page.keyboard.press("ArrowLeft")
    expect_title(page, "Step 7 → 8")
    expect_names(page, {"thread": THREAD, "refresh": "paused", "step": f"{THREAD}-000009"})


def test_a_difference_over_the_fork(look: Look, filled: str) -> None:
    """One step is pinned, another clicked in the tree: the address has both, and survives the way
    over another page."""
    page = look(f"{filled}/history?thread={THREAD}&refresh=paused&step={THREAD}-000007")
    expect_title(page, "Step 5 → 6")
    page.get_by_role("button", name="Compare others with this step").click()
    expect(page.locator(TITLE)).to_be_visible()
    expect_value(page, "() => new URL(location.href).searchParams.has('with')")
    click(page, f"{THREAD}-fork-1")
    expect_title(page, "Step 6 → 6")
    both = {
        "thread": THREAD, "refresh": "paused", "step": f"{THREAD}-fork-1",
        "with": f"{THREAD}-000007",
    }  # fmt: skip
    expect_names(page, both)
    expect(page.locator(".st-key-card-changes")).to_contain_text("over a fork")
    page.get_by_role("link", name="Overview").click()
    page.wait_for_url(lambda url: "/history" not in url)
    drawn(page)
    page.get_by_role("link", name="History").click()
    expect_title(page, "Step 6 → 6")
    expect_names(page, both)


def test_a_thread_grows_under_a_visitor(look: Look, filled: str, store: Path) -> None:
    """New steps appear in the same tree; the chosen step and the zoom stay."""
    page = look(f"{filled}/history?thread={THREAD}&refresh=1s&step={THREAD}-000004")
    expect_title(page, "Step 2 → 3")
    place(page, f"{THREAD}-000004")
    plot = page.locator(TREE)
    plot.scroll_into_view_if_needed()
    area = plot.locator(".nsewdrag").first.bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + 60, area["y"] + 10)
    page.mouse.down()
    page.mouse.move(area["x"] + 400, area["y"] + 60, steps=5)
    page.mouse.up()
    ranges = "one => one._fullLayout.xaxis.range"
    expect_value(
        page,
        "selector => { const [a, b] = document.querySelector(selector)._fullLayout.xaxis.range;"
        " return b - a < 10 }",
        TREE,
    )
    zoomed = plot.evaluate(ranges)
    plot.evaluate("one => { one.sameOne = true; }")
    store_step(store, 1)
    expect_value(page, HAS, [TREE, f"{THREAD}-000011-next"])
    expect_title(page, "Step 2 → 3")
    assert plot.evaluate(ranges) == zoomed
    assert plot.evaluate("one => one.sameOne")


def test_from_the_thread_and_back(look: Look, filled: str) -> None:
    """The Threads page opens the history of the thread that it shows, and is opened by it."""
    page = look(f"{filled}/threads?thread={THREAD}&window=6h")
    page.get_by_role("button", name="Open history").click()
    page.wait_for_url("**/history?*")
    expect_title(page, "Step")
    shared = {"thread": THREAD, "saver": "aaaaaaaaaaaa", "window": "6h"}
    expect_names(page, shared)
    page.get_by_role("button", name="Open thread").click()
    page.wait_for_url("**/threads?*")
    expect_names(page, shared)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_telephone(look: Look, filled: str, theme: str) -> None:
    """At 390 px nothing is wider than the screen, and the tree shows the chosen step apart from
    its neighbours."""
    page = look(
        f"{filled}/history?thread={THREAD}&refresh=paused&step={THREAD}-fork-0",
        width=390, theme=theme,
    )  # fmt: skip
    expect_title(page, "Step 4 → 5")
    assert page.evaluate("() => document.documentElement.scrollWidth === window.innerWidth")
    places = [place(page, name) for name in (f"{THREAD}-fork-0", f"{THREAD}-fork-1")]
    assert abs(places[0][0] - places[1][0]) > 5
