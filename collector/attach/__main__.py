"""``python -m collector.attach``: the reader of one attached database, a child of the collector.

What it reads is in a file of the spool; nothing of it is on the command line but its key.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from pathlib import Path

from collector.alive import stopped_by
from collector.attach.reader import Reader
from collector.attach.teller import Teller
from collector.inspection import url
from storage import sources
from storage.errors import StoreError
from storage.sources import SourceError
from storage.store import open_reader

NICE = 5
"""How far it stands back behind the application, whose machine this may be."""


def main(arguments: list[str]) -> int:
    """Read until stopped; the exit code is 0, or 2 where it cannot begin."""
    told = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    stopped = stopped_by(stop, told.parent)
    with contextlib.suppress(OSError):
        os.nice(NICE)
    spool = Path(told.spool)
    try:
        source = sources.load(spool, told.key)
        store = open_reader(told.store)
    except (SourceError, StoreError) as error:
        sys.stderr.write(f"attach: {error}\n")
        return 2
    address = url.Address(source.backend, source.url, source.shown)
    teller = Teller(spool, source.key, source.application, stopped)
    Reader(source.key, address, store, teller, stopped=stopped, once=told.once).run()
    store.dispose()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m collector.attach", description=__doc__)
    parser.add_argument("--key", required=True, help="of the database")
    parser.add_argument("--spool", required=True, metavar="DIR")
    parser.add_argument("--store", required=True, metavar="URL")
    parser.add_argument("--parent", metavar="PID", type=int, help="end when this process is gone")
    parser.add_argument("--once", action="store_true", help="read what is there, then end")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
