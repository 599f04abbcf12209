"""Calls of savers that failed or took long, of the newest ones: what rules of backends look at."""

from __future__ import annotations

from dataclasses import dataclass

from collector.findings.look import Look
from storage.findings import Evidence, Subject

CALLS = 5000
"""Newest calls that are looked at."""
WINDOW_US = 15 * 60_000_000
"""What is older counts no more."""

_SQL = """
SELECT s.key, s.backend, s.label, s.class_name, o.error, count(*) AS calls,
min(o.at_us) AS since_us, max(o.duration_us) AS longest_us, sum(o.duration_us) AS duration_us,
count(DISTINCT o.process_id) AS processes, min(p.application) AS application,
count(DISTINCT p.application) AS applications
FROM operations o JOIN threads t ON t.id = o.thread_key JOIN savers s ON s.id = t.saver_id
JOIN processes p ON p.id = o.process_id
WHERE o.id > (SELECT coalesce(max(id), 0) FROM operations) - :most AND o.at_us >= :start
AND s.backend = :backend AND (o.error <> '' OR o.duration_us >= :slow)
GROUP BY s.key, o.error"""


@dataclass(frozen=True)
class Failure:
    """Calls of a saver that raised the same class of error, or were slow without one."""

    key: str
    backend: str
    label: str
    class_name: str
    error: str
    """Empty: they were slow."""
    calls: int
    since_us: int
    longest_us: int
    duration_us: int
    processes: int
    application: str
    applications: int

    @property
    def subject(self) -> Subject:
        """The saver."""
        return Subject(
            application=self.application if self.applications == 1 else "",
            backend=self.backend, saver=self.key,
        )  # fmt: skip

    @property
    def evidence(self) -> Evidence:
        """Where it is shown."""
        return Evidence(page="backends", words="Errors and latencies of this backend")


def read(look: Look, backend: str, slow_us: float = 1e15) -> list[Failure]:
    """Failures of the savers of a backend in the newest 15 minutes.

    Args:
        look: the look.
        backend: its name.
        slow_us: calls without an error that took so long are told, too.
    """
    rows = look.rows(
        _SQL, most=CALLS, start=look.at_us - WINDOW_US, backend=backend, slow=int(slow_us)
    )
    return [Failure(**row._mapping) for row in rows]
