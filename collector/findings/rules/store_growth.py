"""Rule: a store is only ever put to, or its expired items are not swept.

The probe counts puts and deletes, not keys: an item that is put again under its key is a put, too.
So a balance of puts is told only where the items held are known, in memory. Of a database the check
(``python -m collector check``) tells items that are past their expiry.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row

from collector.findings import usage
from collector.findings.look import Look
from collector.findings.rule import CannotLook, Rule, threshold
from storage.findings import About, Cost, Evidence, Finding, Fix, Measure, Subject
from storage.inspections import Check, Inspection

ID = "store-growth"

ABOUT = About(
    id=ID, title="A store only grows",
    looks_at="Items put and deleted in the newest day and those that stores in memory hold, and "
    "expired items in the newest check of each database.",
    thresholds=[
        threshold("items", 1_000, "count", 1, 1e9,
                  "Items put and still held; fewer are hardly felt."),
        threshold("deleted", 0.05, "share", 0, 1,
                  "Share of deletes among puts up to which a store is taken to only grow."),
    ],
)  # fmt: skip

_ALIVE_US = 300_000_000
_HELD = """
SELECT p.id, g.readings FROM gauge_samples g JOIN resources r ON r.id = g.resource_id
JOIN processes p ON p.id = g.process_id WHERE r.kind = 'process' AND g.resolution_s = 3600
AND p.application = :application AND g.at_us >= :alive ORDER BY g.at_us"""
_DELETE = """\
for item in store.search({namespace}, limit=100):
    if done_with(item):
        store.delete(item.namespace, item.key)"""
_TTL = """\
from langgraph.store.sqlite import SqliteStore  # or PostgresStore: InMemoryStore has no expiry

with SqliteStore.from_conn_string("store.sqlite", ttl={"default_ttl": 60 * 24}) as store:  # minutes
    store.setup()
    store.start_ttl_sweeper()  # expired items stay without it"""


def look_at(look: Look) -> Iterable[Finding]:
    """Stores in memory, and databases that were checked."""
    expired = [(one, check) for one in look.inspections for check in one.checks
               if check.id == "store.expired" and check.status == "warning"]  # fmt: skip
    for inspection, check in expired:
        yield _unswept(inspection, check)
    try:
        rows = usage.calls(look, "store")
    except CannotLook:
        if look.inspections:
            return
        raise
    parts: dict[tuple[int, str], dict[str, Row[Any]]] = defaultdict(dict)
    for row in rows:
        if row.backend == "memory" and row.method in {"put", "delete", "search"}:
            parts[row.id, row.part][row.method] = row
    for methods in parts.values():
        put = methods.get("put")
        if put is None or put.items < look.limits["items"]:
            continue
        deleted = methods["delete"].items if "delete" in methods else 0
        held = _held(look, put.application)
        if deleted > look.limits["deleted"] * put.items or held is None:
            continue
        if held[0] >= max(look.limits["items"], put.items / 2):
            yield _growing(look, methods, deleted, held)


def _held(look: Look, application: str) -> tuple[float, float | None] | None:
    """Items and bytes of all stores in memory of an application's processes; None: not told."""
    rows = look.rows(_HELD, application=application, alive=look.at_us - _ALIVE_US)
    newest = {row.id: json.loads(row.readings) for row in rows}
    told = [one for one in newest.values() if "store_items" in one]
    if not told:
        return None
    known = all("store_bytes" in one for one in told)
    size = sum(one["store_bytes"] for one in told) if known else None
    return sum(one["store_items"] for one in told), size


def _growing(
    look: Look, methods: dict[str, Row[Any]], deleted: int, held: tuple[float, float | None]
) -> Finding:
    put, search = methods["put"], methods.get("search")
    namespace = tuple(put.part.split("/"))
    searched = None if search is None else search.duration_us / search.count
    return Finding(
        rule=ID, severity="warning",
        title=f"{put.items:,} items were put in {put.part} in a day, {deleted:,} deleted",
        subject=usage.subject(put, put.part), since_us=put.since_us,
        measured=[
            Measure(name="items put", value=put.items, unit="count", limit=look.limits["items"]),
            Measure(name="items deleted", value=deleted, unit="count"),
            Measure(name="items in all stores in memory", value=held[0], unit="count"),
            Measure(name="their bytes", value=held[1], unit="bytes"),
            Measure(name="a search, mean", value=searched, unit="us"),
        ],
        why="An InMemoryStore keeps every item until it is deleted, has no expiry, and a search "
        "reads all items below its namespace: memory and the time of searches grow with each put.",
        fixes=[
            Fix(words="Delete what is no longer needed.", language="python",
                code=_DELETE.format(namespace=namespace)),
            Fix(words="Use a store whose items expire, and start its sweeper.", code=_TTL,
                language="python", loss="Items that were not used for that long."),
        ],
        evidence=[Evidence(page="caches", words="Calls of the store by namespace")],
        cost=Cost(bytes=held[1]),
    )  # fmt: skip


def _unswept(inspection: Inspection, check: Check) -> Finding:
    count = check.value if isinstance(check.value, int | float) else None
    return Finding(
        rule=ID, severity="warning",
        title=f"{check.value} items of the store in {inspection.label} have expired and stay",
        subject=Subject(backend=inspection.backend, saver=inspection.storage, detail="expired"),
        since_us=inspection.at_us,
        measured=[Measure(name="items expired for more than an hour", value=count, unit="count")],
        why="Expired items are not read, but only a sweeper deletes them; it has to be started.",
        fixes=[
            Fix(words="Start the sweeper where the store is opened.", language="python",
                code="store.start_ttl_sweeper()"),
            Fix(words="Delete them once, by hand.", code=check.mend, language=check.language),
        ],
        evidence=[Evidence(page="backends", words="The check of the database")],
    )  # fmt: skip


RULE = Rule(about=ABOUT, whole=look_at)
