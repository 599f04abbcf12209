"""Keys of savers in Redis and Valkey, in the order in which their checkpoints were made.

A database has no such order of its own. ``SCAN`` gives all keys in none; those with the smallest
ids behind a place are kept, ``SLICE`` of them, so that memory is bounded whatever the database
holds: a larger one is scanned again for the next slice.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator

SLICE = 200_000
"""Keys in memory at once: some 40 MB."""
SCAN_COUNT = 500
"""Keys that the server looks at for one answer: less than a millisecond."""

CHECKPOINT = b"checkpoint:"
WRITE = b"checkpoint_write:"
REGISTRY = b"write_keys_zset:"
"""Of RedisSaver: write keys by checkpoint."""
SHALLOW_REGISTRY = b"write_registry:"
"""Of ShallowRedisSaver: write keys by namespace."""
VALKEY = b"checkpoint:{"
VALKEY_WRITES = b"writes:{"

EMPTY = "__empty__"
EMPTY_ID = "00000000-0000-0000-0000-000000000000"
"""What RedisSaver writes for empty texts and ids."""

Placed = tuple[str, bytes]
"""(place, key): places of keys sort by their checkpoints, and no two keys have the same."""


def id_of(key: bytes) -> str:
    """The checkpoint id at the end of a key of a checkpoint."""
    return key.rpartition(b":")[2].decode("utf-8", "replace")


def place_of(key: bytes) -> str:
    """Place of a key in the order of checkpoint ids."""
    return f"{id_of(key)} {key.decode('utf-8', 'replace')}"


def slices(
    scan: Callable[[], Iterator[list[bytes]]],
    place: str,
    wanted: Callable[[bytes], bool],
    most: int = SLICE,
) -> Iterator[list[Placed]]:
    """Keys by their places, in slices.

    Args:
        scan: goes through all keys of the database, each time it is called; lists may be empty.
        place: those behind it.
        wanted: whether a key is wanted.
        most: keys of a slice.
    """
    while True:
        kept: dict[bytes, str] = {}
        bound = ""
        for keys in scan():
            for key in keys:
                at = place_of(key)
                if at > place and (not bound or at <= bound) and wanted(key):
                    kept[key] = at
            if len(kept) > 2 * most:
                kept, bound = _smallest(kept.items(), most)
        full = bool(bound) or len(kept) > most
        if full:
            kept, bound = _smallest(kept.items(), most)
        if kept:
            yield sorted((at, key) for key, at in kept.items())
        if not full:
            return
        place = bound


def _smallest(items: Iterable[tuple[bytes, str]], most: int) -> tuple[dict[bytes, str], str]:
    """Those with the smallest places, and the largest of these places."""
    known = heapq.nsmallest(most, items, key=lambda item: item[1])
    return dict(known), known[-1][1]
