"""A trial of serializers as a visitor runs it: from the button to the code to paste."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, WebSocketRoute, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from pages.ui.trials import TRIAL
from storage import jobs, serializer_trials
from storage.queries_jobs import job
from storage.serializer_advice import advise
from storage.store import open_reader
from tests import browsed
from tests.browser.conftest import PATIENCE_SECONDS, Look, answering, drawn, names, updates
from tests.browser.test_pages import FITS
from tests.conftest import REPOSITORY, find_free_port

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that a real graph wrote, and the store that a collector made of it."""
    folder = tmp_path_factory.mktemp("tried")
    env = os.environ | browsed.settings(folder)
    for arguments in (
        ["tests.long_thread", str(folder / "chat.sqlite"), "--turns", "4", "--instrument"],
        ["collector", "--once"],
    ):
        command = [sys.executable, "-m", *arguments]
        subprocess.run(command, cwd=REPOSITORY, env=env, check=True)
    return folder


@pytest.fixture(scope="module")
def serialization(folder: Path) -> Iterator[str]:
    """Address of the page, of a dashboard with its collector that may read values."""
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
            yield f"{answering(process, port)}/serialization"
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def test_a_trial_from_the_button_to_the_code(look: Look, serialization: str, folder: Path) -> None:
    """It is asked for, runs in the collector, tells how far it is, and ends with the winner, its
    code and the chart; its address shows the same to the next visitor, on a phone too; forgotten,
    it is gone for all."""
    page = look(f"{serialization}?window=24h&refresh=paused")
    page.locator(".st-key-trial-name input").fill("in the browser")
    page.locator(".st-key-try-serializers button").click()
    card = page.locator(".st-key-card-trial")
    expect(card).to_contain_text("in the browser")
    page.wait_for_url("**trial=*")
    expect(card).to_contain_text("done", timeout=3 * PATIENCE_SECONDS * 1000)
    updates(page, "plot-pareto")
    key = page.url.partition("trial=")[2].partition("&")[0]
    engine = open_reader(browsed.settings(folder)["STATEMETER_STORE"])
    found = job(engine, key)
    engine.dispose()
    assert found is not None
    trial = serializer_trials.decode(found[1])
    assert trial is not None
    advice = advise(trial)
    assert advice.best is not None
    expect(page.locator(".st-key-card-advice h3")).to_contain_text(advice.best.label)
    if advice.code:
        expect(page.locator(".st-key-card-advice [data-testid=stCode]").last).to_contain_text(
            "adopt(saver, "
        )

    other = look(f"{serialization}?refresh=paused&trial={key}", width=390, theme="dark")
    expect(other.locator(".st-key-card-advice h3")).to_contain_text(advice.best.label)
    updates(other, "plot-pareto")
    assert other.evaluate(FITS)

    page.locator(".st-key-forget-trial button").click()
    expect(card).to_have_count(0)
    drawn(page)
    assert key not in page.url
    again = look(f"{serialization}?refresh=paused&trial={key}")
    expect(again.locator(".st-key-card-trial")).to_contain_text("There is no such trial")


def test_a_browser_that_lags(visitors: BrowserContext, serialization: str, folder: Path) -> None:
    """A timer's message may still say what stood in the field before the button was pressed, where
    a browser has not taken over yet what the server put there: the trial stays in sight."""
    lagging = 2
    page = visitors.new_page()

    def sent(message: str | bytes, server: WebSocketRoute) -> None:
        nonlocal lagging
        told = BackMsg.FromString(message) if isinstance(message, bytes) else BackMsg()
        if told.rerun_script.is_auto_rerun and lagging:
            for field in told.rerun_script.widget_states.widgets:
                if field.id.endswith(f"-{TRIAL}") and field.string_value:
                    field.string_value = ""
                    lagging -= 1
            message = told.SerializeToString()
        server.send(message)

    def route(browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()
        browser.on_message(lambda message: sent(message, server))

    page.route_web_socket("**/_stcore/stream", route)
    page.goto(f"{serialization}?window=24h&refresh=paused")
    drawn(page)
    page.locator(".st-key-trial-name input").fill("behind")
    page.locator(".st-key-try-serializers button").click()
    card = page.locator(".st-key-card-trial")
    expect(card).to_contain_text("behind")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while lagging and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    assert not lagging
    with contextlib.suppress(jobs.JobMissing):  # or it has ended already
        jobs.cancel(Path(browsed.settings(folder)["STATEMETER_SPOOL"]), names(page)[TRIAL])
    expect(card).to_contain_text(re.compile("cancelled|done"))
    assert TRIAL in names(page)
    page.close()
