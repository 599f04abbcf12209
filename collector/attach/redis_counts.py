"""How much of some threads is in Redis or Valkey now."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Sequence

from collector.attach import redis_keys
from collector.attach.redis_asking import Server, tag
from collector.attach.redis_forms import Form
from collector.attach.source import Held

SCAN_HOLDS_SECONDS = 60
"""How long a count by a scan is good for."""
_GLOB = re.compile(r"([*?\[\]\\^])")


class Counts:
    """By the search index, or by a scan."""

    def __init__(self, server: Server, form: Form) -> None:
        self._server = server
        self._form = form
        self._scanned: Counter[str] = Counter()
        self._at = -float(SCAN_HOLDS_SECONDS)

    def documents(self) -> int | None:
        """Checkpoints of the database, None where no index tells."""
        found = self._server.count(self._form.index, "*") if self._form.index else -1
        return found if found >= 0 else None

    def of(self, threads: Sequence[str]) -> dict[str, int]:
        """Checkpoints of each of these threads."""
        found = {}
        if self._form.index:
            for thread in threads:
                count = self._server.count(self._form.index, _query(thread))
                if count < 0:
                    break
                found[thread] = count
        if len(found) < len(threads):
            self._count(set(threads))
            found = {thread: self._scanned[thread] for thread in threads}
        return found

    def held(self, thread: str) -> Held:
        """What there is of a thread."""
        middle = f"{{{thread}}}" if self._form.backend == "valkey" else thread
        found = []
        for pattern in ("checkpoint:*", self._form.pattern):
            prefix = f"{pattern.rstrip('{*')}{middle or redis_keys.EMPTY_ID}:"
            keys = {
                key for keys in self._server.scan(_GLOB.sub(r"\\\1", prefix) + "*") for key in keys
            }
            cut = len(prefix.encode())
            if pattern == "checkpoint:*" and self._form.layout == "latest":
                places = [(key, one) for key, one in self._form.ids(list(keys))]
                rests = [key[cut:] + b":" + one.encode() for key, one in places]
            elif pattern.startswith("checkpoint_write"):
                rests = [key[cut:].rsplit(b":", 2)[0] for key in keys]
            else:
                rests = [key[cut:] for key in keys]
            found.append({_place(rest) for rest in rests})
        return Held(*found)

    def _count(self, threads: set[str]) -> None:
        now = time.monotonic()
        valkey = self._form.backend == "valkey"
        if valkey and now - self._at < SCAN_HOLDS_SECONDS:
            return
        self._scanned, self._at = Counter(), now
        for keys in self._server.scan("checkpoint:*"):
            for key in filter(self._form.is_checkpoint, keys):
                name = key.decode("utf-8", "replace").removeprefix("checkpoint:")
                if valkey:
                    self._scanned[name.removeprefix("{").rpartition("}:")[0]] += 1
                    continue
                parts = name.split(":")
                for end in range(1, len(parts)):
                    if (thread := ":".join(parts[:end])) in threads:
                        self._scanned[thread] += 1


def _query(thread: str) -> str:
    return f"@thread_id:{{{tag(thread or redis_keys.EMPTY_ID)}}}"


def _place(rest: bytes) -> tuple[str, str]:
    """(namespace, checkpoint id) of the end of a key."""
    ns, _, checkpoint = rest.decode("utf-8", "replace").rpartition(":")
    return ("" if ns == redis_keys.EMPTY else ns), checkpoint
