"""Checkpoints of a Redis or Valkey: RedisSaver, ShallowRedisSaver and ValkeySaver, sync and async.

RedisSaver keeps JSON documents with the channels inside, ValkeySaver texts of JSON with the
serialized checkpoint in base64. Which of them wrote a thread is seen by its keys.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import redis

from collector.inspection import redis as server
from collector.inspection.errors import CouldNotLook
from collector.inspection.url import Address
from collector.viewer.raw import BLOB_BYTES, EMPTY, MOST_WRITES, Blob, Budget, Found, Pending

_NO_NS = "__empty__"  # RedisSaver's for the root namespace, whose name is empty
_NO_ID = "00000000-0000-0000-0000-000000000000"
_BATCH = 200
_CHANNELS = "channel_values"


class _Document(msgspec.Struct):
    """What RedisSaver keeps of a checkpoint."""

    checkpoint: msgspec.Raw
    metadata: msgspec.Raw = msgspec.Raw(b"{}")
    checkpoint_id: str = ""
    parent_checkpoint_id: str = ""
    has_writes: bool = False
    """There are pending writes, says the saver."""


class _Text(msgspec.Struct):
    """What ValkeySaver keeps of a checkpoint, serialized parts in base64."""

    checkpoint: str
    metadata: str = ""
    checkpoint_id: str = ""
    parent_checkpoint_id: str | None = None
    type: str = ""


class _Write(msgspec.Struct):
    """A pending write of either."""

    task_id: str
    channel: str
    type: str = ""
    idx: int = 0
    task_path: str = ""
    checkpoint_id: str = ""
    blob: str = ""
    """RedisSaver's, in base64."""
    value: str = ""
    """ValkeySaver's, in base64."""

    def pending(self) -> Pending:
        content = _unpacked(self.blob or self.value)
        blob = Blob(self.type, len(content), content)
        return Pending(self.task_id, self.task_path, self.idx, self.channel, blob)


_document = msgspec.json.Decoder(_Document).decode
_text = msgspec.json.Decoder(_Text).decode
_write = msgspec.json.Decoder(_Write).decode
_writes = msgspec.json.Decoder(list[_Write]).decode
_as_text = msgspec.json.Decoder(str).decode
_id = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@contextmanager
def connected(address: Address) -> Iterator[Reader]:
    """A reader of the server.

    Raises:
        CouldNotLook: it cannot be reached, refuses, or holds what no saver writes.
    """
    with server.connected(address) as (client, _):
        try:
            yield Reader(client)
        except redis.RedisError as error:
            raise server.refused(address, error) from None
        except msgspec.MsgspecError as error:
            raise CouldNotLook(
                f"{address.shown} holds a checkpoint that no saver of this version writes "
                f"({address.scrubbed(error)})."
            ) from None


