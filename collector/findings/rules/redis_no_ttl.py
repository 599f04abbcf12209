"""Rule: keys of checkpoints in a Redis that never expire, or that it may throw away.

TTL is off by default in the savers for Redis. A server without ``maxmemory`` grows until the
machine is full; one with an ``allkeys-*`` policy drops checkpoints, so that threads lose state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collector.findings import checks
from collector.findings.look import Look
from collector.findings.rule import Rule, threshold
from collector.inspection.redis_keys import CHECKPOINTS, EXPIRE
from storage.findings import About, Cost, Finding, Fix, Measure
from storage.inspections import Inspection

ID = "redis-no-ttl"
DAY_US = 86_400_000_000
_SERVER = ("memory.used", "memory.policy", "memory.evicted")

ABOUT = About(
    id=ID, title="Checkpoints in Redis never expire, or may be evicted",
    looks_at="The newest check of each Redis and Valkey: sampled keys by prefix, their TTL and "
    "memory, maxmemory, its policy and evicted keys.",
    thresholds=[
        threshold("keys", 10_000, "count", 1, 1e12,
                  "Keys of checkpoints without TTL. A thread of 100 steps has some 300: "
                  "10,000 are some 30 threads."),
        threshold("days", 30, "count", 1, 3650,
                  "The TTL, in days, that the fix sets; what was not used for so long is what it "
                  "would free."),
    ],
)  # fmt: skip

_SAVER = """\
from langgraph.checkpoint.redis import RedisSaver

with RedisSaver.from_conn_string(
    url, ttl={{"default_ttl": {minutes}, "refresh_on_read": True}}  # minutes
) as saver:
    saver.setup()"""
_VALKEY = """\
from langgraph_checkpoint_aws import ValkeySaver

with ValkeySaver.from_conn_string(url, ttl_seconds={seconds}) as saver:
    ..."""


def look_at(look: Look) -> Iterable[Finding]:
    """Prefixes without TTL, and what the server does when its memory is full."""
    for seen in checks.inspected(look, "redis", "valkey"):
        yield from _forever(look, seen)
        yield from _server(seen)


def _forever(look: Look, seen: Inspection) -> Iterator[Finding]:
    days = look.limits["days"]
    by_prefix: dict[str, tuple[float, float | None]] = {}
    for prefix in CHECKPOINTS:
        keys = checks.value(seen, "prefix.keys", prefix)
        percent = checks.value(seen, "prefix.forever", prefix)
        if keys and percent:
            bytes_ = checks.value(seen, "prefix.bytes", prefix)
            share = percent / 100
            by_prefix[prefix] = keys * share, None if bytes_ is None else bytes_ * share
    forever = sum(keys for keys, _ in by_prefix.values())
    if forever < look.limits["keys"]:
        return
    sizes = [size for _, size in by_prefix.values()]
    held = sum(size for size in sizes if size is not None) if None not in sizes else None
    old, threads = _unused(look, seen, days)
    first = next(
        one for one in seen.checks if one.id == "prefix.forever" and one.subject in by_prefix
    )
    estimate = any(
        one.estimate for one in seen.checks
        if one.id.startswith("prefix.") and one.subject in by_prefix
    )  # fmt: skip
    about = ", about" if estimate else ""
    cost = Cost(bytes=old, usd_a_month=look.usd_a_month(seen.backend, old))
    yield checks.finding(
        ID, seen, first,
        f"{seen.label}: {forever:,.0f} keys of checkpoints never expire",
        measured=[
            Measure(name=f"keys without TTL{about}", value=forever, unit="count",
                    limit=look.limits["keys"]),
            Measure(name=f"memory of these{', about' if held else ''}", value=held, unit="bytes"),
            *(Measure(name=f"of {name}{about}", value=keys, unit="count")
              for name, (keys, _) in by_prefix.items()),
            Measure(name=f"threads not used for {days:,.0f} days", value=threads, unit="count"),
            Measure(name="stored bytes of these", value=old, unit="bytes"),
        ],
        why="The saver was made without ttl, its default. Threads that nobody returns to stay in "
        "memory until they are deleted by hand.",
        fixes=[
            Fix(words=f"Let new keys expire {days:,.0f} days after their last use",
                code=_VALKEY.format(seconds=int(days * 86400)) if seen.backend == "valkey"
                else _SAVER.format(minutes=int(days * 1440)),
                language="python", loss="A thread that is not used for so long is gone."),
            Fix(words="Let the keys that are there expire, too",
                code="\n".join([*EXPIRE.format("").splitlines()[:2], *(
                    line for name in by_prefix for line in EXPIRE.format(name).splitlines()[2:]
                )]).replace("30 * 24", f"{days:.0f} * 24"),
                language="python", saving=cost if threads is not None else None,
                loss="A thread that is not used for so long is gone."),
        ],
        cost=cost,
    )  # fmt: skip


def _unused(look: Look, seen: Inspection, days: float) -> tuple[float | None, int | None]:
    """Stored bytes and count of threads that were not used for so long; None: the storage is not
    measured by a probe, or not for so long."""
    (row,) = look.rows(
        "SELECT count(t.id) AS known, count(*) FILTER (WHERE t.last_seen_us < :old) AS threads, "
        "coalesce(sum(t.stored_bytes) FILTER (WHERE t.last_seen_us < :old), 0) AS bytes "
        "FROM threads t JOIN savers s ON s.id = t.saver_id "
        "WHERE s.key = :key AND t.deleted_us = 0",
        key=seen.storage, old=int(look.at_us - days * DAY_US),
    )  # fmt: skip
    return (row.bytes, row.threads) if row.known else (None, None)


def _server(seen: Inspection) -> Iterator[Finding]:
    for check in seen.wrong:
        if check.id == "memory.evicted":
            title = f"{check.value:,} keys were evicted, and checkpoints are among the keys"
            words, loss = "With another policy and more memory, set the counter back", ""
        elif check.id == "memory.policy":
            title = f"maxmemory-policy {check.value} may evict checkpoints"
            words = "Refuse writes rather than lose checkpoints; caches belong on another server"
            loss = "Writes fail with OOM once the memory is full."
        elif check.id == "memory.used":
            title = f"{check.value:,} bytes are used, almost all that maxmemory allows"
            words, loss = "Raise maxmemory", "The machine has to have it."
        else:
            continue
        yield checks.finding(
            ID, seen, check, f"{seen.label}: {title}",
            severity="critical" if check.status == "critical" else "warning",
            measured=[checks.measure(one) for one in seen.checks
                      if one.id in _SERVER or one.id == "memory.maximum"],
            fixes=[checks.mending(check, words, loss)],
        )  # fmt: skip


RULE = Rule(about=ABOUT, whole=look_at)
