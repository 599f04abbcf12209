"""How much of a value is read, and what is left of that while it is read."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

MB = 1_048_576


@dataclass(frozen=True)
class Limits:
    """Bounds of the plain data of one value; what lies beyond is left out and marked."""

    bytes: int = 32 * MB
    """Of a blob, from its start: fetch no more than this."""
    depth: int = 64
    """Containers and objects in one another."""
    nodes: int = 100_000
    """Values in the result, all levels together."""
    characters: int = 100_000
    """Of one text."""
    text: int = 8 * MB
    """Characters of all texts together."""
    seconds: float = 1.0
    """Of the processor: a busy machine changes no result."""
    until: float = math.inf
    """For several values in one request: when all end, seconds of this process's CPU time."""


class Budget:
    """What is left of the limits for one value."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.nodes = limits.nodes
        self.text = limits.text
        self.ends = min(time.process_time() + limits.seconds, limits.until)
        self.cut = False
        """Something was left out."""

    def take(self) -> bool:
        """Use one node; False where none is left, or no time."""
        if self.nodes > 0:
            self.nodes -= 1
            if self.nodes & 0xFF or time.process_time() < self.ends:
                return True
            self.nodes = 0
        self.cut = True
        return False

    def take_text(self, length: int) -> int:
        """How many characters of a text of that length may be shown."""
        shown = min(length, self.limits.characters, self.text)
        self.text -= shown
        self.cut |= shown < length
        return shown

    def stop(self) -> None:
        """Nothing more is read: the blob goes on beyond the bytes at hand."""
        self.nodes = 0
        self.cut = True
