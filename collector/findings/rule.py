"""What a rule is: a description, thresholds, and a function that looks at threads or at the whole.

A module of ``collector.findings.rules`` has one ``RULE``. The function is given a ``Look`` and
yields the findings that hold now; what it does not yield again is resolved. It reads only, and
little: of a thread its newest calls, of the whole sums and newest readings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.findings import About, Finding, Threshold

if TYPE_CHECKING:
    from collector.findings.facts import ThreadFacts
    from collector.findings.look import Look


class CannotLook(Exception):
    """What the rule needs is not there; its text says what, and how to get it."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule; it has ``thread``, ``whole`` or both."""

    about: About
    thread: Callable[[Look, ThreadFacts], Iterable[Finding]] | None = None
    """Looks at one thread with new calls. A finding has this thread as its subject, or is resolved
    as soon as the thread is looked at again and it is not found."""
    whole: Callable[[Look], Iterable[Finding]] | None = None
    """Looks at everything that is not of one thread: resources, processes, checks of databases.
    Raises CannotLook."""
    backends: frozenset[str] = frozenset()
    """Of a rule of threads: those in these backends alone; empty: in all."""

    @property
    def id(self) -> str:
        """Its name."""
        return self.about.id

    def limits(self, changed: dict[str, float]) -> dict[str, float]:
        """Its thresholds: the user's, else the defaults.

        Args:
            changed: rule and threshold, with a dot between → value.
        """
        return {
            one.name: changed.get(f"{self.id}.{one.name}", one.default)
            for one in self.about.thresholds
        }


def threshold(  # noqa: PLR0917 (a row of a table)
    name: str, default: float, unit: str, least: float, most: float, why: str
) -> Threshold:
    """A threshold of a rule, see ``storage.findings.Threshold``."""
    return Threshold(name=name, default=default, unit=unit, least=least, most=most, why=why)
