"""What ends a job early.

CollectorError
└── JobEnded
    ├── Cancelled
    ├── TooLarge
    └── CannotRun
"""

from __future__ import annotations

from collector.errors import CollectorError


class JobEnded(CollectorError):
    """Base: the job ends now; what it found stays."""


class Cancelled(JobEnded):
    """Somebody asked for it."""


class TooLarge(JobEnded):
    """It needs more memory than the machine can spare."""


class CannotRun(JobEnded):
    """What was asked cannot be done, or a server went away: the message says which, why and the
    fix, without a secret."""
