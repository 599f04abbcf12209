"""Connection pools as rules see them: sums and peaks of the newest minutes, by pool."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from collector.findings.look import Look
from storage.findings import Evidence, Subject
from storage.gauges import decode

WINDOW_US = 15 * 60_000_000
"""What is older counts no more."""

_SAMPLES = """
SELECT r.key, r.backend, r.class_name, r.label, r.facts, p.application, g.process_id,
g.bucket_us, g.peaks, g.added
FROM gauge_samples g JOIN resources r ON r.id = g.resource_id
JOIN processes p ON p.id = g.process_id
WHERE g.resolution_s = :resolution AND g.bucket_us >= :start AND r.kind = 'pool'
ORDER BY g.bucket_us"""


@dataclass
class Pool:
    """One pool of connections, over all processes that share it."""

    key: str
    backend: str
    class_name: str
    label: str
    """As of the saver that uses it; a further pool of a process has a number behind."""
    application: str
    maximum: int | None
    """Of each process; None: it is unbounded, or not told."""
    processes: set[int] = field(default_factory=set)
    requests: int = 0
    waited_us: int = 0
    timeouts: int = 0
    lost: int = 0
    peak_in_use: int = 0
    """In one process."""
    peak_waiting: int = 0
    waits_since_us: int = 0
    """Begin of the first minute in which requests waited or failed; 0: none did."""
    readings: int = 0

    @property
    def subject(self) -> Subject:
        """This pool."""
        return Subject(application=self.application, backend=self.backend, resource=self.key)

    @property
    def evidence(self) -> Evidence:
        """Where it is shown."""
        return Evidence(page="backends", words="Pools: in use, waiting, waits and timeouts")


def read(look: Look, resolution_s: int = 60) -> list[Pool]:
    """The pools that were told of in the window.

    Args:
        look: the look.
        resolution_s: length of the buckets that are summed: 1, 60 or 3600 seconds.
    """
    rows = look.rows(_SAMPLES, resolution=resolution_s, start=look.at_us - WINDOW_US)
    pools: dict[str, Pool] = {}
    for row in rows:
        pool = pools.get(row.key)
        if pool is None:
            maximum = json.loads(row.facts).get("maximum")
            pool = pools[row.key] = Pool(
                row.key, row.backend, row.class_name, row.label, row.application, maximum
            )
        pool.processes.add(row.process_id)
        added, peaks = decode(row.added), decode(row.peaks)
        pool.requests += added.get("requests", 0)
        pool.waited_us += added.get("waited_us", 0)
        pool.timeouts += added.get("timeouts", 0)
        pool.lost += added.get("lost", 0)
        pool.peak_in_use = max(pool.peak_in_use, peaks.get("in_use", 0))
        pool.peak_waiting = max(pool.peak_waiting, peaks.get("waiting", 0))
        pool.readings += "in_use" in peaks
        if not pool.waits_since_us and (added.get("waited_us") or added.get("timeouts")):
            pool.waits_since_us = row.bucket_us
    return list(pools.values())
