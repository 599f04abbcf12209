"""Progress of draining a backlog: one line that changes on a terminal, else a line at times."""

from __future__ import annotations

import sys
import time

from collector.health import Health

EVERY_SECONDS = 3.0
BACKLOG_BYTES = 4_000_000
"""Less is stored sooner than it can be read."""


class Progress:
    """Prints to standard error."""

    def __init__(self) -> None:
        self._next = 0.0
        self._shown = False

    def show(self, health: Health) -> None:
        """Say how far it is, if there is a backlog."""
        if health.backlog_bytes < BACKLOG_BYTES or not health.lag_bytes:
            if self._shown and sys.stderr.isatty():
                sys.stderr.write("\n")
            self._shown = False
            return
        terminal = sys.stderr.isatty()
        now = time.monotonic()
        if now < self._next and not terminal:
            return
        self._next = now + EVERY_SECONDS
        self._shown = True
        line = text(health, health.rate(now))
        sys.stderr.write(f"\r{line:<79}" if terminal else line + "\n")
        sys.stderr.flush()


def text(health: Health, rate: float) -> str:
    """One line; ``rate`` in events a second."""
    done = 1 - health.lag_bytes / health.backlog_bytes
    left = f", about {health.lag_events / rate:.0f} s left" if rate else ""
    return (
        f"draining: {done:4.0%} of {health.backlog_bytes / 1e6:.1f} MB, {rate:,.0f} events/s{left}"
    )
