"""A look at the store beside ingest: a thread looks again and again, the collector stores.

The thread reads on a connection of its own, and looks again only when what it saw is committed: so
a look sees what the one before it changed. What looks is imported by that thread, before its first
look: a collector that starts has other work, and one that only ingests needs none of it.
"""

from __future__ import annotations

import gc
import logging
import pkgutil
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import Connection, Engine

from storage.store import open_beside

logger = logging.getLogger("statemeter.collector")

FIRST_SECONDS = 3.0
"""From the start of the thread to its first look."""

Transaction = Callable[[], AbstractContextManager[Connection]]


class Work(Protocol):
    """What looks; made without arguments."""

    def look(self, engine: Engine) -> Any:
        """Look, in the thread; None: there is nothing to store."""

    def waits(self) -> bool:
        """Whether there is something to store, or to do, that no look has seen."""

    def store(self, transaction: Transaction, outcome: Any) -> None:
        """Store what a look saw (None: nothing), in the collector.

        Raises:
            Fenced: another collector has the lease.
        """

    def once(self, engine: Engine, transaction: Transaction) -> None:
        """Look and store, for a collector that ends then."""

    def forget(self) -> None:
        """Begin again from what is stored: the last outcome was not."""

    def stop(self) -> None:
        """The collector ends, or another one has the lease."""


class Watch:
    """The thread, and what it has seen.

    Args:
        url: of the store.
        name: of the thread.
        work: what looks, as ``module:class``.
        every_seconds: between two looks.
    """

    def __init__(self, url: str, name: str, work: str, every_seconds: float) -> None:
        self._url = url
        self._name = name
        self._path = work
        self._every_seconds = every_seconds
        self._work: Work | None = None
        self._outcome: Any = None
        self._stored = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def tend(self, transaction: Transaction) -> None:
        """Store what was seen since the last call, and see to it that the thread runs.

        Raises:
            Fenced: another collector has the lease.
        """
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        outcome, self._outcome = self._outcome, None
        work = self._work
        if work is None or (outcome is None and not work.waits()):
            return
        try:
            work.store(transaction, outcome)
        except BaseException:
            work.forget()
            raise
        finally:
            self._stored.set()

    def look_once(self, transaction: Transaction) -> None:
        """Look and store without the thread: for a collector that ends then.

        Raises:
            Fenced: another collector has the lease.
        """
        work = self._loaded()
        engine = open_beside(self._url)
        try:
            work.once(engine, transaction)
        except BaseException:
            work.forget()
            raise
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
        if self._work is not None:
            self._work.forget()
            self._work.stop()

    def _loaded(self) -> Work:
        if self._work is None:
            self._work = pkgutil.resolve_name(self._path)()
        return self._work

    def _run(self) -> None:
        wait_seconds = FIRST_SECONDS
        while not self._stop.wait(wait_seconds):
            wait_seconds = self._every_seconds
            try:
                if self._work is None:
                    self._loaded()
                    gc.collect()
                    gc.freeze()  # as what was imported before it: see ``collector.loop``
                work = self._loaded()
                engine = open_beside(self._url)
                try:
                    self._stored.clear()
                    outcome = self._outcome = work.look(engine)
                finally:
                    engine.dispose()
                if outcome is not None:
                    self._stored.wait()
            except Exception:  # a store that is locked, moved or replaced: look again later
                logger.debug("the %s could not look", self._name, exc_info=True)
                if self._work is not None:
                    self._work.forget()
