"""Rule: texts are embedded that were embedded before, as a store embeds with each put.

A store with an index embeds the indexed fields of an item whenever it is put, changed or not. The
probe counts texts that its process has embedded before, by their hash.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row

from collector.findings import usage
from collector.findings.look import Look
from collector.findings.rule import Rule, threshold
from storage.findings import About, Cost, Evidence, Finding, Fix, Measure

ID = "store-embedding"

ABOUT = About(
    id=ID, title="The same texts are embedded again",
    looks_at="Texts that were embedded in the newest day, and those of them that the process had "
    "embedded before.",
    thresholds=[
        threshold("duplicates", 0.3, "share", 0.01, 1,
                  "Share of texts embedded before. Some repeat in any application."),
        threshold("texts", 50, "count", 5, 1e9, "Fewer texts say nothing."),
    ],
)  # fmt: skip

_PUT = """\
def put(store, namespace, key, value):  # embeds what has changed, and nothing else
    item = store.get(namespace, key)
    if item is None or item.value != value:
        store.put(namespace, key, value)"""
_INDEX = """\
store.put(namespace, key, value, index=False)     # an item that is never searched by meaning
store.put(namespace, key, value, index=["text"])  # or only the field that is"""


def look_at(look: Look) -> Iterable[Finding]:
    """Embeddings with many duplicates."""
    by_resource: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in usage.calls(look, "embeddings"):
        by_resource[row.id].append(row)
    for rows in by_resource.values():
        texts, again = sum(row.items for row in rows), sum(row.hits for row in rows)
        if texts < look.limits["texts"] or again < look.limits["duplicates"] * texts:
            continue
        yield _finding(look, rows, texts, again)


def _finding(look: Look, rows: list[Row[Any]], texts: int, again: int) -> Finding:
    a_text_ms = sum(row.duration_us for row in rows) / texts / 1000
    name = rows[0].label or rows[0].class_name
    cost = Cost(ms=a_text_ms, what="a text")
    return Finding(
        rule=ID, severity="warning",
        title=f"{again:,} of {texts:,} texts were embedded before",
        subject=usage.subject(rows[0]), since_us=min(row.since_us for row in rows),
        measured=[
            Measure(name="embedded before", value=again / texts, unit="share",
                    limit=look.limits["duplicates"]),
            Measure(name="texts embedded again in a day", value=again, unit="count"),
            Measure(name="time for a text", value=a_text_ms * 1000, unit="us"),
            Measure(name="time for those again", value=a_text_ms * 1000 * again, unit="us"),
        ],
        why=f"{name} is called for every text again: a store embeds an item with each put, whether "
        "its text has changed or not, and a provider bills every text.",
        fixes=[
            Fix(words="Put an item only when it has changed.", code=_PUT, language="python",
                saving=cost, loss="A read before each write; its time to live is not renewed."),
            Fix(words="Leave out of the index what nobody searches by meaning.", code=_INDEX,
                language="python", loss="These items are not found by a query."),
        ],
        evidence=[Evidence(page="caches", words="Texts, duplicates and time of the embeddings")],
        cost=cost,
    )  # fmt: skip


RULE = Rule(about=ABOUT, whole=look_at)
