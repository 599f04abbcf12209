"""An application that is instrumented while its database is attached is counted once."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from collector.attach import command
from tests.collector.attach.test_twin import comparable
from tests.collector.made import collect, one
from tests.conftest import StartChild
from tests.everywhere.measured import SECONDS, THREAD, ours, said

KINDS = [
    pytest.param("sqlite"),
    pytest.param("postgres"),
    *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("redis", "valkey", "mongodb")),
]


@pytest.mark.parametrize("kind", KINDS)
def test_probe_and_reader_tell_at_the_same_time(
    kind: str, url_of: Any, start_child: StartChild, tmp_path: Path
) -> None:
    """Threads, operations and sums are those of the probe alone, whoever was first each time."""
    url, alone, both = url_of(kind), tmp_path / "alone", tmp_path / "both"
    for folder in (alone, both):
        folder.mkdir(mode=0o700)
    store = tmp_path / "both.sqlite"
    at = ("--spool", str(both), "--store", str(store))
    collector = start_child("-m", "collector", *at)
    application = start_child(
        "-m", "tests.everywhere.telling", kind, url, str(tmp_path / "told.json"), "--thread",
        THREAD, "--turns", "24", "--instrument",
        env={"STATEMETER_SPOOL": str(alone), "STATEMETER_APP": "chat"},
    )  # fmt: skip
    ended = threading.Event()
    linking = threading.Thread(target=link, args=(alone, both, ended))
    linking.start()
    try:
        attached = None
        while attached != 0:  # until the saver has made its tables
            assert application.poll() in {None, 0}, said(application)
            asked = start_child("-m", "collector", "attach", url, "--no-wait", *at)
            attached = asked.wait(SECONDS)
        assert application.wait(SECONDS) == 0, said(application)
    finally:
        ended.set()
        linking.join()
    ours(start_child, "detach", url, "--spool", str(both))
    assert command.main([url, "--once", *at]) == 0
    collector.terminate()
    assert collector.wait(SECONDS) == 0, said(collector)
    collect(both, store)
    collect(alone, tmp_path / "alone.sqlite")
    told, probed = comparable(store), comparable(tmp_path / "alone.sqlite")
    for name, expected in probed.items():
        assert (name, told[name]) == (name, expected)
    assert one(store, "SELECT count(*) FROM gaps") == 0
    assert one(store, "SELECT done_checkpoints FROM sources") > 0


def link(alone: Path, both: Path, ended: threading.Event) -> None:
    """Give the collector each segment of the probe, which stays where it is, too."""
    known: set[str] = set()
    last = False
    while not last:
        last = ended.wait(0.05)
        for path in alone.glob("*.spool"):
            if path.name not in known:
                known.add(path.name)
                os.link(path, both / path.name)
