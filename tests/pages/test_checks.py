"""A visitor's own look into a database: by a child process, without its password anywhere."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest
from langgraph.checkpoint.sqlite import SqliteSaver
from streamlit import config

from pages.ui import checks, children, inspections
from storage.inspections import Check
from tests.pages.conftest import Visit, texts
from tests.storage import seed

WAIT_SECONDS = 90
SECRET = "hunter2secret"


def ended(look: checks.Look) -> checks.Look:
    """The look, once it has ended."""
    deadline = time.monotonic() + WAIT_SECONDS
    while look.running and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not look.running
    return look


def test_a_database_is_looked_into(isolated: Path) -> None:
    """Its checks are in the result, which is on its way to the store, too."""
    isolated.mkdir()
    path = isolated / "chat.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        saver.setup()
    look = ended(checks.start(str(path)))
    assert look.problem == ""
    assert look.found is not None
    assert look.found.label == "chat.sqlite"
    assert look.found.checks
    assert (isolated / "spool" / "inspections" / f"{look.found.id}.json").exists()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"redis://me:{SECRET}@127.0.0.1:1/0", "127.0.0.1:1"),
        (f"oracle://me:{SECRET}@db/x", "oracle"),
        (f"\x00{SECRET}", ""),
    ],
)
def test_what_cannot_be_looked_into_is_said(url: str, words: str) -> None:
    """The reason, without the password; and it was in no command line."""
    look = checks.start(url)
    mine = psutil.Process(os.getpid())
    while look.running:
        for child in mine.children(recursive=True):
            try:
                assert SECRET not in " ".join(child.cmdline())
            except psutil.Error:
                continue
        time.sleep(0.01)
    assert look.found is None
    assert look.problem
    assert words in look.problem
    assert SECRET not in look.problem


def test_only_so_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit a look does not begin, and says when to try again."""
    for _ in range(children.MOST):
        assert children._places.acquire(blocking=False)
    try:
        look = checks.start("x.sqlite")
        assert not look.running
        assert "Try again" in look.problem
    finally:
        for _ in range(children.MOST):
            children._places.release()


def test_the_form(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """What is typed is gone with the click, and its end stands on the page."""
    shown = visit("backends")
    field = next(one for one in shown.text_input if one.key == "check-url")
    field.input(f"redis://me:{SECRET}@127.0.0.1:1/0")
    next(one for one in shown.button if one.label == "Look").click().run()
    assert SECRET not in repr(shown.session_state)
    ended(shown.session_state["statemeter_look"])
    shown.run()
    told = texts(shown)
    assert "127.0.0.1:1" in told
    assert SECRET not in told


def test_a_dashboard_for_others_has_no_form(
    visit: Visit, filled: seed.Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may see the pages may not therefore reach hosts and files of the server: the command to
    run there is told instead."""
    config.set_option("server.address", "0.0.0.0")
    monkeypatch.setenv("STATEMETER_ALLOW_PUBLIC", "1")
    shown = visit("backends")
    assert not [one for one in shown.text_input if one.key == "check-url"]
    assert "python" in texts(shown)
    assert "collector check -" in texts(shown)


def test_values_have_units() -> None:
    """A value with its unit, a mark for an estimate, a dash for what is unknown."""
    for check, said in (
        (Check(id="a", what="A", value=1234567, unit="bytes"), "1.23 MB"),
        (Check(id="a", what="A", value=12345, unit="rows", estimate=True), "~12,345 rows"),
        (
            Check(id="a", what="A", value=10.0, unit="%", estimate=True, error=1.5),
            "~10.0 % ± 1.5 %",
        ),
        (Check(id="a", what="A", value="wal"), "wal"),
        (Check(id="a", what="A", status="unknown"), "–"),
    ):
        assert inspections.amount(check) == said
