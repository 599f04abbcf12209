"""Values of checkpoints as the pages get them: of the user's database, by a process of its own."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

import statemeter
from collector.viewer import serving
from pages.ui import data, values, viewer
from statemeter import probe
from storage.values import Ask
from tests import long_thread
from tests.collector.live import wait_for
from tests.collector.made import collect
from tests.sqlite_files import opened
from tests.statemeter.conftest import own_probe

MARK = "Question 2"
"""A text of the state, which must be nowhere but in the application's own database."""


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """Values are allowed, from files of this test; the viewer ends with it."""
    monkeypatch.setenv("STATEMETER_SHOW_VALUES", "1")
    monkeypatch.setenv("STATEMETER_ROOTS", str(tmp_path))
    monkeypatch.setenv("STATEMETER_FLUSH_SECONDS", "0.02")
    with own_probe(monkeypatch) as target:
        yield monkeypatch
        target._at_exit()
    values._viewer().close()


@pytest.fixture
def thread(shown: pytest.MonkeyPatch, store: Path, tmp_path: Path) -> Any:
    """The row of a thread in a SQLite file whose application is instrumented."""
    (tmp_path / "app").mkdir()
    with SqliteSaver.from_conn_string(str(tmp_path / "app" / "c.sqlite")) as saver:
        return played(saver, store)


def played(saver: Any, store: Path) -> Any:
    """Play a thread, and the row that the store has of it then."""
    graph = statemeter.instrument(long_thread.build(saver))
    long_thread.play(graph, "long", 4)
    assert statemeter.flush(30)
    collect(store.parent / "spool", store)
    return next(data.find_thread("long", "").itertuples())


def test_values_come_from_the_file_that_the_probe_told(
    shown: pytest.MonkeyPatch, thread: Any, tmp_path: Path
) -> None:
    """The newest state is LangGraph's; the file is as it was; nothing of it is kept anywhere."""
    path = tmp_path / "app" / "c.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        state = long_thread.build(saver).get_state({"configurable": {"thread_id": "long"}})
    before = path.read_bytes()
    answer = values.checkpoint(thread, "", "")
    assert answer.problem == ""
    assert answer.checkpoint == state.config["configurable"]["checkpoint_id"]
    contents = [row["value"]["content"] for row in answer.channels["messages"].data]
    assert contents == [message.content for message in state.values["messages"]]
    assert MARK in contents
    assert values.checkpoint(thread, "", answer.parent).checkpoint == answer.parent
    only = values.checkpoint(thread, "", "", ["turn"])
    assert {name: value.data for name, value in only.channels.items()} == {"turn": 4}
    assert path.read_bytes() == before
    assert str(path) in values.note(answer)
    assert "nothing of it is stored" in values.note(answer)
    files = [one for one in tmp_path.rglob("*") if one.is_file() and "app" not in one.parts]
    assert files
    assert not [one for one in files if MARK.encode() in one.read_bytes()]


def test_nothing_is_read_where_values_are_not_allowed(
    shown: pytest.MonkeyPatch, thread: Any
) -> None:
    """Without the setting no process is started, and the answer is how to set it."""
    for text in ("", "0"):
        shown.setenv("STATEMETER_SHOW_VALUES", text)
        assert "STATEMETER_SHOW_VALUES=1" in values.allowed()
        answer = values.checkpoint(thread, "", "")
        assert answer.problem == values.allowed()
        assert answer.channels == {}
    assert values._viewer()._process is None
    shown.setenv("STATEMETER_SHOW_VALUES", "perhaps")
    assert "cannot be used" in values.checkpoint(thread, "", "").problem


def test_a_file_elsewhere_is_not_read(
    shown: pytest.MonkeyPatch, thread: Any, tmp_path: Path
) -> None:
    """A path of the spool that lies outside the roots says which folders are allowed."""
    shown.setenv("STATEMETER_ROOTS", str(tmp_path / "other"))
    assert "STATEMETER_ROOTS" in values.checkpoint(thread, "", "").problem


