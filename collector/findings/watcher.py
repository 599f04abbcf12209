"""All rules, as they look in a process of their own: a ``collector.watcher.Looks``."""

from __future__ import annotations

import time

from sqlalchemy import Engine

from collector.findings.book import RULES
from collector.findings.finder import Finder
from collector.findings.outcome import Outcome


class Rules:
    """All rules."""

    def __init__(self) -> None:
        self._finder = Finder(RULES)
        self._told = False

    def look(self, engine: Engine) -> Outcome:
        """Look at what is new."""
        outcome = self._finder.look(engine, time.time_ns() // 1000)
        if not self._told:
            outcome.about = [rule.about for rule in self._finder.rules]
            self._told = True
        return outcome

    def forget(self) -> None:
        """Begin again from what is stored."""
        self._finder.forget()
        self._told = False
