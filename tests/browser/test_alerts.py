"""An alert in a browser: a rule is tried on past data, switched on, fires, is told to a webhook."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Look, expect_value
from tests.collector.alerts.receiver import Receiver
from tests.collector.live import collecting, wait_for
from tests.storage import seed

pytestmark = pytest.mark.browser


@pytest.fixture
def target(isolated: Path, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """A store whose collector is gone, and a webhook named ``ops``."""
    isolated.mkdir()
    seed.sample(time.time_ns() // 1000).write(isolated / "store.sqlite", heartbeat_s=60)
    receiver = Receiver()
    receiver.start()
    path = receiver.file(isolated / "targets", "ops")
    monkeypatch.setenv("STATEMETER_ALERTS", str(path))
    return receiver


def test_from_the_preview_to_the_webhook(
    target: Receiver, look: Look, dashboard: str, isolated: Path
) -> None:
    """The dashboard's own collector, or the test's where that is held back, carries it out."""
    with collecting(isolated / "spool", isolated / "store.sqlite"):
        page = look(f"{dashboard}/alerts?refresh=1s", width=390, theme="dark", height=1200)
        expect_value(page, "document.documentElement.scrollWidth <= 390")
        page.locator(".st-key-alert-title-new input").fill("Much is stored")
        threshold = page.locator(".st-key-alert-threshold-new-stored_bytes input")
        threshold.fill("1")
        threshold.press("Enter")
        expect(page.get_by_text("It would have fired once in the last day.")).to_be_visible()
        plot = page.locator(".st-key-plot-alert-preview .statemeter-plot")
        expect(plot.get_by_text("would have fired")).to_be_attached()
        page.get_by_role("button", name="Save and switch on").click()
        expect(page.get_by_text("Much is stored is switched on.")).to_be_visible()
        wait_for(lambda: target.got, "a message")
        assert target.got[0]["title"] == "Firing: Much is stored – everything"
        expect(page.get_by_text("1 firing")).to_be_visible()
    target.stop()
