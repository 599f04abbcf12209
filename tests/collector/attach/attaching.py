"""A database attached in the process of the test: its reader, and a collector that stores."""

from __future__ import annotations

import threading
from pathlib import Path

from collector.attach.reader import Reader
from collector.attach.teller import Teller
from collector.inspection import url
from collector.inspection.url import storage_key
from storage.store import open_reader, open_writer
from tests.collector.made import collect

PATIENCE_SECONDS = 120


def key_of(path: Path) -> str:
    """Key of a SQLite file."""
    return storage_key("sqlite", str(path.resolve()))


def attach(path: Path, spool: Path, store: Path, application: str = "chat") -> None:
    """Read a SQLite file to the present, and store what was found."""
    open_writer(str(store)).dispose()
    engine = open_reader(str(store))
    stop = threading.Event()
    key = key_of(path)
    teller = Teller(spool, key, application, stop.is_set)
    reader = Reader(key, url.parse(str(path)), engine, teller, stopped=stop.is_set, once=True)
    raised: list[BaseException] = []

    def run() -> None:
        try:
            reader.run()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    waited = 0.0
    while thread.is_alive():
        collect(spool, store)
        thread.join(0.05)
        waited += 0.05
        if waited > PATIENCE_SECONDS:
            stop.set()
    engine.dispose()
    if raised:
        raise raised[0]
    assert not stop.is_set(), "it did not end"
    collect(spool, store)
