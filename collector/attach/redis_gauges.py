"""Counts, memory and leftovers of a saver in Redis or Valkey, by a scan of all keys."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from collector.attach import cursors
from collector.attach.redis_asking import Command, Server
from collector.attach.redis_documents import Write
from collector.attach.redis_forms import Form

LOOK_SECONDS = 0.5
"""How long one call scans, before it goes on at the next."""
FRESH_SECONDS = 600
"""What is younger may still get its checkpoint: puts run in the background."""
SAMPLED = 2
"""Keys of each answer whose memory is asked for."""
_OURS = (b"checkpoint", b"write_keys_zset:", b"write_registry:", b"writes:{", b"thread:{")


class Gauges:
    """What is counted: a part at each call, told when all keys were looked at."""

    def __init__(self, server: Server, form: Form) -> None:
        self._server = server
        self._form = form
        self._scan: Iterator[list[bytes]] | None = None
        self._counting: Counter[str] = Counter()
        self._counted: dict[str, int] = {}

    def alone(self) -> Iterator[list[Write]]:
        """All pending writes whose checkpoint is not there."""
        for keys in self._server.scan(self._form.pattern):
            for _, writes in self._form.alone(keys):
                yield writes

    def read(self) -> dict[str, int]:
        """See ``Source.gauges``."""
        ends = time.monotonic() + LOOK_SECONDS
        if self._scan is None:
            self._scan = self._server.scan()
        while time.monotonic() < ends:
            keys = next(self._scan, None)
            if keys is None:
                self._end()
                break
            self._count(keys)
        return self._counted

    def _count(self, keys: list[bytes]) -> None:
        counting, prefix = self._counting, self._form.pattern.removesuffix("*").encode()
        writes = [key for key in keys if key.startswith(prefix)]
        ours = [key for key in keys if key.startswith(_OURS)]
        counting["keys"] += len(ours)
        counting["checkpoints"] += sum(map(self._form.is_checkpoint, keys))
        if self._form.backend != "valkey":  # there, one key holds several
            counting["writes"] += len(writes)
        fresh = cursors.id_at(time.time() - FRESH_SECONDS)
        for checkpoint, lost in self._form.alone(writes):
            if checkpoint < fresh:
                counting["orphan_writes"] += len(lost)
                counting["orphan_write_bytes"] += sum(write[6] for write in lost)
        commands: list[Command] = [("MEMORY", "USAGE", key) for key in ours[:SAMPLED]]
        for size in self._server.all(commands, strict=False):
            if isinstance(size, int):
                counting["sampled"] += 1
                counting["sampled_bytes"] += size

    def _end(self) -> None:
        counting = self._counting
        names = ["checkpoints", "orphan_writes", "orphan_write_bytes"]
        names += [] if self._form.backend == "valkey" else ["writes"]
        self._counted = {name: counting[name] for name in names}
        if counting["sampled"]:
            mean = counting["sampled_bytes"] / counting["sampled"]
            self._counted["memory_bytes"] = round(mean * counting["keys"])
        self._scan, self._counting = None, Counter()
