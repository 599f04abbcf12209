"""What LangGraph's own memory holds in this process, in bytes: in-memory savers, stores, caches.

Looked at on the probe's thread, over copies, never by ``[]``, which makes entries in a
``defaultdict``. *Payload* is exact up to ``EXACT`` rows: the serialized bytes that savers and
caches keep. *Overhead* is what Python needs around it (keys, tuples, dictionaries, headers), from a
sample of rows; an ``InMemoryStore`` keeps plain objects, all of which are from a sample.
"""

from __future__ import annotations

import heapq
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

from statemeter import deep_size, faults
from statemeter.held_values import Storages
from statemeter.introduction import SaverInfo

EXACT = 50_000
"""Rows of one dictionary whose bytes are all added up; of more, as many, evenly spread."""

SAVERS_TOLD = 6
"""Savers told apart, those that hold most."""

Values = dict[str, int]

_parts: dict[int, tuple[str, weakref.ref[Any]]] = {}


@faults.guarded
def watch(kind: str, part: Any) -> None:
    """Look at a ``store`` or ``cache`` from now on, until it is gone; others than those in memory
    hold nothing here."""
    key = id(part)
    _parts[key] = (kind, weakref.ref(part, lambda _: _parts.pop(key, None)))


def read(savers: Iterable[SaverInfo]) -> Values:
    """``saver_bytes``, ``saver_overhead_bytes``, ``saver_threads`` (entries by thread),
    ``saver_empty_threads`` (entries without a checkpoint, made by reads of threads that are
    unknown), ``store_bytes``, ``store_items``, ``cache_bytes``, ``cache_items``; only of what is
    there. ``saver_bytes:<key>`` is the same of one saver."""
    told: Values = {}
    by_saver: Values = {}
    for info in savers:
        if info.storages is not None:
            held = of_saver(info.storages)
            _add(told, held, "saver_")
            by_saver[f"saver_bytes:{info.key}"] = held["bytes"]
    told |= dict(heapq.nlargest(SAVERS_TOLD, by_saver.items(), key=lambda pair: pair[1]))
    for kind, reference in list(_parts.values()):
        part = reference()
        data = getattr(part, "_data" if kind == "store" else "_cache", None)
        if type(part).__module__.startswith("langgraph.") and isinstance(data, dict):
            _add(told, of_store(part) if kind == "store" else of_cache(data), f"{kind}_")
    return told


def of_saver(storages: Storages) -> Values:
    """An InMemorySaver: ``bytes`` (documents, metadata, channel blobs, pending writes),
    ``overhead_bytes``, ``threads``, ``empty_threads``, ``checkpoints``."""
    storage, writes, blobs = storages
    threads = _rows(storage)
    namespaces = [(name, *one) for name, held in threads for one in _rows(held)]
    checkpoints = [row for *_, held in namespaces for row in _rows(held)]
    tasks = _rows(writes)
    pending = [row for _, held in tasks for row in _rows(held)]
    channels = _rows(blobs)
    full = {name for name, _, held in namespaces if held}
    payload = (
        _sum(checkpoints, lambda row: len(row[1][0][1]) + len(row[1][1][1]))
        + _sum(pending, lambda row: len(row[1][2][1]))
        + _sum(channels, lambda row: len(row[1][1]))
    )
    around = (
        deep_size.bare(storage) + deep_size.bare(writes) + deep_size.bare(blobs)
        + _shells(threads) + _shells([one[1:] for one in namespaces]) + _shells(tasks)
        + _around(checkpoints, lambda row: len(row[1][0][1]) + len(row[1][1][1]))
        + _around(pending, lambda row: len(row[1][2][1]))
        + _around(channels, lambda row: len(row[1][1]))
    )  # fmt: skip
    return {
        "bytes": payload, "overhead_bytes": around, "threads": len(threads),
        "empty_threads": len(threads) - len(full), "checkpoints": len(checkpoints),
    }  # fmt: skip


def of_store(store: Any) -> Values:
    """An InMemoryStore: ``bytes`` of its items and vectors as Python objects, ``items``."""
    spaces = _rows(store._data)
    items = [row for _, held in spaces for row in _rows(held)]
    vectors = [
        row for _, held in _rows(getattr(store, "_vectors", None) or {})
        for row in _rows(held)
    ]  # fmt: skip
    total = _shells(spaces) + deep_size.of_rows(items) + deep_size.of_rows(vectors)
    return {"bytes": total, "items": len(items)}


def of_cache(data: Any) -> Values:
    """An InMemoryCache: ``bytes`` of its values, ``overhead_bytes``, ``items``; expired ones that
    nobody asked for since are among them."""
    spaces = _rows(data)
    rows = [row for _, held in spaces for row in _rows(held)]
    payload = _sum(rows, lambda row: len(row[1][1]))
    around = _shells(spaces) + _around(rows, lambda row: len(row[1][1]))
    return {"bytes": payload, "overhead_bytes": around, "items": len(rows)}


def _add(told: Values, more: Values, prefix: str) -> None:
    for name, value in more.items():
        told[prefix + name] = told.get(prefix + name, 0) + value


def _rows(held: Any) -> list[tuple[Any, Any]]:
    """What a dictionary holds, at one moment.

    The pairs are of a copy: making them may start a garbage collection, whose callbacks let other
    threads change the dictionary meanwhile.
    """
    return list(dict.copy(held).items())


def _sum(rows: Sequence[Any], size: Any) -> int:
    seen = deep_size.spread(rows, EXACT)
    return round(sum(map(size, seen)) * len(rows) / len(seen)) if seen else 0


def _around(rows: Sequence[Any], size: Any) -> int:
    """Bytes of rows beside their payload; the tuple of key and value is ours."""
    seen = deep_size.spread(rows)
    if not seen:
        return 0
    parts = [part for row in seen for part in row]
    beside: int = deep_size.of_all(parts) - sum(map(size, seen))
    return round(max(0, beside) * len(rows) / len(seen))


def _shells(rows: Sequence[tuple[Any, Any]]) -> int:
    """Bytes of dictionaries that hold others, with their keys: rows of (key, dictionary)."""
    seen = deep_size.spread(rows)
    if not seen:
        return 0
    total = deep_size.of_all([key for key, _ in seen])
    total += sum(deep_size.bare(held) for _, held in seen)
    return round(total * len(rows) / len(seen))
