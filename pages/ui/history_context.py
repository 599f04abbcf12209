"""What every view of the History page is given: the thread, the step, what it is compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage.queries_history import History

if TYPE_CHECKING:
    from storage.values import Answer


@dataclass(frozen=True)
class Context:
    """One step of one thread."""

    thread: Any
    """A row of ``storage.queries_threads.find_thread``, by attributes."""
    history: History
    chosen: Any
    """The row of ``history.table`` that the visitor looks at, by attributes."""
    compared: Any | None
    """The row it is compared with, of the same namespace; None: with nothing (a first step)."""
    path: tuple[int, ...]
    """Places in ``history.table`` from the first known ancestor of the chosen step through it to
    the end of its branch."""
    read: Callable[[Any], Answer]
    """A row of ``history.table`` → what the user's own database holds there, or why that is not
    shown (``problem``). A view that never asks costs the database nothing."""

    @property
    def values(self) -> Answer:
        """The values of the chosen step."""
        return self.read(self.chosen)

    @property
    def compared_values(self) -> Answer | None:
        """The values of the step it is compared with, None where there is no such step."""
        return None if self.compared is None else self.read(self.compared)


View = Callable[[Context], None]
"""Draws a view, or a part of one."""
