"""Shallow savers: a put replaces the checkpoint of its namespace."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collector.made import Made, collect, one, thread_row


def talk(made: Made) -> None:
    """Nine checkpoints of two namespaces, each with a pending write."""
    for number in range(1, 10):
        ns = "sub" if number % 3 == 0 else ""
        made.put("t", number, 100 * number, parent=number - 1 if number > 1 else "", ns=ns)
        made.writes("t", number, f"task {number}", [("a", number)], ns=ns)


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(
    ("backend", "writes"),
    [
        ("redis", sum(range(1, 10))),  # all of them
        ("postgres", 8 + 9 + 7),  # those of the newest and of its parent
    ],
)
def test_what_is_left(backend: str, writes: int, at_once: bool, tmp_path: Path) -> None:
    """One checkpoint for each namespace; told in one batch, or by a collector for each call."""
    made = Made(tmp_path / "spool", backend=backend)
    store = tmp_path / "store.sqlite"
    made.line("saver", made.saver, backend, "Saver", "latest", "db")
    talk(made)
    lines = made.lines
    for number in [len(lines)] if at_once else range(1, len(lines) + 1):
        made.lines = lines[:number] if at_once else lines[number - 1 : number]
        made.write()
        collect(made.folder, store)
    row = thread_row(store, "t")
    assert row["stored_bytes"] == 800 + 900 + writes
    assert row["live_bytes"] == 800
    assert row["written_bytes"] == sum(101 * number for number in range(1, 10))
    assert one(store, "SELECT layout FROM savers") == "latest"


def test_writes_that_come_before_their_checkpoint(tmp_path: Path) -> None:
    """Puts run behind: a later put of an older checkpoint leaves them, and they are replaced."""
    made = Made(tmp_path / "spool", backend="redis")
    store = tmp_path / "store.sqlite"
    made.line("saver", made.saver, "redis", "Saver", "latest", "db")
    made.put("t", 1, 100)
    made.writes("t", 3, "task", [("__interrupt__", 40)])
    made.put("t", 2, 200, parent=1)
    made.put("t", 3, 300, parent=2)
    made.writes("t", 3, "task", [("__interrupt__", 7)])
    made.write()
    collect(made.folder, store)
    assert thread_row(store, "t")["stored_bytes"] == 307


def test_prune_keeps_what_is_there(tmp_path: Path) -> None:
    """There is nothing older; ``delete`` takes all."""
    made = Made(tmp_path / "spool", backend="redis")
    store = tmp_path / "store.sqlite"
    made.line("saver", made.saver, "redis", "Saver", "latest", "db")
    talk(made)
    made.removal("prune", "", ["t"], "keep_latest")
    made.write()
    collect(made.folder, store)
    assert thread_row(store, "t")["stored_bytes"] == 800 + 900 + sum(range(1, 10))
    made.put("t", 10, 50, parent=9)
    made.removal("prune", "", ["t"], "delete")
    made.write()
    collect(made.folder, store)
    row = thread_row(store, "t")
    assert (row["stored_bytes"], row["live_bytes"]) == (0, 0)
