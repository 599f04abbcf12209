"""What a backend holds beside the stored bytes of its threads, and what a call means to it.

Ratios here are *assumed*: used where nothing measured them, and labelled so. Each is the upper end
of what runs on real servers gave (PostgreSQL 15, MongoDB 7, Redis Stack 7, Valkey 8, SQLite), so
that an unmeasured cost is not too low; what a server saves by compression depends on the content
and is not counted on. ``tests/collector/test_layouts.py`` measures them again.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Overhead:
    """Bytes on disk or in memory for each stored byte."""

    ratio: float
    measured: bool
    how: str
    """What was measured, or where the assumption comes from."""


ASSUMED = {
    "sqlite": Overhead(1.2, False, "file / stored bytes; 1.04 to 1.16 on three graphs"),
    "postgres": Overhead(
        1.3, False, "relations with indexes / stored bytes; 0.46 to 1.26, as values compress"),
    "mongodb": Overhead(
        1.1, False, "documents before compression / stored bytes; 1.03 to 1.07; on disk 0.18 to "
        "0.25 of made-up prose"),
    "redis": Overhead(
        1.4, False, "used_memory / stored bytes; 0.46 to 1.34, as equal texts are kept once"),
    "valkey": Overhead(1.25, False, "used_memory / stored bytes; 1.14 to 1.18"),
    "memory": Overhead(
        1.5, False, "bytes that Python allocates / stored bytes; 1.12 to 1.46"),
}  # fmt: skip

COMMANDS = {
    "redis": {"put": 6.0, "put_writes": 12.0, "get_tuple": 5.0, "list": 5.0},
    "valkey": {"put": 8.0, "put_writes": 15.0, "get_tuple": 5.0, "list": 5.0},
}
"""Commands that the server counts for a call of the saver: 4.8 to 11.5, 8.9 to 16.7 and 4.2 to 4.7
(RedisSaver 0.5.2); 6.6 to 14.9, 12 to 38 and 4.2 to 4.7 (ValkeySaver of langgraph-checkpoint-aws
1.2.6); the higher ones where many tasks write under one checkpoint."""
OTHER_COMMANDS = 5.0

WRITE_PAGE = 4_096
"""Bytes of a write that Aurora counts as one request (its pricing page: 4 KB units of the log)."""
READ_PAGE = 8_192
"""Bytes of a read that is one request: a page of PostgreSQL."""
IOPS_INCLUDED = 3_000
"""I/O operations a second that gp3 storage of RDS has without a price (AWS, gp3 baseline)."""


def assumed(backend: str) -> Overhead | None:
    """The assumption about a backend; None where there is none."""
    return ASSUMED.get(backend)
