"""The thread that a pasted text means."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

import pytest
from langgraph.checkpoint.base.id import uuid6

from storage import finding
from storage.finding import Found, Pasted, find, pasted
from storage.store import open_reader
from tests.sqlite_files import opened
from tests.storage import seed

RUN = "0b8b3f52-9a0e-4d0e-9d1e-3c1a4f6b7c8d"


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("support-1", Pasted("support-1")),
        ("  'support-1',\n", Pasted("support-1")),
        ("“support-1”", Pasted("support-1")),
        ("\u200bsupport 1\u00a0", Pasted("support 1")),
        ("http://127.0.0.1:8501/threads?thread=a%20b&saver=aaaa&window=1h",
         Pasted("a b", "aaaa", True)),
        ("https://box/base/history?window=1h&thread=user%3A1", Pasted("user:1", "", True)),
        ("http://box/threads?q=abc", Pasted("http://box/threads?q=abc")),
        ("http://[box/threads?thread=a", Pasted("http://[box/threads?thread=a")),
        ('{"configurable": {"thread_id": "user 1", "checkpoint_ns": ""}}',
         Pasted("user 1", "", True)),
        ("{'configurable': {'thread_id': 'u1'}}", Pasted("u1", "", True)),
        ("thread_id=abc, step=3", Pasted("abc", "", True)),
        ("thread_id: 42}", Pasted("42", "", True)),
        ("thread_id", Pasted("thread_id")),
        ("", Pasted("")),
        ('" "', Pasted("")),
    ],
)  # fmt: skip
def test_what_is_pasted(words: str, meant: Pasted) -> None:
    """Quotes and spaces come off; an address of ours and a config name the whole id."""
    assert pasted(words) == meant


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, str]:
    """A store, and the id that LangGraph made for a checkpoint of thread 2 in it."""
    path = seed.sample(time.time_ns() // 1000).write(tmp_path / "store.sqlite")
    checkpoint = str(uuid6(clock_seq=-2))
    with opened(path) as connection:
        connection.execute(
            "UPDATE operations SET checkpoint = ?, at_us = ? WHERE id = "
            "(SELECT max(id) FROM operations WHERE thread_key = 2 AND operation = 'put')",
            (checkpoint, time.time_ns() // 1000),
        )
        connection.execute(
            "UPDATE threads SET last_seen_us = ? WHERE id = 2", (time.time_ns() // 1000,)
        )
        connection.execute("UPDATE runs SET run_id = ? WHERE thread_key = 3", (RUN,))
    return path, checkpoint


def test_by_checkpoint_and_by_run(made: tuple[Path, str]) -> None:
    """A checkpoint id or run id finds its thread, however the UUID is written."""
    path, checkpoint = made
    engine = open_reader(str(path))
    assert find(engine, checkpoint) == Found((2,), "checkpoint")
    assert find(engine, checkpoint.upper()) == Found((2,), "checkpoint")
    assert find(engine, RUN) == find(engine, RUN.replace("-", "")) == Found((3,), "run")
    assert find(engine, str(uuid6(clock_seq=-2))) == Found()
    assert find(engine, str(uuid.UUID(int=6 << 76))) == Found()  # long before 1970
    assert find(engine, "support-1") == find(engine, "") == Found()
    engine.dispose()


def test_what_is_looked_through_is_bounded(
    made: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the newest runs, and the threads used soonest after a checkpoint, nothing is found."""
    path, checkpoint = made
    engine = open_reader(str(path))
    monkeypatch.setattr(finding, "MOST_RUNS", 1)
    monkeypatch.setattr(finding, "MOST_THREADS", 0)
    assert find(engine, RUN) == find(engine, checkpoint) == Found()
    engine.dispose()
