"""Alerts, as they look in a process of their own: a ``collector.watcher.Looks``.

Whether Apprise can use an address is asked here as well: that takes Apprise.
"""

from __future__ import annotations

import time

from sqlalchemy import Engine, text

from collector.alerts import sending, targets
from collector.alerts.looking import Looker
from collector.alerts.outcome import Answer, Listed
from collector.alerts.targets import Targets


class Rules:
    """The rules, the targets, and what is due."""

    def __init__(self) -> None:
        self._looker = Looker()
        self._told: Targets | None = None

    def look(self, engine: Engine) -> Answer | None:
        """Look at the rules, where it is time, and for messages that are due."""
        found = targets.read()
        listed = _listed(found) if found != self._told else None
        at_us = time.time_ns() // 1000
        outcome = self._looker.look(engine, at_us, list(found.by_name))
        due = _is_due(engine, at_us)
        self._told = found
        if not due and listed is None and outcome is None:
            return None
        return Answer(due, listed, outcome)

    def forget(self) -> None:
        """Begin again from what is stored."""
        self._looker.forget()
        self._told = None


def _listed(found: Targets) -> list[Listed]:
    rows = [
        Listed(one.name, one.service, sending.unknown_url(one)) for one in found.by_name.values()
    ]
    if found.problem:
        rows.append(Listed("", "", found.problem))
    return rows


def _is_due(engine: Engine, at_us: int) -> bool:
    with engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT 1 FROM alert_deliveries WHERE state = 'waiting' AND next_us <= :now LIMIT 1"
            ),
            {"now": at_us},
        ).first()
    return found is not None