def test_values_of_a_saver_in_memory(shown: pytest.MonkeyPatch, store: Path) -> None:
    """They come from the process, this one; with another setting there, it hands out none."""
    saver = InMemorySaver()
    row = played(saver, store)
    wait_for(probe.get().control.folder.is_dir, "the folder in which the process is asked")
    answer = values.checkpoint(row, "", "")
    assert answer.problem == ""
    assert answer.channels["turn"].data == 4
    assert f"process {os.getpid()} on " in values.note(answer)
    del saver
    gc.collect()
    assert "no longer" in values.checkpoint(row, "", answer.parent).problem
    control = probe.get().control
    control.allowed = False
    control.close()
    assert "STATEMETER_SHOW_VALUES=1" in values.checkpoint(row, "", answer.parent).problem


def test_patterns_hide_what_they_match(shown: pytest.MonkeyPatch, thread: Any) -> None:
    """Of the user, in texts and as names of channels; the page says how many."""
    shown.setenv("STATEMETER_REDACT", "Question \\d;;^topic$")
    answer = values.checkpoint(thread, "", "")
    assert MARK not in str(answer)
    assert "Answer 2" in str(answer)
    assert answer.channels["topic"].data == "•••"
    assert answer.channels["topic"].head == ""
    assert f"{answer.redacted:,} hidden by redaction" in values.note(answer)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (signal.SIGALRM, "did not answer within"), (signal.SIGKILL, "more memory"),
        (signal.SIGTERM, "ended early"),
    ],
)  # fmt: skip
def test_a_viewer_that_ends_early_is_told_and_started_anew(
    shown: pytest.MonkeyPatch, thread: Any, how: signal.Signals, words: str, tmp_path: Path
) -> None:
    """While it waits for a database that is locked, it is ended: the next question is answered."""
    path = tmp_path / "app" / "c.sqlite"
    assert values.checkpoint(thread, "", "").problem == ""
    client = values._viewer()
    assert client._process is not None
    pid = client._process.pid
    os.kill(pid, signal.SIGSTOP)
    shown.setattr(client, "_next", lambda seconds: end(pid, how))
    assert words in values.checkpoint(thread, "", "", ["turn"]).problem
    shown.undo()
    shown.setenv("STATEMETER_SHOW_VALUES", "1")
    shown.setenv("STATEMETER_ROOTS", str(tmp_path))
    shown.setenv("STATEMETER_SPOOL", str(tmp_path / "data" / "spool"))
    shown.setenv("STATEMETER_STORE", str(tmp_path / "data" / "store.sqlite"))
    assert values.checkpoint(thread, "", "", ["turn"]).channels["turn"].data == 4
    with opened(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_viewer_that_is_done_is_followed_by_another(
    shown: pytest.MonkeyPatch, thread: Any
) -> None:
    """One ends by itself after many answers; the question that met its end is asked again."""
    assert values.checkpoint(thread, "", "").problem == ""
    client = values._viewer()
    first = client._process
    assert first is not None
    assert first.stdin is not None
    first.stdin.write(b"?\n" * (serving.MOST_ANSWERS - 1))
    first.stdin.flush()
    first.wait(60)
    with shown.context() as patched:
        patched.setattr(first, "poll", lambda: None)  # its end was not seen yet
        assert values.checkpoint(thread, "", "", ["turn"]).problem == ""
    assert client._process is not first


def end(pid: int, how: signal.Signals) -> bytes:
    """End the viewer as the kernel does; nothing is said any more."""
    os.kill(pid, how)
    os.kill(pid, signal.SIGCONT)
    return b""


def test_an_answer_is_kept_for_a_moment(shown: pytest.MonkeyPatch, thread: Any) -> None:
    """A page that is drawn again asks no database; a problem is not kept."""
    first = values.checkpoint(thread, "", "")
    assert values.checkpoint(thread, "", "") is first
    shown.setattr(viewer, "FRESH_SECONDS", 0.0)
    assert values.checkpoint(thread, "", "") is not first
    shown.setattr(viewer, "KEPT_BYTES", 0)
    client = viewer.Viewer()
    assert client.ask(Ask(saver="0" * 12, backend="postgres", thread="t")).problem
    assert not client._kept
    client.close()
