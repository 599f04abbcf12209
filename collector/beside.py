"""What looks at the store beside ingest, each in a thread of its own: findings, then alerts."""

from __future__ import annotations

from collector.watch import Transaction, Watch

RULES_SECONDS = 3.0
ALERTS_SECONDS = 1.0
"""Between two looks, and between two looks for what is due: see ``collector.alerts.looking``."""


class Beside:
    """All of them, tended together.

    Args:
        url: of the store.
    """

    def __init__(self, url: str) -> None:
        self._all = (
            Watch(url, "rules", "collector.findings.watch:Findings", RULES_SECONDS),
            Watch(url, "alerts", "collector.alerts.watch:Alerts", ALERTS_SECONDS),
        )

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
