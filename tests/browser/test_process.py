"""The Process page in a browser: a row shows its process, the address names it, Back goes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Look, drawn
from tests.conftest import StartChild
from tests.pages.test_process import PROCESSES, fill

pytestmark = pytest.mark.browser


def test_an_address_names_a_process(
    look: Look, start_child: StartChild, isolated: Path, free_port: int
) -> None:
    """A deep link shows that process, at 390 px without sideways scrolling, and keeps it on
    reload."""
    from tests.browser.conftest import dashboard_at

    isolated.mkdir()
    fill(isolated / "store.sqlite")
    address = dashboard_at(start_child, free_port)
    page = look(f"{address}/process?window=15m&refresh=paused&process={PROCESSES[2]}", width=390)
    expect(page.get_by_text("It does not grow")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.reload()
    drawn(page)
    expect(page.get_by_text("pid 4002")).to_be_visible()
