"""Which step a visitor looks at, what it is compared with, and the path that leads through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from storage.history_tree import NOWHERE, ends, path_through
from storage.queries_history import History


@dataclass(frozen=True)
class Choice:
    """Places in ``History.table``."""

    chosen: int
    compared: int | None
    """None: nothing to compare with, a first step."""
    pinned: bool
    """The visitor chose what it is compared with; else it is the parent."""
    following: bool
    """The visitor chose no step: this is the newest, also when there are newer ones."""
    path: list[int]
    """From the first known ancestor through the chosen one to the end of its branch."""
    ends: list[int]
    """The end of each branch of the same namespace, newest first."""
    lost: str
    """A checkpoint of the address that is not in the history, empty: none."""

    @property
    def position(self) -> int:
        """Of the chosen step on the path."""
        return self.path.index(self.chosen)


def choose(history: History, step: str, with_: str) -> Choice:
    """What the address means.

    Args:
        history: with at least one row.
        step: checkpoint id, empty: the newest of the root namespace.
        with_: checkpoint id, empty: the parent.
    """
    table = history.table
    roots = np.flatnonzero((table["ns"] == "").to_numpy())
    newest = int(roots[-1]) if len(roots) else len(table) - 1
    asked = history.at(step) if step else NOWHERE
    chosen = newest if asked == NOWHERE else asked
    parents = history.parents
    ns = table["ns"].iloc[chosen]
    other = history.at(with_) if with_ else NOWHERE
    lost = step if step and asked == NOWHERE else with_ if with_ and other == NOWHERE else ""
    pinned = other not in {NOWHERE, chosen} and table["ns"].iloc[other] == ns
    parent = int(parents[chosen])
    compared = other if pinned else parent
    return Choice(
        chosen=chosen,
        compared=None if compared == NOWHERE else compared,
        pinned=bool(pinned),
        following=asked == NOWHERE,
        path=path_through(parents, chosen),
        ends=ends(parents, (table["ns"] == ns).to_numpy()),
        lost=lost,
    )


def calls_from(history: History, place: int) -> list[int]:
    """The first row of each subgraph that the step after a row called."""
    table = history.table
    first = (table["from_row"] == place) & (table["parent_row"] == NOWHERE)
    return [int(found) for found in np.flatnonzero(first.to_numpy())]
