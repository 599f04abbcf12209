"""Rule: requests wait for a connection of a pool, or get none.

A psycopg pool counts the requests that had to wait and how long; of the others the probe does. How
many connections would have been enough is what was lent plus what waited at the worst moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from collector.findings import checks, pools
from collector.findings.look import Look
from collector.findings.pools import Pool
from collector.findings.rule import CannotLook, Rule, threshold
from storage.findings import About, Cost, Finding, Fix, Measure
from storage.inspections import Inspection

ID = "pool-exhausted"

ABOUT = About(
    id=ID, title="Requests wait for a connection, or get none",
    looks_at="Requests, waits, timeouts and broken connections of each pool over the newest 15 "
    "minutes; idle transactions and free connections in the newest check of each PostgreSQL.",
    thresholds=[
        threshold("wait", 10_000, "us", 100, 1e9,
                  "Mean wait of a request. A local query takes some 500 µs, one over a network "
                  "some ms: 10 ms of waiting is more than the work."),
        threshold("requests", 20, "count", 1, 1e9,
                  "Fewer requests say nothing: the first ones wait for connections to be made."),
        threshold("lost", 5, "count", 1, 1e9,
                  "Connections that broke in the newest 15 minutes."),
    ],
)  # fmt: skip

_PSYCOPG = """\
from psycopg.rows import dict_row
from psycopg_pool import {name}

pool = {name}(
    url, min_size=1, max_size={size}, timeout=10, open=False,
    check={name}.check_connection,
    kwargs={{"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}},
)
{wait}pool.open()"""
_REDIS = """\
from {package} import BlockingConnectionPool, {client}

pool = BlockingConnectionPool.from_url(url, max_connections={size}, timeout=10)
client = {client}(connection_pool=pool)"""
_SQLALCHEMY = """\
from sqlalchemy import create_engine

engine = create_engine(
    url, pool_size={size}, max_overflow=0, pool_timeout=10, pool_pre_ping=True
)"""
_USED_UP = """\
rows = list(saver.list(config, limit=20))  # used up: the connection is back
for row in rows:
    ..."""


def look_at(look: Look) -> Iterable[Finding]:
    """Pools, and what checks of PostgreSQL saw of connections."""
    watched = pools.read(look)
    databases = [one for one in look.inspections if one.backend == "postgres" and not one.problem]
    if not watched and not databases:
        raise CannotLook(
            "No pool of connections told anything in the newest 15 minutes. Those of instrumented "
            "savers are watched by themselves, any other by statemeter.instrument(pool)."
        )
    for pool in watched:
        yield from _waits(look, pool)
        if pool.lost >= look.limits["lost"]:
            yield _lost(look, pool)
    for seen in databases:
        yield from _connections(seen)


def code(pool: Pool, size: int) -> str:
    """A pool of this library with so many connections."""
    if "SQLAlchemy" in pool.class_name or pool.class_name.endswith("QueuePool"):
        return _SQLALCHEMY.format(size=size)
    if pool.backend == "postgres":
        name = "AsyncConnectionPool" if "Async" in pool.class_name else "ConnectionPool"
        return _PSYCOPG.format(name=name, size=size, wait="await " * (name[0] == "A"))
    if pool.backend in ("redis", "valkey"):
        client = pool.backend.capitalize()
        return _REDIS.format(package=pool.backend, client=client, size=size)
    return ""


def _waits(look: Look, pool: Pool) -> Iterator[Finding]:
    mean_us = pool.waited_us / pool.requests if pool.requests else None
    slow = (
        mean_us is not None
        and pool.requests >= look.limits["requests"]
        and mean_us > look.limits["wait"]
    )
    if not pool.timeouts and not slow:
        return
    wanted = max(pool.peak_in_use, pool.maximum or 0) + max(pool.peak_waiting, 1)
    cost = Cost(ms=mean_us / 1000 if mean_us else None, what="a request for a connection")
    fails = f"{pool.timeouts:,} requests got none, and their calls failed"
    yield Finding(
        rule=ID, severity="critical" if pool.timeouts else "warning",
        title=f"{pool.label}: {fails}" if pool.timeouts
        else f"{pool.label}: a request waits {(mean_us or 0) / 1000:,.1f} ms for a connection",
        subject=pool.subject,
        measured=[
            Measure(name="requests", value=pool.requests, unit="count"),
            Measure(name="timeouts", value=pool.timeouts, unit="count", limit=0),
            Measure(name="mean wait of a request", value=mean_us, unit="us",
                    limit=look.limits["wait"]),
            Measure(name="waited in all", value=pool.waited_us, unit="us"),
            Measure(name="most that waited at once", value=pool.peak_waiting, unit="count"),
            Measure(name="most in use at once", value=pool.peak_in_use, unit="count"),
            Measure(name="connections, at most", value=pool.maximum, unit="count"),
        ],
        since_us=pool.waits_since_us or look.at_us,
        why="All connections were lent. A saver takes one for each call, and its list() keeps it "
        "while its caller works on the rows. Levels are read once a second: shorter peaks are not "
        "seen.",
        fixes=[
            Fix(words=f"Let the pool have {wanted} connections: what was lent and what waited",
                code=code(pool, wanted), language="python", saving=cost,
                loss="The server has to allow so many from each process."),
            Fix(words="Use list() up at once, so that its connection goes back",
                code=_USED_UP, language="python"),
        ],
        evidence=[pool.evidence], cost=cost,
    )  # fmt: skip


def _lost(look: Look, pool: Pool) -> Finding:
    size = max(pool.maximum or 0, pool.peak_in_use, 1)
    return Finding(
        rule=ID, severity="warning",
        title=f"{pool.label}: {pool.lost:,} connections broke in 15 minutes",
        subject=replace(pool.subject, detail="broken connections"),
        measured=[
            Measure(name="broken connections", value=pool.lost, unit="count",
                    limit=look.limits["lost"]),
            Measure(name="requests", value=pool.requests, unit="count"),
        ],
        since_us=look.at_us,
        why="The server or something between ends them: a restart, a limit on idle connections, a "
        "firewall. The call that gets such a connection fails.",
        fixes=[Fix(words="Test a connection before it is lent", code=code(pool, size),
                   language="python", loss="One round trip more for each request.")],
        evidence=[pool.evidence],
    )  # fmt: skip


def _connections(seen: Inspection) -> Iterator[Finding]:
    for check in seen.wrong:
        if check.id == "activity.idle":
            yield checks.finding(
                ID, seen, check,
                f"{seen.label}: {check.subject} is idle in a transaction for "
                f"{float(check.value or 0):,.0f} seconds",
                fixes=[
                    Fix(words="Open the pool with autocommit, and use list() up at once",
                        code=_PSYCOPG.format(name="ConnectionPool", size=10, wait=""),
                        language="python"),
                    checks.mending(check, "End this one", "What it has not committed is undone."),
                ],
            )  # fmt: skip
        elif check.id == "activity.connections":
            yield checks.finding(
                ID, seen, check,
                f"{seen.label}: {check.value} {check.unit} connections of the server are taken",
                fixes=[checks.mending(check, "Allow more, and restart the server",
                                      "Each connection is a process with memory of its own.")],
            )  # fmt: skip


RULE = Rule(about=ABOUT, whole=look_at)
