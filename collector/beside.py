"""What looks at the store beside ingest, each in a thread of its own: findings, then alerts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy import Connection

from collector.alerts.watch import Alerts
from collector.findings.watch import Watch

Transaction = Callable[[], AbstractContextManager[Connection]]


class Beside:
    """All of them, tended together.

    Args:
        url: of the store.
    """

    def __init__(self, url: str) -> None:
        self._all = (Watch(url), Alerts(url))

    def tend(self, transaction: Transaction) -> None:
        """Store what each has found since the last call.

        Raises:
            Fenced: another collector has the lease.
        """
        for one in self._all:
            one.tend(transaction)

    def look_once(self, transaction: Transaction) -> None:
        """Let each look once, in order: for a collector that ends then."""
        for one in self._all:
            one.look_once(transaction)

    def stop(self) -> None:
        """Let each end."""
        for one in self._all:
            one.stop()
