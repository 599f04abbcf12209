"""Redis and Valkey: one INFO."""

from __future__ import annotations

from redis import RedisError

from collector.counters.reading import Reading, chosen, whole
from collector.inspection import redis, url
from collector.inspection.url import Address


def read(address: Address) -> Reading:
    """Connect, read, and close.

    Raises:
        CouldNotLook: it cannot be reached, refuses the login, or does not answer in time.
    """
    with redis.connected(address) as (client, place):
        try:
            info = client.info()
        except RedisError as error:
            raise redis.refused(address, error) from None
    values = chosen(
        info,
        used_bytes="used_memory", maximum_bytes="maxmemory", resident_bytes="used_memory_rss",
        clients="connected_clients", hits="keyspace_hits", misses="keyspace_misses",
        evicted="evicted_keys", expired="expired_keys", commands="total_commands_processed",
    )  # fmt: skip
    keys = info.get(f"db{place[2]}", {})
    values["keys"] = whole(keys.get("keys"))
    values["keys_forever"] = max(0, values["keys"] - whole(keys.get("expires")))
    values["fragmentation_percent"] = whole(100 * float(info.get("mem_fragmentation_ratio", 0)))
    return Reading(*url.at_server(address.backend, *place), values)
