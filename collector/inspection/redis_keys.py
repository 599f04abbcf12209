"""Keys of a Redis by prefix, from a sampled SCAN: how many never expire, and how large they are.

SCAN goes by the hash of the keys, so that the first keys it gives are a random sample of all. The
95 % confidence interval of a share p among n of N keys has the half width
1.96 · √(p(1-p)/n · (N-n)/(N-1)) (without replacement; W. G. Cochran, Sampling Techniques, 3rd ed.,
3.2).
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collector.inspection.findings import Findings
from collector.inspection.limits import Limits

if TYPE_CHECKING:
    from collector.inspection.redis import Server

SCAN_KEYS = 20_000
SCAN_COUNT = 1_000
SCAN_SECONDS = 3.0
TTL_KEYS = 1_000
"""Keys of a prefix whose TTL is asked; a tenth of them is measured."""
SIZE_KEYS = 200
_BATCH = 200

PREFIXES = (
    "checkpoint_latest:", "checkpoint_write:", "checkpoint:", "write_keys_zset:", "writes:",
    "thread:", "store_vectors:", "store:", "langgraph:cache:",
)  # fmt: skip
"""Of RedisSaver, ValkeySaver, RedisStore, and RedisCache with their default prefixes."""

CHECKPOINTS = ("checkpoint:", "checkpoint_write:", "checkpoint_latest:", "writes:", "thread:")
"""What a thread is resumed from."""
REDIS_SAVER = ("checkpoint_latest:", "checkpoint_write:", "write_keys_zset:")
"""What RedisSaver alone writes."""


EXPIRE = """\
import redis
client = redis.Redis.from_url(url)
for key in client.scan_iter("{}*", count=1000):
    client.expire(key, 30 * 24 * 3600, nx=True)"""


@dataclass
class Prefix:
    """Keys of one prefix in the sample."""

    keys: list[bytes] = field(default_factory=list)
    sized: int = 0
    bytes: int = 0
    asked: int = 0
    """Keys whose TTL was asked and that were still there."""
    forever: int = 0


@dataclass
class Sample:
    """What SCAN gave."""

    total: int
    """Keys of the database, count."""
    expiring: int
    """Of these, keys with a TTL; exact, by the server."""
    looked: int = 0
    complete: bool = False
    prefixes: dict[str, Prefix] = field(default_factory=dict)
    """By prefix; empty: any other."""

    def count(self, name: str) -> int:
        """Keys of a prefix in the whole database, estimated where the sample is a part of it."""
        seen = len(self.prefixes[name].keys)
        return seen if self.complete else round(self.total * seen / max(1, self.looked))

    def has(self, names: tuple[str, ...]) -> bool:
        """Whether keys of any of these prefixes were seen."""
        return any(self.prefixes[name].keys for name in names)


def take(server: Server, limits: Limits) -> Sample:
    """Scan, bounded in keys and time."""
    database = server.client.connection_pool.connection_kwargs.get("db") or 0
    known = server.info.get(f"db{database}", {})
    sample = Sample(int(known.get("keys", 0)), int(known.get("expires", 0)))
    sample.prefixes = {name: Prefix() for name in ("", *PREFIXES)}
    end = time.monotonic() + limits.seconds_left(SCAN_SECONDS)
    cursor = 0
    seen: set[bytes] = set()
    while True:
        answer = server.ask("SCAN", cursor, "COUNT", SCAN_COUNT)
        cursor = int(answer[0])
        seen.update(answer[1])  # SCAN may give a key twice
        sample.complete = cursor == 0
        if sample.complete or len(seen) >= SCAN_KEYS or time.monotonic() >= end:
            break
    for key in seen:
        sample.prefixes[_prefix_of(key)].keys.append(key)
    sample.looked = len(seen)
    sample.total = sample.looked if sample.complete else max(sample.total, sample.looked)
    return sample


def _prefix_of(key: bytes) -> str:
    return next((name for name in PREFIXES if key.startswith(name.encode())), "")


def check(server: Server, sample: Sample, findings: Findings, limits: Limits) -> None:
    """Tell of each prefix: keys, bytes, and those that never expire."""
    findings.add("keys", "Keys", sample.total, "keys")
    forever = max(0, sample.total - sample.expiring)
    findings.add("keys.forever", "Keys without TTL", forever, "keys")
    for name in PREFIXES:
        found = sample.prefixes[name]
        if not found.keys:
            continue
        with findings.trying("prefix", "Keys", name):
            _measure(server, found, limits)
            _check_prefix(sample, name, found, findings, limits)


def _measure(server: Server, found: Prefix, limits: Limits) -> None:
    """Ask for TTL and size; keys that are gone meanwhile count for nothing."""
    asked = found.keys[:TTL_KEYS]
    for begin in range(0, len(asked), _BATCH):
        if limits.is_over():
            break
        pipeline = server.client.pipeline(transaction=False)
        for key in asked[begin : begin + _BATCH]:
            pipeline.ttl(key)
        answers = pipeline.execute()
        found.asked += sum(seconds != -2 for seconds in answers)
        found.forever += sum(seconds == -1 for seconds in answers)
    for begin in range(0, min(len(found.keys), SIZE_KEYS), _BATCH):
        pipeline = server.client.pipeline(transaction=False)
        for key in found.keys[begin : begin + min(_BATCH, SIZE_KEYS - begin)]:
            pipeline.memory_usage(key)
        sizes = [size for size in pipeline.execute() if size is not None]
        found.sized += len(sizes)
        found.bytes += sum(sizes)


def _check_prefix(
    sample: Sample, name: str, found: Prefix, findings: Findings, limits: Limits
) -> None:
    count = sample.count(name)
    share_error = None if sample.complete else half_width(len(found.keys), sample.looked,
                                                          sample.total)  # fmt: skip
    findings.add(
        "prefix.keys", "Keys", count, "keys", subject=name, estimate=not sample.complete,
        error=None if share_error is None else share_error * sample.total,
    )  # fmt: skip
    if found.sized:
        findings.add(
            "prefix.bytes", "Memory (MEMORY USAGE)", round(found.bytes / found.sized * count),
            "bytes", subject=name, estimate=found.sized < count,
            why=f"Mean of {found.sized} keys times the keys." if found.sized < count else "",
        )  # fmt: skip
    if not found.asked:
        return
    exact = found.asked == count
    forever = count * found.forever / found.asked
    many = name in CHECKPOINTS and forever >= limits.keys_without_ttl
    width = half_width(found.forever, found.asked, count)
    findings.add(
        "prefix.forever", "Keys without TTL", 100 * found.forever / found.asked, "%", subject=name,
        estimate=not exact, error=None if exact else 100 * width,
        status="warning" if many else "ok",
        why=f"About {forever:,.0f} keys never expire: threads nobody returns to stay in memory. "
        "Give the saver ttl={'default_ttl': 43200, 'refresh_on_read': True} (minutes; ValkeySaver: "
        "ttl=2592000, seconds) for new ones; the lines below set 30 days on those there are."
        if many else "",
        mend=EXPIRE.format(name) if many else "",
        language="python" if many else "",
    )  # fmt: skip


def half_width(hits: int, sampled: int, total: int) -> float:
    """Half the width of the 95 % confidence interval of a share; see above."""
    if sampled <= 0 or total <= 1 or sampled >= total:
        return 0.0
    share = hits / sampled
    return 1.96 * math.sqrt(share * (1 - share) / sampled * (total - sampled) / (total - 1))
