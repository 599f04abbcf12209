"""Empty, stale and broken: each page says what, since when, and what to do."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from streamlit import config

from pages.ui import processes
from tests.pages.conftest import Visit, charts, texts
from tests.sqlite_files import opened
from tests.storage import seed

PAGES = ("overview", "threads", "backends", "caches", "serialization", "costs")
both = pytest.mark.parametrize("page", PAGES)
every = pytest.mark.parametrize("page", [*PAGES, "connect", "alerts", "tour"])
"""With the pages that have something to do before anything was measured."""


@both
@pytest.mark.parametrize("made", [False, True], ids=["no store", "empty store"])
def test_empty(visit: Visit, store: Path, isolated: Path, page: str, made: bool) -> None:
    """Nothing measured: the demo by one click, the line to paste, and where probes write."""
    if made:
        seed.new_store(store).dispose()
    shown = visit(page)
    told = texts(shown)
    assert "Nothing has been measured yet" in told
    assert "Run the demo" in [button.label for button in shown.button]
    assert "statemeter.instrument(builder.compile(checkpointer=saver))" in told
    assert "pip install" in told
    assert str(isolated / "spool") in told


def test_the_demo_starts_by_a_click(
    visit: Visit, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The click starts a process of its own; the button then says that it is starting."""
    monkeypatch.setitem(processes._MODULES, "demo", ["timeit"])
    monkeypatch.setattr(processes, "_started", {})
    try:
        shown = visit()
        shown.button(key="run_demo").click().run()
        assert processes._started["demo"].args[1:4] == ["-m", "timeit", "--parent"]
    finally:
        processes.stop_all()


@pytest.mark.parametrize(
    "program",
    [("demo", "overview", "run_demo"), ("tour", "tour", "play_tour")],
    ids=lambda one: one[0],
)
def test_a_failed_program_says_why(
    visit: Visit, store: Path, monkeypatch: pytest.MonkeyPatch, program: tuple[str, str, str]
) -> None:
    """A demo or a tour that ends in error: its exit code and its last words stand on the page; it
    can be started again."""
    name, page, button = program
    monkeypatch.setitem(processes._MODULES, name, ["no_such_module"])
    monkeypatch.setattr(processes, "_started", {})
    shown = visit(page)
    shown.button(key=button).click().run()
    processes._started[name].wait(60)
    shown.run()
    told = texts(shown)
    assert f"The {name} ended with exit code 1" in told
    assert "No module named no_such_module" in told
    assert not shown.button(key=button).disabled


@both
def test_stale(visit: Visit, store: Path, page: str) -> None:
    """A silent collector: since when, how to start it; what is known stays on the page."""
    now = time.time_ns() // 1000
    made = seed.sample_backends(now) if page == "caches" else seed.sample(now)
    made.write(store, heartbeat_s=180)
    shown = visit(page)
    told = texts(shown)
    assert "The collector is not running." in told
    assert "3 min ago" in told
    assert "python -m collector" in told
    assert "Start the collector" in [button.label for button in shown.button]
    assert shown.dataframe
    if page == "overview":
        assert "Stale since 3 min" in told
        assert charts(shown)
        assert ": Live]" not in told


def test_figures_of_a_silent_collector_are_unknown(visit: Visit, store: Path) -> None:
    """Lag and speed of a collector that says nothing are a dash, not the last value."""
    seed.sample(time.time_ns() // 1000).write(store, heartbeat_s=180)
    told = texts(visit())
    assert "12.5" not in told
    assert "0 events" not in told


@every
def test_not_a_database(visit: Visit, store: Path, page: str) -> None:
    """A file of something else: what, its path, the fix."""
    store.write_text("my shopping list, not a database at all")
    told = texts(visit(page))
    assert "The file is not a store of Statemeter" in told
    assert str(store) in told
    assert "STATEMETER_STORE" in told
    assert "Traceback" not in told


@every
def test_a_newer_store(visit: Visit, filled: seed.Seed, store: Path, page: str) -> None:
    """A schema of the future: which, and which are known."""
    with opened(store) as connection:
        connection.execute("INSERT INTO migrations VALUES (99, 'future', 1)")
    told = texts(visit(page))
    assert "The store is newer than this dashboard" in told
    assert "99" in told


@every
def test_an_unreadable_store(visit: Visit, store: Path, page: str) -> None:
    """What the operating system refuses (here a folder in place of the file): its reason."""
    store.mkdir()
    told = texts(visit(page))
    assert "The store cannot be opened" in told
    assert "is a folder. Name a file" in told
    assert str(store) in told


@every
def test_an_address_of_nothing(visit: Visit, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address of another database: said without its password."""
    monkeypatch.setenv("STATEMETER_STORE", "mysql://me:s3cret@db.example/x?token=t0ken")
    told = texts(visit(page))
    assert "The address of the store cannot be used" in told
    assert "s3cret" not in told
    assert "t0ken" not in told


@both
def test_a_failing_query(visit: Visit, filled: seed.Seed, store: Path, page: str) -> None:
    """A store without its tables: a message with the reason, no traceback."""
    with opened(store) as connection:
        connection.execute("DROP TABLE threads")
    told = texts(visit(page))
    assert "The store cannot be read" in told
    assert "no such table: threads" in told
    assert "python -m collector" in told


def test_a_bad_setting(visit: Visit, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that cannot be used: its name, its value and the fix."""
    monkeypatch.setenv("STATEMETER_ALLOW_PUBLIC", "perhaps")
    config.set_option("server.address", "0.0.0.0")
    told = texts(visit())
    assert "STATEMETER_ALLOW_PUBLIC='perhaps' cannot be used" in told


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "192.168.1.5", "::", "example.com"])
def test_a_public_address_shows_nothing(
    visit: Visit, filled: seed.Seed, address: str | None
) -> None:
    """On an address that others reach: nothing of the data, and how to serve it safely."""
    config.set_option("server.address", address)
    shown = visit()
    told = texts(shown)
    assert "This address is open to others" in told
    assert "--server.address 127.0.0.1" in told
    assert "STATEMETER_ALLOW_PUBLIC=1" in told
    assert "support-1" not in told
    assert not shown.dataframe
    assert not shown.metric


def test_a_public_address_behind_a_proxy(
    visit: Visit, filled: seed.Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the setting that says a proxy authenticates, the page is shown."""
    config.set_option("server.address", "0.0.0.0")
    monkeypatch.setenv("STATEMETER_ALLOW_PUBLIC", "1")
    assert visit().metric


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1", "[::1]", "127.1.2.3"])
def test_a_loopback_address_is_served(visit: Visit, filled: seed.Seed, address: str) -> None:
    """Addresses of this machine alone are served without more ado."""
    config.set_option("server.address", address)
    assert visit().metric
