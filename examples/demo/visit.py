"""One turn of one thread: what a graph is told and what it pretends."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from random import Random
from typing import Any


@dataclass(frozen=True)
class Visit:
    """Handed to graphs as their runtime context, which LangGraph never checkpoints."""

    thread: str
    number: int
    """Turn of the thread, from 1."""
    rng: Random
    """Decides all content of this turn: the same seed gives the same bytes."""
    pause_seconds: float = 0.0
    """Longest pretended latency of a model or tool."""
    outage: bool = False
    """A service is down: the node that needs it fails."""

    @property
    def config(self) -> dict[str, Any]:
        """LangGraph's config of this thread."""
        return config_of(self.thread)

    def think(self) -> None:
        """Take the time that a model or tool would."""
        time.sleep(self._latency())

    async def think_async(self) -> None:
        """The same in a coroutine."""
        await asyncio.sleep(self._latency())

    def _latency(self) -> float:
        # Not from self.rng: content must not depend on whether somebody watches.
        return self.pause_seconds * (0.3 + 0.7 * (time.perf_counter_ns() % 1000) / 1000)


def config_of(thread: str) -> dict[str, Any]:
    """LangGraph's config of a thread."""
    return {"configurable": {"thread_id": thread}}
