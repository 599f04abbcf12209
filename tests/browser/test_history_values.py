"""The history of a real thread as a visitor walks it: fork, difference, messages, and the rest."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests import browsed
from tests.browsed import THREAD, identity, ids
from tests.browser.conftest import (
    PATIENCE_SECONDS,
    Look,
    answering,
    drawn,
    expect_value,
    updates,
)
from tests.browser.test_pages import FITS
from tests.conftest import REPOSITORY, find_free_port

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Databases that real graphs wrote, and the store that a collector made of it."""
    folder = tmp_path_factory.mktemp("browsed")
    browsed.write(folder)
    return folder


@pytest.fixture(scope="module")
def states(folder: Path) -> list[Any]:
    """The history as the graph itself tells it, newest first."""
    return browsed.states(folder)


@pytest.fixture(scope="module")
def history(folder: Path) -> Iterator[str]:
    """Address of the History page of a dashboard that shows values."""
    port = find_free_port()
    with (folder / "dashboard.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)],
            cwd=REPOSITORY,
            env=os.environ | {"XDG_DATA_HOME": str(folder / "data")} | browsed.settings(folder),
            stdout=log,
            stderr=log,
            text=True,
        )
        try:
            # Paused: what is tried here is no live update, and a key waits for none.
            yield f"{answering(process, port)}/history?refresh=paused"
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def lines(page: Page, kind: str) -> Locator:
    """The lines of the difference that were ``added`` or ``removed``."""
    return page.locator(f".st-key-difference .line.{kind} .text")


def at_step(page: Page, text: str) -> None:
    """Waits until the page is at this step, and drawn."""
    expect(page.locator(".st-key-history-step-title")).to_contain_text(text)
    drawn(page)


def click_checkpoint(page: Page, checkpoint: str) -> None:
    """Clicks the mark of a checkpoint in the tree."""
    drawn(page)
    updates(page, "plot-tree")
    page.locator(".st-key-plot-tree").scroll_into_view_if_needed()
    place = page.evaluate(
        """wanted => {
  const plot = document.querySelector(".st-key-plot-tree .statemeter-plot");
  const { xaxis, yaxis } = plot._fullLayout;
  const box = plot.getBoundingClientRect();
  for (const trace of plot._fullData) {
    const at = (trace.ids ?? []).indexOf(wanted);
    if (at >= 0) return {
      x: box.x + xaxis._offset + xaxis.l2p(trace.x[at]),
      y: box.y + yaxis._offset + yaxis.l2p(trace.y[at]),
    };
  }
}""",
        checkpoint,
    )
    assert place, f"{checkpoint} is not in the tree"
    page.mouse.move(place["x"], place["y"])
    # plotly takes a click for one on a point once it has seen the pointer over it.
    page.wait_for_selector(".st-key-plot-tree .hoverlayer .hovertext")
    page.mouse.click(place["x"], place["y"])


def test_walk_along_the_steps(look: Look, history: str, states: list[Any]) -> None:
    """Arrow keys lead from step to step; the difference and the state beside it follow."""
    after = next(one for one in states if one.next == ("approve",))
    step = after.metadata["step"]
    page = look(f"{history}&thread={THREAD}&step={identity(after)}")
    at_step(page, f"Step {step - 1} → {step}")
    answer = after.values["messages"][-1]
    expect(lines(page, "added").filter(has_text=f'"id": "{answer.id}"')).to_have_count(1)
    expect(lines(page, "removed")).to_have_count(0)
    state = page.locator(".st-key-card-state-beside")
    expect(state).to_contain_text(after.values["topic"])
    page.keyboard.press("ArrowRight")
    at_step(page, f"Step {step} → {step + 1}")
    expect(lines(page, "added")).to_have_count(1)
    expect(lines(page, "added")).to_contain_text('"approved": "')
    page.keyboard.press("ArrowLeft")
    at_step(page, f"Step {step - 1} → {step}")
    expect(lines(page, "added").filter(has_text=f'"id": "{answer.id}"')).to_have_count(1)


def test_compare_over_a_fork(look: Look, history: str, states: list[Any]) -> None:
    """A step is pinned, the end of the other branch is clicked in the tree: what only one has goes,
    what only the other has comes, and a click leads back to the parent."""
    newest, branch = states[0], browsed.other_branch(states)
    page = look(f"{history}&thread={THREAD}&step={identity(branch)}")
    at_step(page, f"→ {branch.metadata['step']}")
    page.get_by_role("button", name="Compare others with this step").click()
    expect_value(page, "() => new URL(location.href).searchParams.has('with')")
    click_checkpoint(page, identity(newest))
    at_step(page, f"Step {branch.metadata['step']} → {newest.metadata['step']}")
    for kind, one, other in (("removed", branch, newest), ("added", newest, branch)):
        found = ids(one) - ids(other)
        assert found
        for name in found:
            expect(lines(page, kind).filter(has_text=f'"id": "{name}"')).to_have_count(1)
    # The address is the comparison: whoever opens it sees the same.
    copy = look(page.url)
    at_step(copy, f"Step {branch.metadata['step']} → {newest.metadata['step']}")
    expect(lines(copy, "removed").first).to_be_visible()
    page.get_by_role("button", name="Compared with step").click()
    at_step(page, f"Step {newest.metadata['step'] - 1} → {newest.metadata['step']}")
    expect(lines(page, "removed").filter(has_text='"id"')).to_have_count(0)


