"""The rules beside ingest, as a ``collector.watch.Work``."""

from __future__ import annotations

import time

from sqlalchemy import Engine

from collector.findings import keep
from collector.findings.book import RULES
from collector.findings.finder import Finder, Outcome
from collector.watch import Transaction

ONCE_SECONDS = 3.0
SWEEP_SECONDS = 3600.0


class Findings:
    """All rules, and their findings in the store."""

    def __init__(self) -> None:
        self._finder = Finder(RULES)
        self._described = False
        self._swept = 0.0

    def look(self, engine: Engine) -> Outcome:
        """Look at what is new."""
        return self._finder.look(engine, time.time_ns() // 1000)

    def waits(self) -> bool:
        """Nothing does: all that is stored was seen by a look."""
        return False

    def store(self, transaction: Transaction, outcome: Outcome) -> None:
        """Store what was found."""
        with transaction() as connection:
            if not self._described:
                keep.describe(connection, self._finder.rules)
            keep.store(connection, outcome)
            if time.monotonic() - self._swept > SWEEP_SECONDS:
                self._swept = time.monotonic()
                keep.sweep(connection, outcome.at_us)
        self._described = True

    def once(self, engine: Engine, transaction: Transaction) -> None:
        """Look at all that is new; what is not looked at within ``ONCE_SECONDS`` is left for the
        next collector."""
        ends = time.monotonic() + ONCE_SECONDS
        while True:
            outcome = self.look(engine)
            self.store(transaction, outcome)
            if outcome.finished or time.monotonic() > ends:
                return

    def forget(self) -> None:
        """Begin again from what is stored."""
        self._finder.forget()

    def stop(self) -> None:
        """Nothing is under way between two looks."""
