"""Made-up stores, caches, embeddings, pools and lru caches, summed here in plain Python."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, insert

from storage import models_resources as models
from storage.histogram import bucket_of, pack

SECOND = 1_000_000
APPLICATIONS = {1: "support-bot", 2: "research"}
RESOURCES = {
    1: ("store", "postgres", "PostgresStore", "localhost:5432/chat", {}),
    2: ("store", "memory", "InMemoryStore", "InMemoryStore 1", {}),
    3: ("cache", "redis", "RedisCache", "localhost:6379/0", {}),
    4: ("cache", "memory", "InMemoryCache", "InMemoryCache 1", {}),
    5: ("embeddings", "other", "OpenAIEmbeddings", "OpenAIEmbeddings 1", {"dimensions": 256}),
    6: ("pool", "postgres", "ConnectionPool", "localhost:5432/chat", {"minimum": 1, "maximum": 8}),
    7: ("lru", "python", "get_system_config", "system-config", {"maximum": 128}),
    8: ("server", "redis", "", "localhost:6379/0", {}),
    9: ("server", "postgres", "", "localhost:5432/chat", {}),
}
COUNTERS = {"requests", "waited_us", "timeouts", "lost", "hits", "misses", "evicted", "commands",
            "commits", "blocks_read", "blocks_hit"}  # fmt: skip
"""Readings that grow; written out here on purpose."""


@dataclass
class ResourceSeed:
    """Calls and readings, and the rows that they make."""

    now_us: int
    calls: list[dict[str, Any]] = field(default_factory=list)
    """at_us, process, resource (row), method, part, duration_us, error, items, hits (-1: not told),
    size (-1), waited_us, characters, saved_us, unknown_hits, and of caches keys and ttl."""
    gauges: list[dict[str, Any]] = field(default_factory=list)
    """at_us, process, resource, readings; in the order of their times."""

    def call(self, at_us: int, process: int, resource: int, method: str, **told: Any) -> None:
        """Adds a call."""
        self.calls.append({
            "at_us": at_us, "process": process, "resource": resource, "method": method, "part": "",
            "duration_us": 100, "error": "", "items": 1, "hits": -1, "size": -1, "waited_us": 0,
            "characters": 0, "saved_us": 0, "unknown_hits": 0, "keys": (), "ttl": None,
        } | told)  # fmt: skip

    def fill(self, connection: Connection) -> None:
        """Writes all rows."""
        for table, rows in (
            (models.Resource, [self._resource(n) for n in RESOURCES]),
            (models.AccessRollup, self.rollups()),
            (models.CacheNode, self.nodes()),
            (models.CacheKey, self.key_rows()),
            (models.GaugeSample, self.samples()),
        ):
            if rows:
                connection.execute(insert(table), rows)

    def _resource(self, number: int) -> dict[str, Any]:
        kind, backend, class_name, label, facts = RESOURCES[number]
        return {"id": number, "key": f"{number:012x}", "kind": kind, "backend": backend,
                "class_name": class_name, "label": label, "database": "",
                "facts": json.dumps(facts), "first_seen_us": self.now_us - 900 * SECOND,
                "last_seen_us": self.now_us - number}  # fmt: skip

    def rollups(self) -> list[dict[str, Any]]:
        """The calls summed by bucket, at the three resolutions."""
        groups: dict[tuple, list[dict[str, Any]]] = defaultdict(list)
        for call in self.calls:
            for resolution in (1, 60, 3600):
                bucket = call["at_us"] // (resolution * SECOND) * resolution * SECOND
                groups[resolution, bucket, APPLICATIONS[call["process"]], call["resource"],
                       call["method"], call["part"]].append(call)  # fmt: skip
        names = ("resolution_s", "bucket_us", "application", "resource_id", "method", "part")
        return [
            dict(zip(names, key, strict=True)) | total(calls)
            | {"histogram": pack(histogram(calls))}
            for key, calls in groups.items()
        ]  # fmt: skip

    def key_rows(self) -> list[dict[str, Any]]:
        """What was done with each key."""
        found: dict[tuple[int, str, str], dict[str, Any]] = {}
        for call in sorted(self.calls, key=lambda one: one["at_us"]):
            for place, key in enumerate(call["keys"]):
                row = found.setdefault((call["resource"], call["part"], key), {
                    "resource_id": call["resource"], "node": call["part"], "key": key,
                    "first_seen_us": call["at_us"], "hits": 0, "misses": 0, "sets": 0,
                    "value_bytes": None, "ttl_seconds": None,
                })  # fmt: skip
                row["last_seen_us"] = call["at_us"]
                if call["method"] == "set":
                    row |= {"sets": row["sets"] + 1, "value_bytes": call["size"],
                            "ttl_seconds": call["ttl"]}  # fmt: skip
                else:
                    row["hits" if place < call["hits"] else "misses"] += 1
        return list(found.values())

    def nodes(self) -> list[dict[str, Any]]:
        """The nodes of the keys; of one more, keys were dropped."""
        groups: dict[tuple[int, str], list[dict[str, Any]]] = defaultdict(list)
        for key in self.key_rows():
            groups[key["resource_id"], key["node"]].append(key)
        return [
            {"resource_id": resource, "node": node, "kept": len(keys),
             "dropped": 7 if node == "plan" else 0, "dropped_unhit": 4 if node == "plan" else 0,
             "untold": 0, "last_seen_us": max(key["last_seen_us"] for key in keys)}
            for (resource, node), keys in groups.items()
        ]  # fmt: skip

    def samples(self) -> list[dict[str, Any]]:
        """The readings by bucket."""
        groups: dict[tuple, list[tuple[dict[str, Any], dict[str, int]]]] = defaultdict(list)
        before: dict[tuple[int, int], dict[str, int]] = {}
        for gauge in self.gauges:
            series, now = (gauge["resource"], gauge["process"]), gauge["readings"]
            last = before.get(series, {})
            grown = {
                name: value - last.get(name, 0) if value >= last.get(name, 0) else value
                for name, value in now.items() if name in COUNTERS
            }  # fmt: skip
            before[series] = now
            for resolution in (1, 60, 3600):
                bucket = gauge["at_us"] // (resolution * SECOND) * resolution * SECOND
                groups[resolution, *series, bucket].append((gauge, grown))
        names = ("resolution_s", "resource_id", "process_id", "bucket_us")
        return [
            dict(zip(names, key, strict=True)) | {
                "at_us": told[-1][0]["at_us"],
                "readings": json.dumps(told[-1][0]["readings"]),
                "peaks": json.dumps({
                    name: max(gauge["readings"][name] for gauge, _ in told)
                    for name in told[-1][0]["readings"] if name not in COUNTERS
                }),
                "added": json.dumps(
                    {name: sum(grown[name] for _, grown in told) for name in told[-1][1]}
                ),
            }
            for key, told in groups.items()
        ]  # fmt: skip


def total(calls: list[dict[str, Any]]) -> dict[str, Any]:
    """The sums of some calls, as ``access_rollups`` names them."""
    asked = [call for call in calls if call["method"] != "search" and not call["error"]]
    told = [call for call in asked if call["hits"] >= 0]
    durations = [call["duration_us"] for call in calls]
    return {
        "count": len(calls), "errors": sum(bool(call["error"]) for call in calls),
        "items": sum(call["items"] for call in calls), "asked": sum(c["items"] for c in told),
        "hits": sum(call["hits"] for call in told),
        "payload_bytes": sum(max(call["size"], 0) for call in calls),
        "unsized": sum(call["size"] < 0 for call in calls), "duration_us": sum(durations),
        "duration_min_us": min(durations), "duration_max_us": max(durations),
        **{name: sum(call[name] for call in calls)
           for name in ("waited_us", "characters", "saved_us", "unknown_hits")},
    }  # fmt: skip


def histogram(calls: list[dict[str, Any]]) -> dict[int, int]:
    """The durations of some calls by bucket."""
    counts: dict[int, int] = defaultdict(int)
    for call in calls:
        counts[bucket_of(call["duration_us"])] += 1
    return counts


def sample(now_us: int) -> ResourceSeed:
    """Ten minutes of a support bot and of a researcher, of all kinds of resources."""
    seed = ResourceSeed(now_us)
    chance = random.Random(6)
    pools = {process: {"size": 4, "in_use": 0, "waiting": 0, "requests": 0, "waited_us": 0,
                       "timeouts": 0, "lost": 0} for process in APPLICATIONS}  # fmt: skip
    redis = {"up": 1, "used_bytes": 0, "maximum_bytes": 64_000_000, "clients": 3, "keys": 0,
             "keys_forever": 0, "fragmentation_percent": 131, "hits": 0, "misses": 0, "evicted": 0,
             "commands": 0}  # fmt: skip
    postgres = {"up": 1, "size_bytes": 9_000_000, "clients": 5, "commits": 0, "blocks_read": 0,
                "blocks_hit": 0}  # fmt: skip
    config = {"hits": 0, "misses": 0, "size": 0, "maximum": 128}
    for second in range(600):
        at_us = now_us - (600 - second) * SECOND + 1_000
        process = 1 + (second % 3 == 0)
        for resource in (1, 2):
            seed.call(at_us, process, resource, "get", part=f"users/{second % 5}", hits=second % 2,
                      size=-1 if resource == 2 else 350, duration_us=chance.randrange(90, 4_000),
                      error="TimeoutError" if second % 97 == 0 else "")  # fmt: skip
            if second % 4 == 0:
                seed.call(at_us, process, resource, "put", part=f"users/{second % 5}", items=2,
                          size=-1 if resource == 2 else 700,
                          duration_us=chance.randrange(200, 9_000))  # fmt: skip
                seed.call(at_us, process, resource, "search", part="memories", items=3, hits=3,
                          size=900, duration_us=chance.randrange(900, 30_000))  # fmt: skip
        for resource, node in ((3, "plan"), (3, "retrieve"), (4, "plan")):
            key = f"{chance.randrange(4 if node == 'retrieve' else 90):016x}"
            hits = int(second > 60 and (node == "retrieve" or second % 4 == 0))
            seed.call(at_us, process, resource, "get", part=node, hits=hits, keys=(key,),
                      size=400 * hits, duration_us=chance.randrange(30, 700),
                      saved_us=hits * 45_000 * (node == "plan"),
                      unknown_hits=hits * (node != "plan"))  # fmt: skip
            if not hits:
                seed.call(at_us + 1, process, resource, "set", part=node, keys=(key,), size=400,
                          ttl=300 if node == "retrieve" else None)  # fmt: skip
        if second % 5 == 0:
            texts = 1 + second % 3
            seed.call(at_us, process, 5, "embed_documents", items=texts, hits=min(texts, 1),
                      characters=80 * texts, size=1024 * texts,
                      duration_us=chance.randrange(9_000, 90_000))  # fmt: skip
        for owner, pool in pools.items():
            pool |= {"in_use": chance.randrange(5), "waiting": chance.randrange(3)}
            pool["requests"] += chance.randrange(9)
            pool["waited_us"] += 300 * pool["waiting"]
            pool["timeouts"] += second % 200 == 199
            if owner == 2 and second == 300:
                pool |= {"requests": 0, "waited_us": 0, "timeouts": 0}
            if owner == 1 or second < 400:
                seed.gauges.append(
                    {"at_us": at_us, "process": owner, "resource": 6, "readings": dict(pool)}
                )
        config["hits"] += chance.randrange(30)
        config["misses"] += second % 9 == 0
        config["size"] = min(config["misses"], 128)
        seed.gauges.append({"at_us": at_us, "process": 1, "resource": 7, "readings": dict(config)})
        if second % 10 == 0:
            redis["used_bytes"] = 2_000_000 + 20_000 * second
            redis |= {"keys": 100 + second, "keys_forever": 40 + second // 2}
            redis["hits"] += chance.randrange(300)
            redis["misses"] += chance.randrange(40)
            redis["commands"] += chance.randrange(900)
            postgres["commits"] += chance.randrange(80)
            postgres["blocks_hit"] += chance.randrange(900)
            postgres["blocks_read"] += chance.randrange(9)
            # Of a server no process tells: row 0.
            for resource, readings in ((8, redis), (9, postgres)):
                seed.gauges.append({"at_us": at_us, "process": 0, "resource": resource,
                                    "readings": dict(readings)})  # fmt: skip
    return seed
