"""Keys of a comparison in a Redis or Valkey: all that hold its token in their name."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from collector.compare.place import CONNECT_SECONDS, STATEMENT_SECONDS, Account
from collector.inspection.url import Address
from storage.comparisons import Outcome

_MANY = 500
_INDEX_MB = (
    "inverted_sz_mb", "offset_vectors_sz_mb", "doc_table_size_mb", "sortable_values_size_mb",
    "key_table_size_mb", "tag_overhead_sz_mb", "geoshapes_sz_mb", "text_overhead_sz_mb",
)  # fmt: skip
"""What FT.INFO tells of the memory of an index, MB of 2**20 bytes."""


class Keys:
    """A client of its own, beside the savers' ones."""

    def __init__(self, url: str, token: str) -> None:
        self._token = token
        self.client = redis.Redis.from_url(
            url.replace("valkey", "redis", 1) if url.startswith("valkey") else url,
            socket_connect_timeout=CONNECT_SECONDS, socket_timeout=STATEMENT_SECONDS,
            retry=Retry(NoBackoff(), 0), client_name="statemeter",
        )  # fmt: skip
        self._dataset_bytes = 0

    def mark(self) -> None:
        """What the server holds from here on is the run's."""
        self._dataset_bytes = self._dataset()

    def delete(self) -> None:
        """Remove all keys of the comparison, whoever wrote them."""
        while keys := list(islice(self._scan(), _MANY)):
            self.client.unlink(*keys)

    def drop_indexes(self) -> None:
        """Remove its search indexes."""
        for name in self._indexes():
            self._ask("FT.DROPINDEX", name)

    def account(self) -> Account:
        keys = list(self._scan())
        used = 0
        for start in range(0, len(keys), _MANY):
            pipe = self.client.pipeline(transaction=False)
            for key in keys[start : start + _MANY]:
                pipe.execute_command("MEMORY", "USAGE", key, "SAMPLES", 0)  # type: ignore[no-untyped-call]
            used += sum(size or 0 for size in pipe.execute())
        indexes = sum(self._index_bytes(name) for name in self._indexes())
        parts = {
            "key_count": len(keys), "keys": used, "indexes": indexes,
            "used_memory_dataset_growth": self._dataset() - self._dataset_bytes,
        }  # fmt: skip
        return Account(None, used + indexes, parts)

    def describe(self, outcome: Outcome) -> None:
        info: dict[str, Any] = self.client.info()
        product = "Valkey" if "valkey_version" in info else "Redis"
        version = info.get("valkey_version") or info.get("redis_version", "?")
        outcome.server = f"{product} {version}"
        outcome.reach = "machines"
        try:
            told: dict[Any, Any] = self.client.config_get("save")
            saved = told.get("save", told.get(b"save", b""))
            saves = saved.decode() if isinstance(saved, bytes) else str(saved)
        except redis.RedisError:
            outcome.kept_how = "Its settings may not be read (CONFIG GET save)."
            outcome.keeps = True if info.get("aof_enabled") else None
            return
        if info.get("aof_enabled"):
            outcome.keeps, outcome.kept_how = True, "It appends each write to a file (AOF)."
        elif saves:
            outcome.keeps = True
            outcome.kept_how = (
                f"It saves snapshots (save {saves}): a crash loses what came after the last one."
            )
        else:
            outcome.keeps = False
            outcome.kept_how = "It keeps data in memory alone: no AOF, no snapshots."

    def _scan(self) -> Iterator[bytes]:
        yield from self.client.scan_iter(match=f"*{self._token}*", count=1000)

    def _indexes(self) -> list[str]:
        try:
            names = self._ask("FT._LIST")
        except redis.ResponseError:  # no search module, so no index
            return []
        told = [name.decode() if isinstance(name, bytes) else str(name) for name in names]
        return [name for name in told if self._token in name]

    def _index_bytes(self, name: str) -> int:
        told = self._ask("FT.INFO", name)
        found = told if isinstance(told, dict) else dict(zip(told[::2], told[1::2], strict=False))
        sizes = {
            key.decode() if isinstance(key, bytes) else str(key): value
            for key, value in found.items()
        }
        return int(sum(float(sizes.get(key) or 0) for key in _INDEX_MB) * 2**20)

    def _dataset(self) -> int:
        info: dict[str, Any] = self.client.info("memory")
        return int(info.get("used_memory_dataset") or 0)

    def _ask(self, *command: str) -> Any:
        return self.client.execute_command(*command)  # type: ignore[no-untyped-call]


class OnKeys:
    """What Redis and Valkey have in common; see ``place.Place``."""

    pools = False
    savers = ""
    """Their classes."""

    def __init__(self, address: Address, token: str) -> None:
        self._url = address.url
        self._keys = Keys(address.url, token)

    def create(self) -> None:
        self._keys.client.ping()
        self._keys.mark()

    def empty(self) -> None:
        self._keys.delete()
        self._keys.mark()

    def account(self) -> Account:
        return self._keys.account()

    def describe(self, outcome: Outcome) -> None:
        outcome.saver = self.savers
        self._keys.describe(outcome)

    def remove(self) -> None:
        self._keys.delete()

    def close(self) -> None:
        self._keys.client.close()