def test_read_the_messages(look: Look, history: str, states: list[Any]) -> None:
    """The conversation of a step: its newest messages, its oldest, and those that one looks for."""
    page = look(f"{history}&thread={THREAD}&step={identity(states[0])}")
    at_step(page, "Step")
    page.locator(".st-key-view").get_by_role("radio", name="Messages").click()
    messages = states[0].values["messages"]
    card = page.locator(".st-key-card-messages")
    expect(card).to_contain_text(f"{len(messages)} messages")
    said = card.get_by_test_id("stChatMessage")
    expect(said.last).to_contain_text(messages[-1].content.strip())
    expect(said.last).to_contain_text("Assistant")
    card.get_by_role("button", name="Page 1", exact=True).click()
    expect(said.first).to_contain_text("Question 1")
    expect(said.first).to_contain_text("step 0")
    expect(said.nth(1)).to_contain_text("calls look_up")
    drawn(page)
    card.get_by_role("textbox", name="Search").fill("Question 17")
    card.get_by_role("textbox", name="Search").press("Enter")
    expect(said).to_have_count(1)
    expect(said).to_contain_text("question-17")


def test_into_the_subgraph(look: Look, history: str, states: list[Any]) -> None:
    """From a step that called it into the subgraph: its own state, and back up."""
    before = next(one for one in states if one.next == ("research",))
    page = look(f"{history}&thread={THREAD}&step={identity(before)}&view=State")
    at_step(page, f"→ {before.metadata['step']}")
    page.get_by_role("button", name="Into research").click()
    # Its steps count from -1 again.
    at_step(page, "Step -1")
    for step in (0, 1, 2):
        page.keyboard.press("ArrowRight")
        at_step(page, f"Step {step - 1} → {step}")
    card = page.locator(".st-key-card-state")
    topic = before.values["topic"]
    expect(card).to_contain_text(f"note on {topic}")
    expect(page.get_by_role("button", name="Up to step")).to_be_visible()
    page.get_by_role("button", name="Up to step").click()
    at_step(page, f"→ {before.metadata['step']}")


def test_an_interrupt(look: Look, history: str, states: list[Any]) -> None:
    """The step at which the graph stopped: what it asked, and what it was told."""
    stopped = next(one for one in states if any(task.interrupts for task in one.tasks))
    (asked,) = (each for task in stopped.tasks for each in task.interrupts)
    page = look(f"{history}&thread={THREAD}&step={identity(stopped)}&view=Writes")
    at_step(page, "interrupted and resumed")
    card = page.locator(".st-key-card-writes-values")
    expect(card).to_contain_text(asked.value["question"])
    expect(card).to_contain_text("__resume__")


def test_raw_bytes(look: Look, history: str, states: list[Any]) -> None:
    """The list of blobs, and the start of the largest in hex."""
    page = look(f"{history}&thread={THREAD}&step={identity(states[0])}&view=Raw")
    expect(page.locator(".st-key-raw-table canvas").first).to_be_visible()
    expect(page.locator(".st-key-card-raw code").first).to_contain_text("0000  dc")


def test_hostile_text_does_nothing(visitors: BrowserContext, history: str) -> None:
    """Scripts do not run, images are not fetched, whatever the view."""
    page = visitors.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for view in ("Changes", "State", "Messages", "Raw"):
        page.goto(f"{history}&thread=hostile-1&view={view}&channel=messages")
        at_step(page, "Step")
        expect(page.get_by_text("nothing of it is stored").first).to_be_attached()
        assert "ran" not in page.title()
        expect(page.locator("a[href*='192.0.2.1'], a[href^='javascript']")).to_have_count(0)
    assert not [url for url in asked if "192.0.2.1" in url]
    page.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_of_the_difference(look: Look, history: str, states: list[Any], theme: str) -> None:
    """What came is green, what went is red, on a ground that fits the theme."""
    page = look(f"{history}&thread={THREAD}&step={identity(states[0])}", theme=theme)
    for kind, strong in (("added", 1), ("removed", 0)):
        line = page.locator(f".st-key-difference .line.{kind}").first
        expect(line).to_be_visible()
        found = line.evaluate(
            """one => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const style = getComputedStyle(one);
  return [parts(style.color), parts(style.backgroundColor)];
}"""
        )
        for red, green, _, *_ in found:
            assert (green > red) == bool(strong)


def test_a_phone(look: Look, history: str, states: list[Any]) -> None:
    """At 390 pixels nothing is wider than the screen, long lines and bytes included."""
    for thread, view in (
        (THREAD, "Changes"), ("hostile-1", "Changes"), ("hostile-1", "State"),
        ("hostile-1", "Messages"), ("hostile-1", "Raw"),
    ):  # fmt: skip
        page = look(f"{history}&thread={thread}&view={view}", width=390, height=844)
        expect(page.get_by_text("nothing of it is stored").first).to_be_attached()
        expect_value(page, FITS)
        page.close()
