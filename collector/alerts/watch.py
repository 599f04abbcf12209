"""Alerts beside ingest: a thread looks every ten seconds, the collector stores what it saw, and
further threads send; none of them can hold ingest up."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy import Connection, Engine, text

from collector.alerts import keep, sending, targets
from collector.alerts.looking import Looker, Outcome
from collector.alerts.sending import Sender
from collector.alerts.targets import Targets
from storage.store import open_beside

logger = logging.getLogger("statemeter.collector")

TICK_SECONDS = 1.0
SWEEP_SECONDS = 3600.0
ONCE_SECONDS = 60.0

Transaction = Callable[[], AbstractContextManager[Connection]]


class Alerts:
    """The thread, what it has seen, and what is being sent.

    Args:
        url: of the store.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._looker = Looker()
        self._sender = Sender()
        self._outcome: Outcome | None = None
        self._due = True
        self._stored = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._begun = False
        self._targets = Targets()
        self._problems: dict[str, str] = {}
        self._read = False
        """Whether the targets were read: before, nothing is handed over."""
        self._told: tuple[Targets, dict[str, str]] | None = None
        self._swept = 0.0

    def tend(self, transaction: Transaction) -> None:
        """Store what was seen and sent since the last call, and hand over what is due.

        Raises:
            Fenced: another collector has the lease.
        """
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
            self._thread.start()
        if self._outcome is None and not self._due and not self._sender.done and self._begun:
            return
        outcome, self._outcome = self._outcome, None
        try:
            self._store(transaction, outcome)
        except BaseException:
            self._looker.forget()
            self._told = None
            raise
        finally:
            self._stored.set()

    def look_once(self, transaction: Transaction) -> None:
        """Look, store, and send what waits: for a collector that ends then."""
        engine = open_beside(self._url)
        try:
            self._read_targets()
            self._store(transaction, self._look(engine))
        finally:
            engine.dispose()
        self._sender.wait(ONCE_SECONDS)
        if self._sender.done:
            with transaction() as connection:
                self._sender.store(connection, _now_us())
            self._sender.stored()

    def stop(self) -> None:
        """Look no more; waits for the look that is under way."""
        self._stop.set()
        self._stored.set()
        if self._thread is not None:
            self._thread.join(10)
            self._thread = None
        self._outcome = None
        self._begun = False
        self._looker.forget()

    def _store(self, transaction: Transaction, outcome: Outcome | None) -> None:
        self._due = False
        told = (self._targets, self._problems)
        with transaction() as connection:
            now_us = _now_us()
            if not self._begun:
                sending.crashed(connection, now_us)
            self._sender.store(connection, now_us)
            if told != self._told:
                keep.store_targets(connection, *told)
            if outcome is not None:
                keep.store(connection, outcome)
            if time.monotonic() - self._swept > SWEEP_SECONDS:
                self._swept = time.monotonic()
                keep.sweep(connection, now_us)
            messages = self._sender.claim(connection, now_us) if self._read else []
        self._sender.stored()
        self._told = told
        self._begun = True
        self._sender.send(messages, self._targets)

    def _look(self, engine: Engine) -> Outcome | None:
        return self._looker.look(engine, _now_us(), self._targets)

    def _read_targets(self) -> None:
        found = targets.read()
        if found != self._targets:
            problems = {one.name: sending.unknown_url(one) for one in found.by_name.values()}
            self._problems = {name: why for name, why in problems.items() if why}
            self._targets = found
        self._read = True

    def _run(self) -> None:
        while not self._stop.wait(TICK_SECONDS):
            try:
                engine = open_beside(self._url)
                try:
                    self._read_targets()
                    self._stored.clear()
                    self._outcome = self._look(engine)
                    self._due = self._due or _waits(engine)
                finally:
                    engine.dispose()
                if self._outcome is not None:
                    self._stored.wait()
            except Exception:  # a store that is locked, moved or replaced: look again later
                logger.debug("the alert rules could not look", exc_info=True)
                self._looker.forget()


def _waits(engine: Engine) -> bool:
    with engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT 1 FROM alert_deliveries WHERE state = 'waiting' AND next_us <= :now LIMIT 1"
            ),
            {"now": _now_us()},
        ).first()
    return found is not None


def _now_us() -> int:
    return time.time_ns() // 1000
