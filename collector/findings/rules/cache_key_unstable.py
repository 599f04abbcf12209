"""Rule: a node is cached, but never found again, as the same input makes another key each time.

A cache without hits may only have seen inputs that differ. What tells an unstable key is that its
results repeat: values of exactly the same bytes, each under a key of its own. Where there are
several sizes and each comes again, that is hardly chance; where all have one size, the node may
just return something of a fixed length.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row

from collector.findings import usage
from collector.findings.look import Look
from collector.findings.rule import Rule, threshold
from storage.findings import About, Cost, Evidence, Finding, Fix, Measure

ID = "cache-key-unstable"
KEYS_READ = 500
"""Of a node, the newest."""

ABOUT = About(
    id=ID, title="A cached node is never found again",
    looks_at="Hits of each cached node in the newest day, and bytes and hits of its newest keys.",
    thresholds=[
        threshold("asked", 20, "count", 5, 1e9, "Fewer look-ups are a warm-up."),
        threshold("hit_rate", 0.05, "share", 0, 1,
                  "Up to this share of hits a cache hardly spares anything."),
        threshold("repeated", 0.5, "share", 0, 1,
                  "Share of the values that have exactly the bytes of another one, from which on "
                  "the same results are taken to be stored again and again."),
    ],
)  # fmt: skip

_KEYS = """
SELECT first_seen_us, value_bytes FROM cache_keys WHERE resource_id = :id AND node = :node
AND sets > 0 AND hits = 0 AND value_bytes > 0 ORDER BY last_seen_us DESC LIMIT :most"""
_CODE = """\
from langgraph.types import CachePolicy

def key(state):  # only what the result depends on; of messages the text, not their ids
    return repr((state["question"].strip(), *sorted(state.get("tags", ()))))

builder.add_node("{node}", {name}, cache_policy=CachePolicy(key_func=key, ttl=3600))"""


def look_at(look: Look) -> Iterable[Finding]:
    """Nodes of caches that were asked often, and answered never."""
    for row in usage.calls(look, "cache"):
        if row.method != "get" or not row.part or row.asked < look.limits["asked"]:
            continue
        if row.hits > look.limits["hit_rate"] * row.asked:
            continue
        keys = look.rows(_KEYS, id=row.id, node=row.part, most=KEYS_READ)
        sizes = Counter(int(key.value_bytes) for key in keys)
        again = len(keys) - len(sizes)
        if len(keys) < look.limits["asked"] / 2 or again < look.limits["repeated"] * len(keys):
            continue
        yield _finding(look, row, sizes, min(key.first_seen_us for key in keys))


def _finding(look: Look, row: Row[Any], sizes: Counter[int], since_us: int) -> Finding:
    stored, node = sum(sizes.values()), row.part
    held = sum(size * (count - 1) for size, count in sizes.items())
    sure = len(sizes) > 1
    saving = Cost(bytes=held, usd_a_month=look.usd_a_month(row.backend, held))
    return Finding(
        rule=ID, severity="warning" if sure else "info",
        title=f"The cache of {node} was asked {row.asked:,} times and had it {row.hits:,} times",
        subject=usage.subject(row, node=node), since_us=since_us,
        measured=[
            Measure(name="hit rate", value=row.hits / row.asked, unit="share",
                    limit=look.limits["hit_rate"]),
            Measure(name="asked for", value=row.asked, unit="count"),
            Measure(name="keys written and never hit", value=stored, unit="count"),
            Measure(name="different sizes of their values", value=len(sizes), unit="count"),
            Measure(name="values with the bytes of another one",
                    value=(stored - len(sizes)) / stored, unit="share",
                    limit=look.limits["repeated"]),
        ],
        why=f"Each run of {node} is stored under a key of its own, though its results repeat to "
        "the byte. By default the key is a pickle of the whole input: ids of messages made anew, "
        "times, the order in a set, 1 beside 1.0, or earlier results in the same thread change it. "
        + ("" if sure else "All values have one size: a node that always returns as many bytes "
           "looks the same, so check that its inputs do repeat."),
        fixes=[
            Fix(words="Make the key of what the result depends on, and of nothing else.",
                code=_CODE.format(node=node, name=node if node.isidentifier() else "function"),
                language="python", saving=saving,
                loss="Inputs that the key takes for the same share a result."),
            Fix(words="If the inputs really differ, take the cache policy away: it costs a "
                "look-up, a write and the memory, and spares nothing.",
                code=f'builder.add_node("{node}", function)  # no cache_policy', language="python"),
        ],
        evidence=[Evidence(page="caches", words="Hits and keys of the node")],
        cost=saving,
    )  # fmt: skip


RULE = Rule(about=ABOUT, whole=look_at)
