"""The Connect page tells of each attached database what is known, and attaches by a form."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import psutil
import pytest
import streamlit as st
from langgraph.checkpoint.sqlite import SqliteSaver
from streamlit import config
from streamlit.testing.v1 import AppTest

from pages.ui import children, connect_cards, connect_rights, connect_states, formats
from statemeter import settings
from storage import sources
from storage.queries_sources import Attached
from storage.sources import Source
from tests.collector.inspection.looks import fill
from tests.conftest import REPOSITORY
from tests.pages.conftest import Visit, texts
from tests.storage import seed, seed_sources
from tests.storage.seed_sources import SECOND

A, B, C, D = ("a" * 12, "b" * 12, "c" * 12, "d" * 12)
SECRET = "hunter2secret"
FULL = {
    "threads": 1284, "checkpoints": 48211, "writes": 91822, "orphan_writes": 312,
    "orphan_write_bytes": 4_400_000, "dead_bytes": 0, "file_bytes": 1_410_000_000,
}  # fmt: skip


def attach(key: str, now_us: int, **told: str) -> None:
    """Leaves the file that the form leaves; older than the row of ``seed_sources.add``."""
    named = {"backend": "sqlite", "shown": f"/data/{key}.sqlite", "application": "chat"} | told
    source = Source(key=key, url=f"x://me:{SECRET}@db/{key}", created_us=now_us - 900 * SECOND,
                    **named)  # fmt: skip
    sources.add(settings.spool_folder(), source)


@pytest.fixture
def now_us() -> int:
    return time.time_ns() // 1000


def badges(shown: AppTest) -> str:
    """States of the cards, in their order."""
    return " ".join(one.value for one in shown.markdown if "-badge[" in one.value)


def test_nothing_attached_yet(visit: Visit, store: Path) -> None:
    """The form, and the other two ways; no store is needed for them."""
    shown = visit("connect")
    told = texts(shown)
    assert [one.key for one in shown.text_input if one.key.startswith("attach")] == [
        "attach-url", "attach-name",
    ]  # fmt: skip
    assert "statemeter.instrument(builder.compile(checkpointer=saver))" in told
    assert "InMemorySaver" in told
    assert "Run the demo" in [button.label for button in shown.button]
    assert "STATEMETER_SHOW_VALUES=1" in told
    assert "Nothing has been measured yet" not in told
    assert not shown.error


def test_an_empty_overview_names_the_page(visit: Visit, store: Path) -> None:
    """Attaching is the third way to see something."""
    (link,) = [one.proto for one in visit().get("page_link") if "attach" in one.proto.label]
    assert link.page == "connect"


def test_rights_are_those_of_the_docs(visit: Visit, store: Path) -> None:
    """The statements on the page are those that tests of the docs run on real servers."""
    docs = (REPOSITORY / "docs" / "attach.md").read_text("utf-8")
    shown = [code.value for code in visit("connect").code]
    assert len(connect_rights.RIGHTS) == 3
    for language, statements in connect_rights.RIGHTS.values():
        assert f"```{language}\n{statements}```" in docs
        assert statements.rstrip() in shown


def test_a_first_pass(visit: Visit, filled: seed.Seed, store: Path, now_us: int) -> None:
    """Share, counts, speed and time left; figures that the reader did not tell are unknown."""
    attach(A, now_us)
    readings = [
        (9 - at, FULL | {"read_bytes": at * 98_000_000, "read_checkpoints": at * 3000})
        for at in range(10)
    ]
    # A reader that spoke just now would be silent by the time a busy machine has drawn the page.
    seed_sources.add(
        store, A, now_us + 14 * SECOND, readings, phase="first", done_checkpoints=18211,
        total_checkpoints=48211, done_bytes=470_000_000, total_bytes=1_240_000_000,
    )  # fmt: skip
    shown = visit("connect")
    (bar,) = shown.get("progress")
    assert bar.proto.value == 100 * 470 // 1240
    assert bar.proto.text == (
        "38 % · 18,211 of 48,211 checkpoints · 470 MB of 1.24 GB · 98.0 MB/s · 7.86 s left"
    )
    assert "reads its history" in badges(shown)
    words = [one.value for one in shown.markdown]
    stored = sum(one["stored_bytes"] for one in filled.threads if one["saver_id"] == 1)
    for value in ("1,284", "48,211", "91,822", formats.size(stored), "312 · 4.40 MB", "1.41 GB",
                  "0 B"):  # fmt: skip
        assert f"**{value}**" in words
    assert words.count(f"**{formats.UNKNOWN}**") == 1  # age of the newest
    assert SECRET not in texts(shown)


def test_figures_are_those_that_the_backend_has() -> None:
    """What it does not have is left out; what it has and did not tell is unknown."""
    base = {"key": A, "shown": "x", "application": "", "mode": "attach"}
    for backend, own, value in (
        ("sqlite", "File", "2.00 KB"), ("postgres", "Orphan blobs", "3 · 30 B"),
        ("redis", "Memory", "1.00 KB"), ("valkey", "Memory", "1.00 KB"),
        ("mongodb", "File", "2.00 KB"),
    ):  # fmt: skip
        readings = {"memory_bytes": 1000, "file_bytes": 2000, "orphan_blobs": 3,
                    "orphan_blob_bytes": 30}  # fmt: skip
        one = Attached(**base, backend=backend, readings=readings)  # type: ignore[arg-type]
        shown = {label: value for label, value, _ in connect_cards.figures(one, (7, 700))}
        assert (shown["Threads"], shown["Stored"], shown[own]) == ("7", "700 B", value)
        assert shown["Checkpoints"] == formats.UNKNOWN
        assert ("Orphan blobs" in shown) == (backend == "postgres")
        assert ("Memory" in shown) == (backend in {"redis", "valkey"}) != ("File" in shown)
        bare = Attached(**base, backend=backend)  # type: ignore[arg-type]
        values = {value for _, value, _ in connect_cards.figures(bare, None)}
        assert values == {formats.UNKNOWN}


def test_states_side_by_side(visit: Visit, filled: seed.Seed, store: Path, now_us: int) -> None:
    """One keeps up, one has a problem with its fix, one was attached a moment ago, one only shows
    values, one was detached; each says so."""
    for key in (A, B, C):
        attach(key, now_us)
    attach(D, now_us, mode="values")
    seed_sources.add(store, A, now_us, [(0, FULL | {"newest_us": now_us - 4 * SECOND})])
    seed_sources.add(
        store, B, now_us, phase="first", problem="db:5432 refused. Start the server.",
        problem_since_us=now_us - 300 * SECOND,
    )  # fmt: skip
    seed_sources.add(store, D, now_us, mode="values", phase="waiting")
    seed_sources.add(store, "e" * 12, now_us, removed_us=now_us - 60 * SECOND, shown="/gone.sqlite")
    shown = visit("connect")
    states = badges(shown)
    for state in ("keeps up", "problem", "begins", "values on demand"):
        assert state in states
    assert "db:5432 refused. Start the server." in [one.value for one in shown.text]
    told = texts(shown)
    assert "5 min ago" in told
    assert shown.expander[0].label == "1 detached"
    assert formats.plain("/gone.sqlite") in told
    assert len([one for one in shown.button if one.label == "Detach it"]) == 4


def test_links_lead_to_its_threads(
    visit: Visit, filled: seed.Seed, store: Path, now_us: int
) -> None:
    """The Threads page narrowed to its storage, the Backends page to its backend."""
    attach(A, now_us)
    links = {one.proto.label: one.proto for one in visit("connect").get("page_link")}
    assert links["Threads"].page == "threads"
    assert links["Threads"].query_string == f"storage={A}"
    assert links["Backend"].query_string == "backend=sqlite"


def test_without_a_collector(visit: Visit, store: Path, now_us: int) -> None:
    """Since when it is silent, how to start it, and that databases wait for it."""
    seed.sample(now_us).write(store, heartbeat_s=180)
    attach(A, now_us)
    seed_sources.add(store, A, now_us, phase="first")
    shown = visit("connect")
    assert "The collector is not running." in texts(shown)
    assert "Start the collector" in [button.label for button in shown.button]
    assert "waits for the collector" in badges(shown)


def test_before_any_store(visit: Visit, store: Path, now_us: int) -> None:
    """What was attached before a collector ever ran is there, and waits."""
    attach(A, now_us)
    shown = visit("connect")
    assert "No collector has worked on this store yet." in texts(shown)
    assert "waits for the collector" in badges(shown)


def test_a_broken_store(visit: Visit, store: Path) -> None:
    """What is wrong with it, with the form still there."""
    store.write_text("my shopping list, not a database at all")
    shown = visit("connect")
    assert "The file is not a store of Statemeter" in texts(shown)
    assert [one for one in shown.text_input if one.key == "attach-url"]


def test_a_spoilt_file(visit: Visit, filled: seed.Seed, now_us: int) -> None:
    """It is a card with a problem, and can be detached."""
    attach(A, now_us)
    (settings.spool_folder() / "sources" / f"{A}.json").write_text("{")
    shown = visit("connect")
    assert "problem" in badges(shown)
    assert "detach it, and attach it anew" in texts(shown)
    shown.button(key=f"detach-now-{A}").click().run()
    assert not shown.exception
    assert sources.list_(settings.spool_folder()) == []


def test_names_are_no_markdown(visit: Visit, filled: seed.Seed, store: Path, now_us: int) -> None:
    """Neither a name, a path nor a problem of somebody's becomes markup."""
    wild = "![x](http://evil/x.png) **b** <script>alert(1)</script> :red[r]"
    attach(A, now_us, application=wild, shown=wild)
    seed_sources.add(
        store, A, now_us, application=wild, shown=wild, problem=wild, problem_since_us=now_us
    )
    shown = visit("connect")
    marked = [one.value for kind in ("markdown", "caption") for one in shown.get(kind)]
    assert formats.plain(wild) in " ".join(marked)
    assert wild not in " ".join(marked)
    assert wild in [one.value for one in shown.text]


