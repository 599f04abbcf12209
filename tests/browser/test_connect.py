"""A database is attached by the form, its threads appear, and it is detached again."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver
from playwright.sync_api import Page, expect

from storage import sources
from tests import long_thread
from tests.browser.conftest import Look, drawn, expect_value

pytestmark = pytest.mark.browser

TURNS = 12


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file whose application never heard of us, in a folder that the form may name; it is open,
    as an application has it."""
    folder = tmp_path / "my apps"
    folder.mkdir()
    monkeypatch.setenv("STATEMETER_ROOTS", str(folder))
    with SqliteSaver.from_conn_string(str(folder / "chat.sqlite")) as saver:
        long_thread.play(long_thread.build(saver), "walk-1", TURNS)
        yield folder / "chat.sqlite"


def held(database: Path) -> tuple[int, int, int]:
    """Checkpoints, pending writes and stored bytes of the file, by SQL."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        checkpoints, documents = connection.execute(
            "SELECT count(*), sum(length(checkpoint)) FROM checkpoints"
        ).fetchone()
        writes, values = connection.execute(
            "SELECT count(*), sum(length(value)) FROM writes"
        ).fetchone()
    return checkpoints, writes, documents + values


def attach(page: Page, text: str) -> None:
    page.locator(".st-key-attach-url input").fill(text)
    page.get_by_role("button", name="Attach", exact=True).click()


def test_attach_look_detach(look: Look, isolated: Path, database: Path, dashboard: str) -> None:
    """From the empty Overview to a thread with the bytes that the file holds; what lands later is
    seen too, and after detaching what was read is still there."""
    page = look(dashboard)
    page.get_by_role("link", name=re.compile("attach its database")).click()
    page.wait_for_url("**/connect*")
    drawn(page)
    attach(page, str(database.parent))
    expect(page.get_by_text("is a folder")).to_be_visible()
    attach(page, f"'{database}' ")
    expect(page.get_by_text("is attached.")).to_be_visible()
    expect(page.locator(".st-key-attach-url input")).to_have_value("")
    (one,) = sources.list_(isolated / "spool")
    card = page.locator(f".st-key-card-source-{one.key}")
    expect(card).to_contain_text("keeps up")
    checkpoints, writes, stored = held(database)
    expect(card).to_contain_text(f"{checkpoints:,}")
    expect(card).to_contain_text(f"{writes:,}")

    card.get_by_role("link", name="Threads").click()
    page.wait_for_url(f"**/threads?*storage={one.key}*")
    expect(page.get_by_text("1 of 1;")).to_be_visible()
    page.goto(f"{dashboard}/threads?thread=walk-1")
    drawn(page)
    expect(page.locator(".st-key-thread-exact")).to_contain_text(f"stored {stored:,} B")

    with SqliteSaver.from_conn_string(str(database)) as saver:
        long_thread.play(long_thread.build(saver), "walk-2", 1)
    page.goto(f"{dashboard}/threads?q=walk-2")
    expect(page.get_by_text("1 of 2;")).to_be_visible()

    page.goto(f"{dashboard}/connect")
    drawn(page)
    card.get_by_role("button", name="Detach").click()
    page.get_by_role("button", name="Detach it").click()
    expect(card).to_have_count(0)
    expect(page.get_by_text("1 detached")).to_be_visible()
    assert sources.list_(isolated / "spool") == []
    page.goto(f"{dashboard}/threads?q=walk")
    expect(page.get_by_text("2 of 2;")).to_be_visible()


def test_a_phone(look: Look, dashboard: str) -> None:
    """At 390 pixels nothing is wider than the screen."""
    page = look(f"{dashboard}/connect", width=390, height=844)
    expect(page.get_by_role("button", name="Attach", exact=True)).to_be_visible()
    expect_value(page, "() => document.documentElement.scrollWidth === window.innerWidth")
