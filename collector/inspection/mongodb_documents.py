"""Documents of MongoDB: the largest one, and those that never expire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymongo.errors import ExecutionTimeout

from collector.inspection.findings import Findings
from collector.inspection.limits import Limits
from collector.inspection.mongodb_collections import indexes, statement

if TYPE_CHECKING:
    from collector.inspection.mongodb import Reader

SAMPLE = 500
"""Newest documents, and as many random ones, where all would take too long."""
MAX_BYTES = 16 * 1024 * 1024
"""Of one document, by the server."""

_SIZE: dict[str, Any] = {"$project": {"_id": 0, "thread_id": 1, "size": {"$bsonSize": "$$ROOT"}}}
_LARGEST: list[dict[str, Any]] = [_SIZE, {"$sort": {"size": -1}}, {"$limit": 1}]
_NO_DATE: dict[str, Any] = {"created_at": {"$not": {"$type": "date"}}}
"""What the server's TTL monitor passes over."""


def check_largest(reader: Reader, name: str, findings: Findings, limits: Limits) -> None:
    """Tell of the largest document; the server refuses one of more than 16 MB."""
    estimate = False
    try:
        rows = reader.rows(name, _LARGEST)
    except ExecutionTimeout:
        estimate = True
        newest: list[dict[str, Any]] = [{"$sort": {"_id": -1}}, {"$limit": SAMPLE}, *_LARGEST]
        rows = reader.rows(name, newest) + reader.rows(name, [{"$sample": {"size": SAMPLE}},
                                                              *_LARGEST])  # fmt: skip
    if not rows:
        findings.add("document.largest", "Largest document", 0, "bytes", subject=name)
        return
    largest = max(rows, key=lambda row: int(row["size"]))
    size, thread = int(largest["size"]), str(largest.get("thread_id", "?"))
    critical, warn = size >= limits.document_critical_bytes, size >= limits.document_warn_bytes
    findings.add(
        "document.largest", "Largest document", size, "bytes", subject=name, estimate=estimate,
        status="critical" if critical else "warning" if warn else "ok",
        why=f"It is of thread {thread!r}. A checkpoint is one document, and the server takes "
        f"{MAX_BYTES / 1e6:.1f} MB at most: beyond it every step of the thread fails. Shorten its "
        "lists (trim_messages, RemoveMessage), keep documents and files out of the state (a key "
        "of a store instead); the line below deletes the thread." if warn else "",
        mend=f"saver.delete_thread({thread!r})" if warn else "",
        language="python" if warn else "",
    )  # fmt: skip


def check_expiry(reader: Reader, name: str, findings: Findings, limits: Limits) -> None:
    """Tell of the TTL index, and of documents that it does not reach."""
    seconds = next(
        (
            int(index["expireAfterSeconds"])
            for index in indexes(reader, name)
            if "expireAfterSeconds" in index and list(index["key"]) == ["created_at"]
        ),
        None,
    )
    count = _count(reader, name, _NO_DATE)
    if seconds is None:
        many = count >= limits.keys_without_ttl
        findings.add(
            "ttl", "Expiry", "none", subject=name,
            status="warning" if many else "ok",
            why=f"{count:,} documents never expire, as none has a created_at: threads nobody "
            "returns to stay. MongoDBSaver(client, ttl=2592000) (seconds) makes the index and "
            "dates new documents; the line below dates those there are." if many else "",
            mend=_date(name) if many else "", language="mongodb" if many else "",
        )  # fmt: skip
        return
    findings.add("ttl", "Expiry", seconds, "seconds", subject=name)
    findings.add(
        "ttl.never", "Documents that never expire", count, "documents", subject=name,
        status="warning" if count else "ok",
        why="They were written before the saver had a ttl, and have no created_at for the index "
        "to go by." if count else "",
        mend=_date(name) if count else "", language="mongodb" if count else "",
    )  # fmt: skip


def _count(reader: Reader, name: str, query: dict[str, Any]) -> int:
    rows = reader.rows(name, [{"$match": query}, {"$count": "n"}])
    return int(rows[0]["n"]) if rows else 0


def _date(name: str) -> str:
    # $$NOW is the server's clock, which its TTL monitor goes by.
    change = {"q": _NO_DATE, "u": [{"$set": {"created_at": "$$NOW"}}], "multi": True}
    return statement({"update": name, "updates": [change]})
