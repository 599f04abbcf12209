"""Rule: a cache that only grows: no maximum, no expiry, or entries that expired and stay.

LangGraph's InMemoryCache has no maximum, an entry without ``ttl`` never expires, and InMemoryCache
and SqliteCache drop an expired entry only when its own key is asked for again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row

from collector.findings.look import Look
from collector.findings.rule import CannotLook, Rule, threshold
from storage.findings import About, Cost, Evidence, Finding, Fix, Measure, Subject

ID = "cache-unbounded"
GONE_US = 300_000_000
"""What is in memory is told once a minute while its process lives."""

ABOUT = About(
    id=ID, title="A cache has no bound",
    looks_at="Keys of each cached node without expiry or past it, and the size of lru caches "
    "without a maximum.",
    thresholds=[
        threshold("entries", 500, "count", 1, 1_000,
                  "Entries of a node that nothing will remove; fewer are hardly felt. Of a node "
                  "the newest 1,000 keys are known."),
        threshold("held", 10_000_000, "bytes", 0, 1e12,
                  "Bytes that nothing will remove, where entries are few and large."),
    ],
)  # fmt: skip

_NODES = """
SELECT r.key, r.backend, r.class_name, r.label, k.node, min(k.first_seen_us) AS since_us,
sum(k.ttl_seconds IS NULL) AS endless,
sum(CASE WHEN k.ttl_seconds IS NULL THEN k.value_bytes ELSE 0 END) AS endless_bytes,
sum(k.last_seen_us + k.ttl_seconds * 1000000 < :now) AS expired,
sum(CASE WHEN k.last_seen_us + k.ttl_seconds * 1000000 < :now THEN k.value_bytes ELSE 0 END)
AS expired_bytes, sum(k.hits = 0) AS unhit, count(*) AS keys,
(SELECT n.dropped FROM cache_nodes n WHERE n.resource_id = r.id AND n.node = k.node) AS dropped,
(SELECT min(a.application) FROM access_rollups a WHERE a.resource_id = r.id AND a.part = k.node)
AS application
FROM cache_keys k JOIN resources r ON r.id = k.resource_id
WHERE r.kind = 'cache' AND r.backend IN ('memory', 'sqlite') AND k.sets > 0
AND coalesce(k.value_bytes, 1) > 0 AND (r.backend <> 'memory' OR r.last_seen_us >= :alive)
GROUP BY r.id, k.node"""
_LRU = """
SELECT r.key, r.label, r.first_seen_us, r.facts, g.readings, p.application, p.incarnation
FROM resources r JOIN gauge_samples g ON g.resource_id = r.id AND g.resolution_s = 3600
JOIN processes p ON p.id = g.process_id
WHERE r.kind = 'lru' AND g.at_us >= :alive ORDER BY g.at_us"""
_TTL = """\
from langgraph.types import CachePolicy

builder.add_node("{node}", function, cache_policy=CachePolicy(ttl=3600))  # seconds"""
_REDIS = """\
from langgraph.cache.redis import RedisCache

graph = builder.compile(checkpointer=saver, cache=RedisCache(client))  # expires entries itself"""
_CLEAR = """\
def sweep(cache):  # from time to time
    cache.clear()  # all nodes; what is needed again is worked out once more"""
_LRU_CODE = """\
from functools import lru_cache

@lru_cache(maxsize=1024)
def {name}(...): ..."""


def look_at(look: Look) -> Iterable[Finding]:
    """Nodes of caches in memory and files, and lru caches."""
    if not look.rows("SELECT 1 FROM resources WHERE kind IN ('cache', 'lru') LIMIT 1"):
        raise CannotLook(
            "No cache was seen yet. statemeter.instrument(graph) tells the cache of a graph, "
            "statemeter.watch_cache(name, function) an lru_cache."
        )
    alive = look.at_us - GONE_US
    for row in look.rows(_NODES, now=look.at_us, alive=alive):
        entries = row.endless + (row.expired or 0)
        held = (row.endless_bytes or 0) + (row.expired_bytes or 0)
        if entries >= look.limits["entries"] or held >= look.limits["held"] > 0:
            yield _of_node(look, row, entries, held)
    newest = {(row.key, row.incarnation): row for row in look.rows(_LRU, alive=alive)}
    for row in newest.values():
        readings = json.loads(row.readings)
        size = readings.get("size")
        if size is None or "maximum" in readings or "maximum" in json.loads(row.facts):
            continue
        if size >= look.limits["entries"]:
            yield _of_lru(look, row, size)


def _of_node(look: Look, row: Row[Any], entries: int, held: int) -> Finding:
    cost = Cost(bytes=held, usd_a_month=look.usd_a_month(row.backend, held))
    fixes = [
        Fix(words="Move the cache to Redis, which removes expired entries by itself and can be "
            "given a maximum (maxmemory).", code=_REDIS, language="python", loss="A server, and a "
            "round trip for each look-up."),
        Fix(words="Clear it from time to time.", code=_CLEAR, language="python",
            saving=cost, loss="The next run of each input is worked out again."),
    ]  # fmt: skip
    if row.endless:
        fixes.insert(0, Fix(
            words="Give the entries a time to live: expired ones leave when they are asked for.",
            code=_TTL.format(node=row.node), language="python",
            loss="Results older than that are worked out again."))  # fmt: skip
    more = " or more" if row.dropped else ""
    what = "never expire" if row.endless >= entries / 2 else "have expired and are still held"
    return Finding(
        rule=ID, severity="warning",
        title=f"{entries:,}{more} entries of {row.node} in the cache {what}",
        subject=Subject(application=row.application or "", backend=row.backend, resource=row.key,
                        node=row.node),
        since_us=row.since_us,
        measured=[
            Measure(name="entries that nothing removes", value=entries, unit="count",
                    limit=look.limits["entries"]),
            Measure(name="their bytes", value=held, unit="bytes", limit=look.limits["held"]),
            Measure(name="without expiry", value=row.endless, unit="count"),
            Measure(name="expired and not read since", value=row.expired or 0, unit="count"),
            Measure(name="keys never hit", value=row.unhit / row.keys, unit="share"),
        ],
        why=f"{row.class_name} has no maximum, and it drops an expired entry only when that very "
        "key is asked for again. So it grows with every new input"
        + (" for as long as the process lives." if row.backend == "memory" else "."),
        fixes=fixes, evidence=[Evidence(page="caches", words="Keys and bytes of the node")],
        cost=cost,
    )  # fmt: skip


def _of_lru(look: Look, row: Row[Any], size: float) -> Finding:
    name = row.label if row.label.isidentifier() else "function"
    return Finding(
        rule=ID, severity="warning",
        title=f"The lru cache {row.label} has {size:,.0f} entries and no maximum",
        subject=Subject(application=row.application, backend="python", resource=row.key,
                        process=row.incarnation),
        since_us=row.first_seen_us,
        measured=[Measure(name="entries that nothing removes", value=size, unit="count",
                          limit=look.limits["entries"]),
                  Measure(name="their bytes", value=None, unit="bytes")],
        why="functools.cache, and lru_cache with maxsize=None, keep the result of every argument "
        "for as long as the process lives.",
        fixes=[Fix(words="Give it a maximum.", language="python",
                   code=_LRU_CODE.format(name=name),
                   loss="What was not used for longest is worked out again.")],
        evidence=[Evidence(page="caches", words="Size and hits of the lru cache")],
    )  # fmt: skip


RULE = Rule(about=ABOUT, whole=look_at)
