"""Alerts in the store, and what is sent of them, as a ``collector.watch.Work``.

Messages are handed over by threads of the collector, not by the process that looks: who commits
that a message is being sent is the one who sends it. So it is sent at most once over a crash of the
collector, and a rule that takes the process that looks with it leaves no message in doubt.
"""

from __future__ import annotations

import time

from sqlalchemy import Engine

from collector.alerts import keep, sending, targets
from collector.alerts.outcome import Answer
from collector.alerts.sending import Sender
from collector.watch import Transaction
from collector.watcher import Looks

SWEEP_SECONDS = 3600.0
ONCE_SECONDS = 60.0


class Alerts:
    """What is stored of alerts, and what is being sent."""

    name = "alerts"
    looks = "collector.alerts.watcher:Rules"
    outcome = Answer
    every_seconds = 1.0
    """Between two looks for what is due; at rules: see ``collector.alerts.looking``."""

    def __init__(self) -> None:
        self._sender = Sender()
        self._begun = False
        self._swept = 0.0

    def waits(self) -> bool:
        """Whether a message was sent, or nothing was stored yet."""
        return self._sender.done or not self._begun

    def store(self, transaction: Transaction, outcome: Answer | None) -> None:
        """Store what was seen and sent, and hand over what is due."""
        with transaction() as connection:
            now_us = _now_us()
            if not self._begun:
                sending.crashed(connection, now_us)
            self._sender.store(connection, now_us)
            if outcome is not None and outcome.targets is not None:
                keep.store_targets(connection, outcome.targets)
            if outcome is not None and outcome.outcome is not None:
                keep.store(connection, outcome.outcome)
            if time.monotonic() - self._swept > SWEEP_SECONDS:
                self._swept = time.monotonic()
                keep.sweep(connection, now_us)
            messages = self._sender.claim(connection, now_us)
        self._sender.stored()
        self._begun = True
        if messages:
            self._sender.send(messages, targets.read())

    def once(self, looks: Looks, engine: Engine, transaction: Transaction) -> None:
        """Look, store, and send what waits."""
        self.store(transaction, looks.look(engine))
        self._sender.wait(ONCE_SECONDS)
        if self._sender.done:
            with transaction() as connection:
                self._sender.store(connection, _now_us())
            self._sender.stored()

    def stop(self) -> None:
        """What is on its way then may arrive, or not: the next start marks it."""
        self._begun = False


def _now_us() -> int:
    return time.time_ns() // 1000
