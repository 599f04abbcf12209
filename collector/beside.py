"""What is looked at beside ingest: findings, then alerts."""

from __future__ import annotations

from collector.alerts.watch import Alerts
from collector.findings.watch import Findings
from collector.watch import Watch


def watch(url: str) -> Watch:
    """One process for all of them: pandas is the most of it.

    Args:
        url: of the store.
    """
    return Watch(url, (Findings(), Alerts()))
