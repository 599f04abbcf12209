"""What stops a collector.

CollectorError
├── Fenced          another collector took the lease; what was begun is rolled back
└── SpoolUnusable   the spool folder cannot be made or read
"""

from __future__ import annotations


class CollectorError(Exception):
    """Base of all errors of the collector."""


class Fenced(CollectorError):
    """The store belongs to another collector now, or a position moved under us."""


class SpoolUnusable(CollectorError):
    """The folder of the spool cannot be made or read."""
