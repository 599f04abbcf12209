"""The rules at work: which threads have new calls, what each rule finds, in portions of short time.

A look costs what is new: of all calls stored since the last one the threads are taken, and each is
looked at by the rules of threads. What is of no thread is looked at every ``WHOLE_SECONDS``.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, text

from collector.findings.facts import ThreadFacts
from collector.findings.look import Look
from collector.findings.outcome import Outcome, Ran
from collector.findings.predictions import Predictions
from collector.findings.rule import CannotLook, Rule
from storage.findings import Finding
from storage.queries import reading

logger = logging.getLogger("statemeter.collector")

BUDGET_SECONDS = 0.3
"""Of the processor, for the threads of one look."""
MOST_CALLS = 5_000
"""New calls whose threads are taken at once."""
WHOLE_SECONDS = 10.0
MOST_THREADS = 200
"""Threads that are taken at once where all are looked at anew."""
CURSOR = "operations"
ALL_THREADS = "threads"
"""Cursors: new calls, and all threads, which is there only while they are looked at anew."""


class Finder:
    """Looks, again and again; what it remembers is only which threads it still has to look at.

    Args:
        rules: those that look.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._waiting: deque[int] = deque()
        self._moved: tuple[str, int | None] | None = None
        self._whole = float("-inf")
        self._said: set[str] = set()
        self._predictions = Predictions()
        self._kept: dict[str, Any] = {}

    def look(self, engine: Engine, at_us: int) -> Outcome:
        """Look once.

        Args:
            engine: a reader's.
            at_us: now.
        """
        with reading(engine) as connection:
            if not self._waiting:
                self._gather(connection)
            changed = {
                row.name: row.value
                for row in connection.execute(text("SELECT name, value FROM rule_settings"))
            }
            ran = {rule.id: Ran(rule.id, rule.thread is not None) for rule in self.rules}
            look = Look(connection, at_us, self._predictions, self._kept)
            threads = self._threads(look, ran, changed)
            if time.monotonic() - self._whole >= WHOLE_SECONDS:
                self._whole = time.monotonic()
                self._look_at_whole(look, ran, changed)
        moved = None
        if not self._waiting:
            moved, self._moved = self._moved, None
        return Outcome(at_us, ran, threads, moved, not self._waiting and moved is None)

    def forget(self) -> None:
        """Begin again from what is stored: the last outcome was not."""
        self._waiting.clear()
        self._moved = None
        self._whole = float("-inf")

    def _gather(self, connection: Connection) -> None:
        """Take the threads that come next: those with new calls, then those of a look anew."""
        rows = connection.execute(text("SELECT name, position FROM rule_cursors")).all()
        at = {row.name: row.position for row in rows}
        calls = connection.execute(
            text("SELECT id, thread_key FROM operations WHERE id > :position ORDER BY id LIMIT :n"),
            {"position": at.get(CURSOR, 0), "n": MOST_CALLS},
        ).all()
        if calls:
            self._moved = (CURSOR, calls[-1].id)
            self._waiting.extend(dict.fromkeys(row.thread_key for row in calls if row.thread_key))
        elif ALL_THREADS in at:
            keys = connection.execute(
                text("SELECT id FROM threads WHERE id > :position ORDER BY id LIMIT :n"),
                {"position": at[ALL_THREADS], "n": MOST_THREADS},
            ).all()
            self._moved = (ALL_THREADS, keys[-1].id if keys else None)
            self._waiting.extend(row.id for row in keys)

    def _threads(self, look: Look, ran: dict[str, Ran], changed: dict[str, float]) -> list[int]:
        rules = [rule for rule in self.rules if rule.thread is not None]
        limits = {rule.id: rule.limits(changed) for rule in rules}
        done: list[int] = []
        end = time.thread_time() + BUDGET_SECONDS
        # One at least: a look of no thread at all would never come to an end.
        while self._waiting and (not done or time.thread_time() < end):
            key = self._waiting.popleft()
            facts = ThreadFacts(look.connection, key)
            done.append(key)
            if not facts.there:
                continue  # what was found of it is resolved
            for rule in rules:
                if rule.backends and facts.backend not in rule.backends:
                    continue
                look.limits = limits[rule.id]
                assert rule.thread is not None
                self._run(ran[rule.id], partial(rule.thread, look, facts), key)
        return done

    def _look_at_whole(self, look: Look, ran: dict[str, Ran], changed: dict[str, float]) -> None:
        counts = self._counts(look)
        for rule in self.rules:
            one = ran[rule.id]
            if rule.whole is not None:
                look.limits = rule.limits(changed)
                one.whole = self._run(one, partial(rule.whole, look), 0)
            else:
                wanted = rule.backends or counts.keys()
                one.subjects = sum(counts.get(name, 0) for name in wanted)
                if not one.subjects and not one.why:
                    one.why = (
                        f"There are no threads in {', '.join(sorted(rule.backends))}."
                        if rule.backends else "There are no threads yet."
                    )  # fmt: skip

    @staticmethod
    def _counts(look: Look) -> dict[str, int]:
        rows = look.rows(
            "SELECT backend, count(*) AS n FROM threads WHERE deleted_us = 0 GROUP BY backend"
        )
        return {row.backend: row.n for row in rows}

    def _run(self, ran: Ran, looks: Callable[[], Iterable[Finding]], key: int) -> bool:
        """Take what a rule finds; False where it failed."""
        began = time.thread_time_ns()
        found: Sequence[Finding] = ()
        try:
            found = list(looks())
        except CannotLook as error:
            ran.why = str(error)
            return True  # there is nothing of the kind, so nothing is wrong with it any longer
        except Exception as error:  # one rule must not keep the others from looking
            ran.why = f"It failed: {type(error).__name__}. The log of the collector says more."
            if ran.rule not in self._said:
                self._said.add(ran.rule)
                logger.exception("the rule %s failed", ran.rule)
            return False
        finally:
            ran.took_us += (time.thread_time_ns() - began) // 1000
        ran.looks += 1
        ran.found += [(key, one) for one in found]
        return True
