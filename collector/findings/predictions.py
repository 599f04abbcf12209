"""What other designs of a thread would save (``storage.designs``), remembered for a while."""

from __future__ import annotations

from collections import OrderedDict

from sqlalchemy import Engine

from storage import designs
from storage.design_reading import recorded
from storage.designs import Prediction
from storage.findings import Cost, Fix

KEPT = 300
"""Threads whose designs are remembered."""
GROWN = 1.2
"""A thread with so many times the calls is worked out again."""


class Predictions:
    """Designs of threads that rules ask for; a thread that changes little is worked out once."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, tuple[int, list[Prediction]]] = OrderedDict()

    def of(self, engine: Engine, key: int, operations: int) -> list[Prediction]:
        """Those that can be had, the ones that save most first; none where that is unknown.

        Args:
            engine: a reader's.
            key: row of the thread.
            operations: how many calls it has now.
        """
        known = self._known.get(key)
        if known is not None and operations < known[0] * GROWN:
            return known[1]
        thread = recorded(engine, key)
        found = [] if thread is None else designs.predict(thread).others
        usable = [one for one in found if not one.why_not and (one.saved_bytes or 0) > 0]
        self._known[key] = (max(operations, 1), usable)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return usable


def fix(one: Prediction, saving: Cost | None = None) -> Fix:
    """A design as a fix of a finding."""
    return Fix(
        words=one.design.name, code=one.code, language="python", loss=" ".join(one.gives_up),
        saving=saving or Cost(bytes=one.saved_bytes),
    )  # fmt: skip
