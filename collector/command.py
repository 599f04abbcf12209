"""``python -m collector``: read the spool, keep the metrics store.

``python -m collector check URL`` looks into a database of LangGraph instead, ``attach URL`` has it
read from now on, ``detach URL`` ends that, ``sources`` lists those attached: each has its --help.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from collector.alive import stopped_by
from collector.errors import CollectorError
from collector.loop import Collector, Options
from statemeter import settings
from statemeter.errors import SettingError
from storage import store
from storage.errors import StoreError


def main(arguments: list[str]) -> int:
    """Run a collector; the exit code is 0, or 2 for bad input."""
    told = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s collector: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        folder = Path(told.spool).expanduser().absolute() if told.spool else None
        options = Options(
            url=told.store or settings.store_url(),
            folder=folder or settings.spool_folder(),
            once=told.once,
            stopped=stopped_by(stop, told.parent),
            sleep=stop.wait,
        )
        store.store_path(options.url)
        Collector(options).run()
    except (StoreError, CollectorError, SettingError) as error:
        sys.stderr.write(f"collector: {error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m collector", description=__doc__)
    parser.add_argument("--store", metavar="URL", help="metrics store; default: STATEMETER_STORE")
    parser.add_argument("--spool", metavar="DIR", help="spool; default: STATEMETER_SPOOL")
    parser.add_argument("--once", action="store_true", help="store what is there, then end")
    parser.add_argument("--parent", metavar="PID", type=int, help="end when this process is gone")
    return parser
