"""Findings in the store, as a ``collector.watch.Work``."""

from __future__ import annotations

import time

from sqlalchemy import Engine

from collector.findings import keep
from collector.findings.outcome import Outcome
from collector.watch import Transaction
from collector.watcher import Looks

ONCE_SECONDS = 3.0
SWEEP_SECONDS = 3600.0


class Findings:
    """What rules found."""

    name = "rules"
    looks = "collector.findings.watcher:Rules"
    outcome = Outcome
    every_seconds = 3.0

    def __init__(self) -> None:
        self._swept = 0.0

    def waits(self) -> bool:
        """Nothing does: all that is stored was seen by a look."""
        return False

    def store(self, transaction: Transaction, outcome: Outcome) -> None:
        """Store what was found."""
        with transaction() as connection:
            if outcome.about:
                keep.describe(connection, outcome.about)
            keep.store(connection, outcome)
            if time.monotonic() - self._swept > SWEEP_SECONDS:
                self._swept = time.monotonic()
                keep.sweep(connection, outcome.at_us)

    def once(self, looks: Looks, engine: Engine, transaction: Transaction) -> None:
        """Look at all that is new; what is not looked at within ``ONCE_SECONDS`` is left for the
        next collector."""
        ends = time.monotonic() + ONCE_SECONDS
        while True:
            outcome: Outcome = looks.look(engine)
            self.store(transaction, outcome)
            if outcome.finished or time.monotonic() > ends:
                return

    def stop(self) -> None:
        """Nothing is under way between two looks."""
