"""The rules beside ingest: a thread looks every few seconds, the collector stores what it found.

The thread reads the store on a connection of its own. It looks again only when what it found is
committed: so a look sees what the one before it opened.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy import Connection

from collector.findings import keep
from collector.findings.book import RULES
from collector.findings.finder import Finder, Outcome
from storage.store import open_beside

logger = logging.getLogger("statemeter.collector")

EVERY_SECONDS = 3.0
ONCE_SECONDS = 3.0
SWEEP_SECONDS = 3600.0

Transaction = Callable[[], AbstractContextManager[Connection]]


class Watch:
    """The thread, and what it has found.

    Args:
        url: of the store.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._finder = Finder(RULES)
        self._outcome: Outcome | None = None
        self._stored = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._described = False
        self._swept = 0.0

    def tend(self, transaction: Transaction) -> None:
        """Store what was found since the last call, and see to it that the thread runs.

        Raises:
            Fenced: another collector has the lease.
        """
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="rules", daemon=True)
            self._thread.start()
        outcome, self._outcome = self._outcome, None
        if outcome is not None:
            try:
                self._store(transaction, outcome)
            except BaseException:
                self._finder.forget()
                raise
            finally:
                self._stored.set()

    def look_once(self, transaction: Transaction) -> None:
        """Look at what is new, and store what is found: for a collector that ends then. What is not
        looked at within ``ONCE_SECONDS`` is left for the next one."""
        ends = time.monotonic() + ONCE_SECONDS
        engine = open_beside(self._url)
        try:
            while True:
                outcome = self._finder.look(engine, time.time_ns() // 1000)
                self._store(transaction, outcome)
                if outcome.finished or time.monotonic() > ends:
                    return
        finally:
            engine.dispose()

    def stop(self) -> None:
        """Look no more; waits for the look that is under way."""
        self._stop.set()
        self._stored.set()
        if self._thread is not None:
            self._thread.join(10)
            self._thread = None
        self._outcome = None
        self._finder.forget()

    def _store(self, transaction: Transaction, outcome: Outcome) -> None:
        with transaction() as connection:
            if not self._described:
                keep.describe(connection, self._finder.rules)
            keep.store(connection, outcome)
            if time.monotonic() - self._swept > SWEEP_SECONDS:
                self._swept = time.monotonic()
                keep.sweep(connection, outcome.at_us)
        self._described = True

    def _run(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            try:
                engine = open_beside(self._url)
                try:
                    self._stored.clear()
                    self._outcome = self._finder.look(engine, time.time_ns() // 1000)
                finally:
                    engine.dispose()
                self._stored.wait()
            except Exception:  # a store that is locked, moved or replaced: look again later
                logger.debug("the rules could not look", exc_info=True)
                self._finder.forget()