def test_detaching(visit: Visit, filled: seed.Seed, store: Path, now_us: int) -> None:
    """Its file with the URL is gone at once; what was read stays, told as detached."""
    attach(A, now_us)
    seed_sources.add(store, A, now_us)
    shown = visit("connect")
    assert "What was read stays in the store" in texts(shown)
    shown.button(key=f"detach-now-{A}").click().run()
    assert sources.list_(settings.spool_folder()) == []
    st.cache_data.clear()  # results serve for a moment
    shown.run()
    assert shown.expander[0].label == "1 detached"
    assert "keeps up" not in badges(shown)


def test_attached_again(visit: Visit, filled: seed.Seed, store: Path, now_us: int) -> None:
    """What the store tells of the time before says nothing: it begins, under its new name."""
    attach(A, now_us, application="new name")
    early = now_us - 2000 * SECOND
    seed_sources.add(store, A, early, removed_us=early, problem="an old one", application="old")
    shown = visit("connect")
    assert "begins" in badges(shown)
    assert "new name" in texts(shown)
    assert "an old one" not in texts(shown)
    assert not [one for one in shown.expander if "detached" in one.label]


def test_a_file_that_cannot_be_removed(
    visit: Visit, filled: seed.Seed, now_us: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason stands on its card."""

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    attach(A, now_us)
    shown = visit("connect")
    monkeypatch.setattr(Path, "unlink", refused)
    shown.button(key=f"detach-now-{A}").click().run()
    assert "cannot be removed (Permission denied)" in texts(shown)
    assert len(sources.list_(settings.spool_folder())) == 1


def test_a_dashboard_for_others_changes_nothing(
    visit: Visit, filled: seed.Seed, now_us: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may see the pages may not therefore reach hosts and files of the server, nor detach
    what is attached: commands to run there are told instead."""
    attach(A, now_us)
    config.set_option("server.address", "0.0.0.0")
    monkeypatch.setenv("STATEMETER_ALLOW_PUBLIC", "1")
    shown = visit("connect")
    assert not [one for one in shown.text_input if one.key == "attach-url"]
    assert not [one for one in shown.button if one.label == "Detach it"]
    told = texts(shown)
    assert "-m collector attach -" in told
    assert f"-m collector detach {A}" in told


def test_values_are_allowed_or_not(
    visit: Visit, filled: seed.Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says which, and how to change it."""
    assert "not shown" in badges(visit("connect"))
    monkeypatch.setenv("STATEMETER_SHOW_VALUES", "1")
    shown = visit("connect")
    assert "allowed" in badges(shown)
    assert "kept nowhere" in texts(shown)
    monkeypatch.setenv("STATEMETER_SHOW_VALUES", "perhaps")
    shown = visit("connect")
    assert "not shown" in badges(shown)
    assert formats.plain("STATEMETER_SHOW_VALUES='perhaps' cannot be used") in texts(shown)


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({"phase": "following", "updated_us": 100 * SECOND}, connect_states.KEEPS_UP),
        ({"phase": "first", "updated_us": 900 * SECOND}, connect_states.READS),
        ({"phase": "first", "updated_us": 700 * SECOND}, connect_states.SILENT),
        ({"phase": "waiting"}, connect_states.BEGINS),
        ({"mode": "values"}, connect_states.VALUES),
        ({"removed_us": 1, "problem": "old"}, connect_states.DETACHED),
    ],
)
def test_states(told: dict[str, object], state: connect_states.State) -> None:
    """Each by what the store tells, while a collector works."""
    base = {"key": A, "backend": "sqlite", "shown": "x", "application": "", "mode": "attach"}
    one = Attached(**(base | {"at_us": 905 * SECOND} | told))  # type: ignore[arg-type]
    assert connect_states.of(one, collecting=True) == state


def form(shown: AppTest, url: str, application: str = "", mode: str = "attach") -> AppTest:
    """Fills the form, clicks, and waits for the end of the child."""
    shown.text_input(key="attach-url").input(url)
    shown.text_input(key="attach-name").input(application)
    shown.selectbox(key="attach-mode").select(mode)
    next(one for one in shown.button if one.label == "Attach").click().run()
    assert SECRET not in repr(shown.session_state)
    assert SECRET not in texts(shown)
    asked = shown.session_state["statemeter_attaching"]
    deadline = time.monotonic() + 90
    mine = psutil.Process()
    while asked.running and time.monotonic() < deadline:
        for child in mine.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                assert SECRET not in " ".join(child.cmdline())
        time.sleep(0.02)
    assert not asked.running
    st.cache_data.clear()
    return shown.run()


@pytest.fixture
def database(store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that a graph has written, in a folder that forms may name."""
    folder = store.parent / "apps"
    folder.mkdir()
    monkeypatch.setenv("STATEMETER_ROOTS", str(folder))
    with SqliteSaver.from_conn_string(str(folder / "chat.sqlite")) as saver:
        fill(saver)
    return folder / "chat.sqlite"


def test_the_form_attaches(visit: Visit, database: Path) -> None:
    """Pasted with quotes and spaces: the file with its URL is there, its card too, and the field
    is empty; a second time it says so and changes nothing."""
    shown = form(visit("connect"), f' "{database}" ', " my\tapp ", "values")
    (one,) = sources.list_(settings.spool_folder())
    assert (one.shown, one.application, one.mode) == (str(database), "myapp", "values")
    assert sources.load(settings.spool_folder(), one.key).url == str(database)
    assert "is attached." in " ".join(success.value for success in shown.success)
    assert shown.text_input(key="attach-url").value == ""
    assert "values on demand" in badges(shown)
    again = form(shown, f"sqlite+aiosqlite:///{database}", "other")
    assert "is attached already, as myapp" in " ".join(info.value for info in again.info)
    assert [(found.key, found.application) for found in sources.list_(settings.spool_folder())] == [
        (one.key, "myapp")
    ]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("localhost:5432/chat", "Write postgresql://localhost:5432/chat"),
        (f"postgresql://me:{SECRET}@127.0.0.1:1/chat", "127.0.0.1:1"),
        ("/etc/hostname", "is not inside {apps}"),
        ("  ", "No database is named"),
        (f"\x00{SECRET}", "No database is named"),
    ],
)
def test_the_form_refuses(visit: Visit, database: Path, url: str, words: str) -> None:
    """What it is, its value without the password, and the fix; more of them in test_check.py."""
    shown = visit("connect")
    url, words = (text.replace("{apps}", str(database.parent)) for text in (url, words))
    if url.strip():
        shown = form(shown, url)
    else:
        shown.text_input(key="attach-url").input(url)
        next(one for one in shown.button if one.label == "Attach").click().run()
    assert words in " ".join(one.value for one in shown.text)
    assert shown.error
    assert SECRET not in texts(shown)
    assert sources.list_(settings.spool_folder()) == []


def test_only_so_many_at_once(visit: Visit, database: Path) -> None:
    """Beyond the limit nothing begins, and the page says when to try again."""
    for _ in range(children.MOST):
        assert children._places.acquire(blocking=False)
    try:
        shown = form(visit("connect"), str(database))
        assert "Try again" in texts(shown)
    finally:
        for _ in range(children.MOST):
            children._places.release()
