"""A mergeable histogram of durations: log-linear buckets, 8 to each power of two.

A value of ``v`` µs falls into bucket ``v`` below 16, and above it into the bucket of its leading
four bits, so that a quantile is off by at most 1/16 of itself (half a bucket, HdrHistogram's
scheme with 4 significant bits). Packed: pairs (bucket, count) as little-endian u16 and u32.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

Counts = dict[int, int]


def bucket_of(value_us: int) -> int:
    """The bucket of a duration in µs; negative values count as 0."""
    if value_us < 16:
        return value_us if value_us > 0 else 0
    shift = value_us.bit_length() - 4
    return (shift << 3) + (value_us >> shift)


def middle_of(bucket: int) -> float:
    """The value in µs that stands for a bucket: the middle of its range."""
    if bucket < 16:
        return float(bucket)
    shift = (bucket >> 3) - 1
    return ((bucket & 7) + 8.5) * (1 << shift)


def pack(counts: Mapping[int, int]) -> bytes:
    """Counts by bucket → bytes, ordered by bucket."""
    pairs = sorted(counts.items())
    return b"".join(struct.pack("<HI", b, min(n, 0xFFFFFFFF)) for b, n in pairs)


def unpack(packed: bytes) -> Counts:
    """Bytes → counts by bucket."""
    return dict(struct.iter_unpack("<HI", packed))


def merge(parts: Iterable[bytes]) -> Counts:
    """The sum of packed histograms."""
    total: Counts = {}
    for packed in parts:
        for bucket, count in struct.iter_unpack("<HI", packed):
            total[bucket] = total.get(bucket, 0) + count
    return total


def quantile(counts: Mapping[int, int], q: float) -> float | None:
    """The q-quantile (0 to 1) in µs by nearest rank, None of an empty histogram."""
    total = sum(counts.values())
    if not total:
        return None
    rank = max(1, -(-total * q // 1))
    seen = 0
    for bucket, count in sorted(counts.items()):
        seen += count
        if seen >= rank:
            return middle_of(bucket)
    return middle_of(max(counts))