class Reader:
    """See ``raw.Reader``. What is written between its commands may be missing from the answer."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._budget = Budget()

    def find(
        self, thread: str, ns: str, checkpoint: str, channels: Collection[str] | None
    ) -> Found | None:
        for look in (self._redis_saver, self._shallow, self._valkey):
            found = look(thread, ns, checkpoint)
            if found is not None:
                if channels is not None:
                    found.writes = [one for one in found.writes if one.channel in channels]
                found.writes.sort(key=lambda one: one.order)
                return found
        return None

    def _redis_saver(self, thread: str, ns: str, checkpoint: str) -> Found | None:
        place = f"{thread or _NO_ID}:{ns or _NO_NS}"
        if checkpoint:
            key = f"checkpoint:{place}:{checkpoint}"
        else:
            key = _str(self._ask("GET", f"checkpoint_latest:{place}"))
        found = self._document(key) if key else None
        if found is not None:
            registry = f"write_keys_zset:{place}:{found.checkpoint}"
            self._pending(found, registry)
        return found

    def _shallow(self, thread: str, ns: str, checkpoint: str) -> Found | None:
        found = None
        # Older versions keep the root namespace without a name.
        for name in dict.fromkeys((ns, ns or _NO_NS)):
            found = found or self._document(f"checkpoint:{thread}:{name}")
        if found is None or checkpoint not in ("", found.checkpoint):
            return None
        found.parent, found.unread = "", False
        self._pending(found, f"write_registry:{thread}:{ns or _NO_NS}:shallow")
        return found

    def _document(self, key: str) -> Found | None:
        if _str(self._ask("TYPE", key)) != "ReJSON-RL":
            return None
        read, channels = self._parts(key)
        return Found(
            _known(read.checkpoint_id) or _id_of(read.checkpoint),
            _known(read.parent_checkpoint_id),
            _part("json", read.checkpoint),
            _part("json", read.metadata),
            channels,
            unread=not read.has_writes,
        )

    def _parts(self, key: str) -> tuple[_Document, dict[str, Blob]]:
        """A document; of one that is too large the channels apart, those that are not."""
        if self._fits(self._memory(key)):
            return _document(self._ask("JSON.GET", key)), {}
        # `.` is the older syntax for paths: it gives the value instead of a list of matches.
        small = [f".{name}" for name in _Document.__struct_fields__ if name != "checkpoint"]
        there = [path for path in small if self._ask("JSON.TYPE", key, path) is not None]
        known = {
            path.removeprefix("."): msgspec.Raw(self._ask("JSON.GET", key, path)) for path in there
        }
        inner = ".checkpoint"
        names = [_str(name) for name in self._ask("JSON.OBJKEYS", key, inner) or ()]
        rest = {
            name: msgspec.Raw(self._ask("JSON.GET", key, f"{inner}{_quoted(name)}"))
            for name in names
            if name != _CHANNELS and self._fits(self._memory(key, f"{inner}{_quoted(name)}"))
        }
        channels = {}
        inner += f".{_CHANNELS}"
        for name in map(_str, self._ask("JSON.OBJKEYS", key, inner) or ()):
            path = f"{inner}{_quoted(name)}"
            fits = self._fits(self._memory(key, path))
            content = self._ask("JSON.GET", key, path) if fits else b""
            channels[name] = Blob("json", len(content) if fits else -1, content)
        document = msgspec.json.encode(known | {"checkpoint": rest})
        return _document(document), channels

    def _memory(self, key: str, *path: str) -> int:
        """Of JSON the server tells no length, but how much memory it takes: more, bytes."""
        return int(self._ask("JSON.DEBUG", "MEMORY", key, *path) or 0)

    def _pending(self, found: Found, registry: str) -> None:
        """Add the writes that a registry lists."""
        keys = self._ask("ZRANGE", registry, 0, MOST_WRITES)
        found.more_writes = len(keys) > MOST_WRITES
        for start in range(0, len(keys[:MOST_WRITES]), _BATCH):
            some = keys[start : min(start + _BATCH, MOST_WRITES)]
            sizes = self._each("JSON.DEBUG", "MEMORY", keys=some)
            fitting = [key for key, size in zip(some, sizes, strict=True) if self._fits(size or 0)]
            found.more_writes |= len(fitting) < len(some)
            for text in self._each("JSON.GET", keys=fitting):
                write = _write(text) if text is not None else None
                if write is not None and write.checkpoint_id in ("", found.checkpoint):
                    found.writes.append(write.pending())

    def _valkey(self, thread: str, ns: str, checkpoint: str) -> Found | None:
        place = f"{{{thread}}}:{ns}"
        if not checkpoint:
            newest = self._list_head(f"thread:{place}")
            if newest is None:
                return None
            checkpoint = newest
        text = self._string(f"checkpoint:{place}:{checkpoint}")
        if text is None:
            return None
        if isinstance(text, int):
            return Found(checkpoint, "", Blob("", -1), Blob("json", -1))
        read = _text(text)
        content = _unpacked(read.checkpoint)
        metadata = _unpacked(read.metadata)
        found = Found(
            read.checkpoint_id or checkpoint,
            read.parent_checkpoint_id or "",
            Blob(read.type, len(content), content),
            Blob("json", len(metadata), metadata),
        )
        written = self._string(f"writes:{place}:{checkpoint}")
        if isinstance(written, int):
            found.more_writes = True
        elif written:
            rows = _writes(written)
            found.writes = [row.pending() for row in rows[:MOST_WRITES]]
            found.more_writes = len(rows) > MOST_WRITES
        return found

    def _list_head(self, key: str) -> str | None:
        if _str(self._ask("TYPE", key)) != "list":
            return None
        rows = self._ask("LRANGE", key, 0, 0)
        return _str(rows[0]) if rows else None

    def _string(self, key: str) -> bytes | int | None:
        """A text; None where there is none, its length where it is too large."""
        if _str(self._ask("TYPE", key)) != "string":
            return None
        size = int(self._ask("STRLEN", key))
        if not self._fits(size):
            return size
        text: bytes | None = self._ask("GET", key)
        return text

    def _fits(self, size: int) -> bool:
        if size > min(BLOB_BYTES, self._budget.left):
            return False
        self._budget.left -= size
        return True

    def _ask(self, *command: Any) -> Any:
        return self._client.execute_command(*command)  # type: ignore[no-untyped-call]

    def _each(self, *command: str, keys: list[Any]) -> list[Any]:
        """The same command for several keys, in one round trip."""
        with self._client.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.execute_command(*command, key)  # type: ignore[no-untyped-call]
            answers: list[Any] = pipeline.execute()
        return answers


def _part(tag: str, raw: msgspec.Raw) -> Blob:
    """A part of a document, or what a text in it holds: RedisSaver's metadata is JSON in JSON."""
    content = bytes(raw)
    if content.startswith(b'"'):
        content = _as_text(content).encode()
    return Blob(tag, len(content), content) if content else EMPTY


def _quoted(name: str) -> str:
    """A key of any characters, in a path."""
    return f"[{msgspec.json.encode(name).decode()}]"


def _id_of(checkpoint: msgspec.Raw) -> str:
    return _as_text(_id(checkpoint)["id"]) if checkpoint else ""


def _known(name: str) -> str:
    return "" if name == _NO_ID else name


def _unpacked(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return text.encode(errors="replace")


def _str(answer: Any) -> str:
    return answer.decode(errors="replace") if isinstance(answer, bytes) else str(answer or "")
