"""The same thread measured by us: attached by the command, or told by the probe."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from collector.attach import command
from pages.ui.viewer import Viewer
from storage import queries_values
from storage.queries_history import History, history
from storage.store import open_reader
from storage.values import Answer, Ask
from tests.collector.made import one
from tests.conftest import StartChild

THREAD = "long-1"
SECONDS = 900


@dataclass
class Measured:
    """What the store and the viewer have of a thread, and what LangGraph has."""

    kind: str
    attached: bool
    engine: Engine
    key: int
    """Row of the thread."""
    history: History
    told: dict[str, Any]
    """See ``telling``."""
    spool: Path
    store: Path
    viewer: Viewer
    more: tuple[str, ...]
    """How it was played."""

    def ask(self, ns: str, checkpoint: str) -> Answer:
        """Values, asked as the pages ask."""
        place = queries_values.place_of(self.engine, self.key)
        assert place is not None
        return self.viewer.ask(
            Ask(
                saver=place.saver, backend=place.backend, database=place.database,
                incarnations=list(place.incarnations), spool=str(self.spool), thread=place.thread,
                ns=ns, checkpoint=checkpoint,
            )
        )  # fmt: skip

    def close(self) -> None:
        self.viewer.close()
        self.engine.dispose()


def play(
    start_child: StartChild, folder: Path, kind: str, url: str, *more: str, spool: str = ""
) -> dict[str, Any]:
    """A thread played by an application; what LangGraph has of it. One in memory goes on."""
    out = folder / "told.json"
    environment = {"STATEMETER_SPOOL": spool or str(folder / "nobody"), "STATEMETER_APP": "chat"}
    environment["STATEMETER_SHOW_VALUES"] = "1"
    # As often the probe looks whether values are asked for.
    environment["STATEMETER_FLUSH_SECONDS"] = "0.02"
    child = start_child(
        "-m", "tests.everywhere.telling", kind, url, str(out), "--thread", THREAD, *more,
        env=environment, stdin=subprocess.PIPE,
    )  # fmt: skip
    while not out.exists():
        try:
            child.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    assert out.exists(), said(child)
    if kind != "memory":
        assert child.wait(SECONDS) == 0, said(child)
        assert (spool != "") == ("--instrument" in more)
    told: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return told


def said(child: Any) -> str:
    """What a child wrote."""
    return str(child.log_path.read_text())


def ours(start_child: StartChild, *arguments: str) -> None:
    """``python -m collector …`` to its end."""
    child = start_child("-m", "collector", *arguments)
    assert child.wait(SECONDS) == 0, said(child)


def measure(
    start_child: StartChild, folder: Path, kind: str, url: str, *more: str, attached: bool
) -> Measured:
    """Play a thread, measure it in one of the two ways, and open what was measured."""
    spool, store = folder / "spool", folder / "store.sqlite"
    at = ("--spool", str(spool), "--store", str(store))
    if attached:
        told = play(start_child, folder, kind, url, *more)
        assert not (folder / "nobody").exists()
        assert command.main([url, "--once", *at]) == 0
    else:
        told = play(start_child, folder, kind, url, "--instrument", *more, spool=str(spool))
        ours(start_child, "--once", *at)
    if url:
        assert command.main([url, "--values", *at]) == 0
    engine = open_reader(str(store))
    key = one(store, "SELECT id FROM threads WHERE thread_id = ?", THREAD)
    return Measured(
        kind, attached, engine, key, history(engine, key), told, spool, store, Viewer(), more
    )
