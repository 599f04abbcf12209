"""Rule: calls of a PostgresSaver overlap, and only one connection is ever used.

``PostgresSaver`` and ``AsyncPostgresSaver`` hold one lock while they use a connection, over a pool,
too. With four callers, 1,466 calls a second went over one connection; without the lock 2,637 over
ten.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from collector.findings import pools
from collector.findings.look import Look
from collector.findings.pools import WINDOW_US, Pool
from collector.findings.rule import CannotLook, Rule, threshold
from storage.findings import About, Cost, Evidence, Finding, Fix, Measure, Subject

ID = "one-lock-saver"
CALLS = 3000
"""Newest calls that are looked at."""

ABOUT = About(
    id=ID, title="A saver for PostgreSQL makes one call at a time",
    looks_at=f"Which of the newest {CALLS:,} calls overlap, and how many connections of the pool "
    "were in use meanwhile.",
    thresholds=[
        threshold("overlap", 2, "seconds", 0.1, 900,
                  "Calls were under way at once for so long, in the newest 15 minutes. The pool is "
                  "read once a second: less would be chance."),
        threshold("share", 0.2, "share", 0.01, 1,
                  "Of the time in which calls were under way. Below it hardly any call waits."),
    ],
)  # fmt: skip

_CALLS = """
SELECT o.process_id, o.at_us, o.duration_us, s.key, s.label, s.class_name, p.application
FROM operations o JOIN threads t ON t.id = o.thread_key JOIN savers s ON s.id = t.saver_id
JOIN processes p ON p.id = o.process_id
WHERE o.id > (SELECT coalesce(max(id), 0) FROM operations) - :most AND s.backend = 'postgres'
AND o.duration_us > 0 AND o.operation <> 'list' AND o.at_us >= :start"""

_CODE = """\
from contextlib import nullcontext

from langgraph.checkpoint.postgres{module} import {saver}
from psycopg.rows import dict_row
from psycopg_pool import {pool}


class Pooled{saver}({saver}):
    \"\"\"Each call takes a connection of its own.\"\"\"

    def __init__(self, pool):
        super().__init__(pool)
        self.lock = nullcontext()  # the pool's connections keep calls apart


pool = {pool}(
    url, min_size=2, max_size={size}, open=False,
    kwargs={{"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}},
)
{wait}pool.open()
saver = Pooled{saver}(pool)"""


@dataclass(frozen=True)
class Overlap:
    """How calls of a saver in one process lie in time."""

    calls: int
    busy_us: int
    """At least one was under way."""
    overlapped_us: int
    """At least two were."""
    at_once: int
    duration_us: int
    """Of all calls together."""
    begin_us: int
    """Of the first call."""

    @property
    def waited_us(self) -> float:
        """What a call waited for others, where one runs at a time: its duration without its share
        of the time in which any ran."""
        return (self.duration_us - self.busy_us) / max(self.calls, 1)


def look_at(look: Look) -> Iterable[Finding]:
    """Savers of PostgreSQL whose calls overlap."""
    rows = look.rows(_CALLS, most=CALLS, start=look.at_us - WINDOW_US)
    if not rows:
        raise CannotLook("No saver of PostgreSQL was called in the newest 15 minutes.")
    by_saver = defaultdict(list)
    for row in rows:
        by_saver[row.key, row.process_id].append(row)
    known: list[Pool] | None = None
    worst: dict[str, tuple[Overlap, Row[Any], Pool | None]] = {}
    for (key, process), calls in by_saver.items():
        found = overlap(calls)
        if (
            found.overlapped_us < look.limits["overlap"] * 1e6
            or found.overlapped_us < look.limits["share"] * found.busy_us
        ):
            continue
        known = pools.read(look, resolution_s=1) if known is None else known
        label = calls[0].label
        here = [one for one in known if process in one.processes and _is_of(one, label)]
        if any(one.peak_in_use > 1 or not one.readings for one in here):
            continue
        if key not in worst or found.overlapped_us > worst[key][0].overlapped_us:
            worst[key] = found, calls[0], here[0] if here else None
    for found, row, pool in worst.values():
        yield _finding(look, found, row, pool)


def _is_of(pool: Pool, label: str) -> bool:
    return pool.backend == "postgres" and pool.label.partition(" #")[0] == label


def overlap(calls: Sequence[Any]) -> Overlap:
    """How calls lie in time: rows with ``at_us`` and ``duration_us``."""
    edges = sorted(
        [(one.at_us, 1) for one in calls] + [(one.at_us + one.duration_us, -1) for one in calls]
    )
    under_way = at_once = busy = overlapped = 0
    before = edges[0][0]
    for at, change in edges:
        busy += (at - before) * (under_way >= 1)
        overlapped += (at - before) * (under_way >= 2)
        under_way += change
        at_once = max(at_once, under_way)
        before = at
    duration = sum(one.duration_us for one in calls)
    return Overlap(len(calls), busy, overlapped, at_once, duration, edges[0][0])


def code(class_name: str, size: int) -> str:
    """The saver without its lock, over a pool of so many connections."""
    is_async = "Async" in class_name
    return _CODE.format(
        module=".aio" if is_async else "", saver="AsyncPostgresSaver" if is_async
        else "PostgresSaver", pool="AsyncConnectionPool" if is_async else "ConnectionPool",
        size=size, wait="await " if is_async else "",
    )  # fmt: skip


def _finding(look: Look, found: Overlap, row: Row[Any], pool: Pool | None) -> Finding:
    size = max(found.at_once, pool.maximum or 0 if pool else 0)
    over = f"a pool of up to {pool.maximum}" if pool else "one connection"
    return Finding(
        rule=ID, severity="warning",
        title=f"{row.label}: up to {found.at_once} calls at once wait for one connection, "
        f"{found.waited_us / 1000:,.1f} ms each",
        subject=Subject(application=row.application, backend="postgres", saver=row.key,
                        resource=pool.key if pool else ""),
        measured=[
            Measure(name="calls under way at once, at most", value=found.at_once, unit="count"),
            Measure(name="connections in use at once, at most", unit="count",
                    value=pool.peak_in_use if pool else 1),
            Measure(name="connections allowed", value=pool.maximum if pool else 1, unit="count"),
            Measure(name="two or more calls under way", value=found.overlapped_us / 1e6,
                    unit="seconds", limit=look.limits["overlap"]),
            Measure(name="of the time with calls", value=found.overlapped_us / found.busy_us,
                    unit="share", limit=look.limits["share"]),
            Measure(name="waited a call, on average", value=found.waited_us, unit="us"),
            Measure(name="calls looked at", value=found.calls, unit="count"),
        ],
        since_us=found.begin_us,
        why=f"{row.class_name} works over {over} and holds a lock during each call, so that calls "
        "of different threads wait for each other, however many connections there are.",
        fixes=[
            Fix(words="A pool, and no lock: each call takes a connection of its own",
                code=code(row.class_name, size), language="python",
                loss="The server has more connections to hold. How much is won depends on its "
                "processors and the way to it."),
            Fix(words="A saver for each worker: its lock is its own",
                code="with PostgresSaver.from_conn_string(url) as saver:\n"
                "    graph = builder.compile(checkpointer=saver)",
                language="python", loss="One connection for each."),
        ],
        evidence=[Evidence(page="backends", words="Latencies, and connections in use")],
        cost=Cost(ms=found.waited_us / 1000, what="a call"),
    )  # fmt: skip


RULE = Rule(about=ABOUT, whole=look_at)
