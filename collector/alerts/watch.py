"""Alerts beside ingest, as a ``collector.watch.Work``: further threads send, so that nothing can
hold ingest up."""

from __future__ import annotations

import time

from sqlalchemy import Engine, text

from collector.alerts import keep, sending, targets
from collector.alerts.looking import Looker, Outcome
from collector.alerts.sending import Sender
from collector.alerts.targets import Targets
from collector.watch import Transaction

SWEEP_SECONDS = 3600.0
ONCE_SECONDS = 60.0


class Alerts:
    """The rules, the targets, and what is being sent."""

    def __init__(self) -> None:
        self._looker = Looker()
        self._sender = Sender()
        self._due = True
        self._begun = False
        self._targets = Targets()
        self._problems: dict[str, str] = {}
        self._read = False
        """Whether the targets were read: before, nothing is handed over."""
        self._told: tuple[Targets, dict[str, str]] | None = None
        self._swept = 0.0

    def look(self, engine: Engine) -> Outcome | None:
        """Look at the rules, where it is time, and for messages that are due."""
        self._read_targets()
        outcome = self._looker.look(engine, _now_us(), self._targets)
        self._due = self._due or _waits(engine)
        return outcome

    def waits(self) -> bool:
        """Whether a message is due, or one was sent."""
        return self._due or bool(self._sender.done) or not self._begun

    def store(self, transaction: Transaction, outcome: Outcome | None) -> None:
        """Store what was seen and sent, and hand over what is due."""
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

    def once(self, engine: Engine, transaction: Transaction) -> None:
        """Look, store, and send what waits."""
        self.store(transaction, self.look(engine))
        self._sender.wait(ONCE_SECONDS)
        if self._sender.done:
            with transaction() as connection:
                self._sender.store(connection, _now_us())
            self._sender.stored()

    def forget(self) -> None:
        """Begin again from what is stored."""
        self._looker.forget()
        self._told = None

    def stop(self) -> None:
        """What is on its way then may arrive, or not: the next start marks it."""
        self._begun = False

    def _read_targets(self) -> None:
        found = targets.read()
        if found != self._targets:
            problems = {one.name: sending.unknown_url(one) for one in found.by_name.values()}
            self._problems = {name: why for name, why in problems.items() if why}
            self._targets = found
        self._read = True


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
