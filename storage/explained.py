"""Resident memory, explained: what is known of it, by stated arithmetic, area upon area.

From the readings of a process (``statemeter.vitals``), each area cut to what is left of the memory,
so that they never exceed it and none is negative:

* ``files``: pages of mapped files and shared memory (``RssFile`` + ``RssShmem``), code mostly.
* ``savers``, ``stores``, ``caches``: what LangGraph's in-memory parts hold, with the Python objects
  around it (``statemeter.holdings``).
* ``queue``: events of the probe that wait, with their serialized state.
* ``native``: allocated from the C library, less the serialized bytes above, which lie there as
  well: native libraries and Python objects of more than 512 bytes.
* ``python``: smaller Python objects: their number (``sys.getallocatedblocks()``) × ``BLOCK_BYTES``,
  less the objects around what is held.
* ``free``: free in the heaps of the C library, which keeps what was freed between what is used
  (glibc 2.33 and later tell it). What of it was never touched is not resident: it may be less.
* ``other``: the rest: free memory that other allocators keep, such as Python's own, stacks of
  threads, what the estimate above missed.

Where a reading is missing, its area is missing, and the rest holds it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

AREAS = ("files", "savers", "stores", "caches", "queue", "native", "python", "free", "other")

STATE = ("savers", "stores", "caches")
"""Areas that are state of LangGraph."""

BLOCK_BYTES = 85
"""Mean size of a small object. CPython's own statistics gave 69 for many small numbers and texts
and 98 for a program that has just imported LangGraph: the estimate is off by up to a quarter."""


def explain(levels: pd.DataFrame) -> pd.DataFrame:
    """The areas of each row, bytes, missing where unknown.

    Args:
        levels: a column for each reading, missing values where it was not told; ``rss_bytes`` may
            be the only one.
    """
    told = _Told(levels)
    left = told.of("rss_bytes")
    known = ~np.isnan(left)
    areas: dict[str, np.ndarray] = {}
    payload = told.sum("saver_bytes", "cache_bytes", "queue_bytes")
    around = told.sum("saver_overhead_bytes", "cache_overhead_bytes", "store_bytes")
    wanted = {
        "files": told.both("file_bytes", "shmem_bytes"),
        "savers": told.both("saver_bytes", "saver_overhead_bytes"),
        "stores": told.of("store_bytes"),
        "caches": told.both("cache_bytes", "cache_overhead_bytes"),
        "queue": told.of("queue_bytes"),
        "native": told.of("malloc_bytes") - payload,
        "python": told.of("blocks") * BLOCK_BYTES - around,
        "free": told.of("malloc_free_bytes"),
    }
    for name, size in wanted.items():
        area = np.where(np.isnan(size), np.nan, np.clip(size, 0, np.nan_to_num(left)))
        areas[name] = np.where(known, area, np.nan)
        left = left - np.nan_to_num(areas[name])
    areas["other"] = left
    return pd.DataFrame(areas, index=levels.index)[list(AREAS)]


def state(levels: pd.DataFrame) -> np.ndarray:
    """Bytes of LangGraph's state in memory in each row; 0 where there is no such part."""
    areas = explain(levels)
    total: np.ndarray = np.nansum([areas[name].to_numpy(np.float64) for name in STATE], axis=0)
    return total


class _Told:
    def __init__(self, levels: pd.DataFrame) -> None:
        self._levels = levels

    def of(self, name: str) -> np.ndarray:
        if name not in self._levels:
            return np.full(len(self._levels), np.nan)
        found: np.ndarray = np.asarray(self._levels[name], dtype=np.float64)
        return found

    def sum(self, *names: str) -> np.ndarray:
        """A sum in which what is missing counts nothing."""
        total: np.ndarray = np.nansum([self.of(name) for name in names], axis=0)
        return total

    def both(self, first: str, second: str) -> np.ndarray:
        """A sum that is missing where its first part is."""
        total: np.ndarray = self.of(first) + np.nan_to_num(self.of(second))
        return total
