"""Memory and counters of a Redis server, from its INFO."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.inspection.findings import Findings
from collector.inspection.limits import MB
from collector.inspection.redis_keys import CHECKPOINTS, Sample

if TYPE_CHECKING:
    from collector.inspection.redis import Server

FULL_SHARE = 0.9
FRAGMENTED = 1.5
FRAGMENTED_BYTES = 128 * MB
"""Below it, the ratio tells of the program itself."""


def check(server: Server, sample: Sample | None, findings: Findings) -> None:
    """Tell of memory, eviction and hits."""
    info = server.info
    keeps = sample is None or sample.has(CHECKPOINTS)
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    full = most > 0 and used >= FULL_SHARE * most
    findings.add(
        "memory.used", "Memory used", used, "bytes",
        status="warning" if full else "ok",
        why=f"{used / most:.0%} of maxmemory: soon keys are evicted, or writes are refused with "
        "OOM. Let keys expire, or raise it." if full else "",
        mend=f"CONFIG SET maxmemory {2 * most}" if full else "", language="redis" if full else "",
    )  # fmt: skip
    findings.add("memory.maximum", "maxmemory", most or "none", "bytes" if most else "")
    _check_policy(str(info.get("maxmemory_policy", "?")), most, keeps, findings)
    evicted = int(info.get("evicted_keys", 0))
    lost = evicted > 0 and keeps
    findings.add(
        "memory.evicted", "Keys evicted since the start", evicted, "keys",
        status="critical" if lost else "ok",
        why="The server threw keys away for want of memory, and checkpoints are among its keys: "
        "threads lose their state. With another policy (above) and more memory, set the counter "
        "back." if lost else "",
        mend="CONFIG RESETSTAT" if lost else "", language="redis" if lost else "",
    )  # fmt: skip
    ratio = float(info.get("mem_fragmentation_ratio", 0.0))
    resident = int(info.get("used_memory_rss", 0))
    apart = ratio > FRAGMENTED and resident >= FRAGMENTED_BYTES
    findings.add(
        "memory.fragmentation", "Memory fragmentation ratio", ratio,
        status="warning" if apart else "ok",
        why="The process holds so many times what its keys need. Where activedefrag is not "
        "supported, MEMORY PURGE or a restart helps." if apart else "",
        mend="CONFIG SET activedefrag yes" if apart else "", language="redis" if apart else "",
    )  # fmt: skip
    hits, misses = int(info.get("keyspace_hits", 0)), int(info.get("keyspace_misses", 0))
    share = 100 * hits / (hits + misses) if hits + misses else None
    findings.add(
        "keyspace.hits", "Look-ups that found their key, since the start", share, "%",
        why=f"{hits:,} hits, {misses:,} misses, of all databases of the server.",
    )  # fmt: skip


def _check_policy(policy: str, most: int, keeps: bool, findings: Findings) -> None:
    drops = policy.startswith("allkeys") and keeps
    findings.add(
        "memory.policy", "maxmemory-policy", policy,
        status=("critical" if most else "warning") if drops else "ok",
        why="When memory runs out, any key may be evicted, checkpoints too. "
        + ("" if most else "There is no maxmemory yet, so that it does not happen today. ")
        + "Put caches on a server of their own." if drops else "",
        mend="CONFIG SET maxmemory-policy noeviction" if drops else "",
        language="redis" if drops else "",
    )  # fmt: skip
