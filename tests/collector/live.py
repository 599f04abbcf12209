"""A collector that runs in a thread of the test, until the test ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.loop import Collector, Options

PATIENCE_SECONDS = 60


@contextmanager
def collecting(spool: Path, store: Path) -> Iterator[threading.Thread]:
    """Collect meanwhile; what it raises fails the test."""
    stop = threading.Event()
    raised: list[BaseException] = []
    options = Options(str(store), spool, stopped=stop.is_set, sleep=stop.wait)

    def run() -> None:
        try:
            Collector(options).run()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()
    if raised:
        raise raised[0]


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen in {PATIENCE_SECONDS} s"
        time.sleep(0.02)
