"""How RedisSaver, ShallowRedisSaver and ValkeySaver keep a checkpoint: what is asked for some of
them, and what the answers tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from collector.attach import nodes, redis_asking, redis_documents, redis_keys
from collector.attach.documents import Document, Parents, Versions
from collector.attach.redis_asking import Command, Server
from collector.attach.redis_documents import UNREADABLE, WRITE_PATHS, Key, Write
from collector.attach.redis_keys import CHECKPOINT, REGISTRY, SHALLOW_REGISTRY, VALKEY, WRITE
from collector.attach.remembered import Remembered
from collector.attach.source import FoundCheckpoint, FoundWrites

_WRITES_INDEX = "checkpoint_write"
_KEPT = 20_000
WRITES_AT_ONCE = 500


class Form(Protocol):
    """A kind of saver."""

    backend: str
    layout: str
    class_name: str
    index: str
    """Search index of its checkpoints, empty for none."""
    pattern: str
    """Of the keys of pending writes."""

    def is_checkpoint(self, key: bytes) -> bool:
        """Whether a key is of a checkpoint, as far as its name tells."""
        ...

    def checkpoints(self, keys: Sequence[bytes]) -> list[FoundCheckpoint]:
        """What is under these keys; what is gone, or of another kind of saver, is passed over."""
        ...

    def writes(self, keys: Sequence[Key]) -> list[list[Write]]:
        """Pending writes of these checkpoints."""
        ...

    def states(self, keys: Sequence[Key]) -> list[int]:
        """A number for each, another one when there are more pending writes; 0: there are none."""
        ...

    def ids(self, keys: Sequence[bytes]) -> Iterator[tuple[bytes, str]]:
        """Keys with the ids of the checkpoints under them."""
        ...

    def key_of(self, key: Key) -> bytes:
        """Where a checkpoint is kept."""
        ...

    def places_of(self, key: Key) -> tuple[bytes, ...]:
        """Where it may be kept."""
        ...

    def alone(self, keys: Sequence[bytes]) -> list[tuple[str, list[Write]]]:
        """Of keys of pending writes, those whose checkpoint is not there: its id, and the writes.
        A checkpoint's writes may be told in pieces."""
        ...

    def tasks(self, writes: Sequence[Write]) -> list[FoundWrites]:
        """Pending writes by task."""
        ...


class Whole:
    """RedisSaver."""

    backend, layout, class_name = "redis", "whole", "RedisSaver"
    index, pattern = "checkpoint", "checkpoint_write:*"
    sends: Remembered[Key, list[str]]

    def __init__(self, server: Server) -> None:
        self.server = server
        self.parents = Parents()
        self.sends = Remembered(_KEPT)

    def is_checkpoint(self, key: bytes) -> bool:
        """See ``Form``."""
        return key.startswith(CHECKPOINT)

    def checkpoints(self, keys: Sequence[bytes]) -> list[FoundCheckpoint]:
        """See ``Form``."""
        found = []
        answers = self.server.all([self.get(key) for key in keys], strict=False)
        for key, answer in zip(keys, answers, strict=True):
            if not isinstance(answer, bytes):
                continue  # deleted meanwhile, or of another kind
            try:
                one, document = self.read(key, answer)
            except UNREADABLE:
                continue
            if key in self.places_of((one.thread, one.ns, one.checkpoint)):
                self.remember(one, document)
                found.append(one)
        return found

    def get(self, key: bytes) -> Command:
        """The command that reads a checkpoint."""
        return "JSON.GET", key

    def read(self, key: bytes, answer: bytes) -> tuple[FoundCheckpoint, Document]:
        """What its answer tells."""
        return redis_documents.checkpoint(answer, self.before)

    def remember(self, found: FoundCheckpoint, document: Document) -> None:
        """Keep what others are understood by."""
        key = (found.thread, found.ns, found.checkpoint)
        self.parents.add(*key, document.versions)
        if document.sends:
            self.sends[key] = document.sends

    def before(self, key: Key) -> Versions | None:
        """Versions of a parent."""
        if not key[2]:
            return {}
        known = self.parents.get(*key)
        if known is None:
            found = self.server.all([self.get(self.key_of(key))], strict=False)[0]
            if isinstance(found, bytes):
                try:
                    known = self.versions_of(self.key_of(key), found)
                except UNREADABLE:
                    return None
                self.parents.add(*key, known)
        return known

    def versions_of(self, key: bytes, answer: bytes) -> Versions:
        """Versions of a checkpoint, without a look at its own parent."""
        return redis_documents.checkpoint(answer, lambda _: {})[1].versions

    def ids(self, keys: Sequence[bytes]) -> Iterator[tuple[bytes, str]]:
        """See ``Form``."""
        for key in keys:
            yield key, redis_keys.id_of(key)

    def alone(self, keys: Sequence[bytes]) -> list[tuple[str, list[Write]]]:
        """See ``Form``."""
        groups: dict[bytes, list[bytes]] = {}
        for key in keys:
            groups.setdefault(self.checkpoint_of(key), []).append(key)
        names = list(groups)
        there = self.server.all([("EXISTS", *self.kept_at(name)) for name in names])
        found = []
        for name, exists in zip(names, there, strict=True):
            if not exists:
                writes = [one for one in self.read_writes(groups[name]) if one is not None]
                found.append((redis_keys.id_of(name), writes))
        return found

    def checkpoint_of(self, key: bytes) -> bytes:
        """Key of the checkpoint, of a key of a pending write."""
        return CHECKPOINT + key.removeprefix(WRITE).rsplit(b":", 2)[0]

    def kept_at(self, key: bytes) -> tuple[bytes, ...]:
        """What the writes of this checkpoint may belong to: it, or what a shallow saver has."""
        ns = key.rpartition(b":")[0]
        return key, ns, ns.removesuffix(redis_keys.EMPTY.encode())

    def places_of(self, key: Key) -> tuple[bytes, ...]:
        """Where a checkpoint may be kept."""
        return (self.key_of(key),)

    def key_of(self, key: Key) -> bytes:
        """Where a checkpoint is kept."""
        thread, ns, checkpoint = key
        names = (thread or redis_keys.EMPTY_ID, ns or redis_keys.EMPTY, checkpoint)
        return CHECKPOINT + ":".join(names).encode()

    def writes(self, keys: Sequence[Key]) -> list[list[Write]]:
        """See ``Form``: by the sorted set of each checkpoint."""
        return self.registered([self.registry_of(key) for key in keys])

    def states(self, keys: Sequence[Key]) -> list[int]:
        """See ``Form``: members of the sorted sets."""
        commands: list[Command] = [("ZCARD", self.registry_of(key)) for key in keys]
        return [_number(one) for one in self.server.all(commands, strict=False)]

    def registry_of(self, key: Key) -> bytes:
        """Where the keys of a checkpoint's pending writes are kept."""
        return REGISTRY + Whole.key_of(self, key).removeprefix(CHECKPOINT)

    def registered(self, registries: Sequence[bytes]) -> list[list[Write]]:
        """Pending writes whose keys these sorted sets name."""
        commands: list[Command] = [("ZRANGE", key, 0, -1) for key in registries]
        lists = self.server.all(commands, strict=False)
        return self.read_lists([keys if isinstance(keys, list) else [] for keys in lists])

    def read_lists(self, lists: Sequence[Sequence[bytes]]) -> list[list[Write]]:
        """Pending writes under these keys, list by list."""
        each = [[key for key in keys if key.startswith(WRITE)] for keys in lists]
        read = iter(self.read_writes([key for keys in each for key in keys]))
        return [[one for _ in keys if (one := next(read)) is not None] for keys in each]

    def read_writes(self, keys: Sequence[bytes]) -> list[Write | None]:
        """Pending writes under these keys, None for what is gone."""
        found: list[Write | None] = []
        for begin in range(0, len(keys), WRITES_AT_ONCE):
            commands: list[Command] = []
            for key in keys[begin : begin + WRITES_AT_ONCE]:
                commands += [("JSON.GET", key, *WRITE_PATHS), ("JSON.STRLEN", key, ".blob")]
            answers = self.server.all(commands, strict=False)
            for columns, size in zip(answers[::2], answers[1::2], strict=True):
                found.append(_write(columns, size))
        return found

    def tasks(self, writes: Sequence[Write]) -> list[FoundWrites]:
        """See ``Form``."""
        return redis_documents.by_task(writes, self.sends.get)


class Latest(Whole):
    """ShallowRedisSaver: one document for each namespace, and all writes that ever were."""

    layout, class_name = "latest", "ShallowRedisSaver"

    def ids(self, keys: Sequence[bytes]) -> Iterator[tuple[bytes, str]]:
        """See ``Form``: it is in the document."""
        for begin in range(0, len(keys), WRITES_AT_ONCE):
            some = keys[begin : begin + WRITES_AT_ONCE]
            commands: list[Command] = [("JSON.GET", key, "$.checkpoint_id") for key in some]
            for key, answer in zip(some, self.server.all(commands, strict=False), strict=True):
                if isinstance(answer, bytes):
                    yield key, answer.decode("utf-8", "replace").strip('[]"')

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._told: Remembered[tuple[str, str], Versions] = Remembered(_KEPT)

    def remember(self, found: FoundCheckpoint, document: Document) -> None:
        """Keep what the next one of the namespace is compared with."""
        super().remember(found, document)
        self._told[found.thread, found.ns] = document.versions

    def before(self, key: Key) -> Versions | None:
        """Versions of the one told before; its parent is kept nowhere."""
        return self._told.get(key[:2]) or {}

    def key_of(self, key: Key) -> bytes:
        """Where the checkpoint of a namespace is kept, whichever it is."""
        return CHECKPOINT + f"{key[0]}:{key[1]}".encode()

    def places_of(self, key: Key) -> tuple[bytes, ...]:
        """The same, or with a text for the empty namespace."""
        return self.key_of(key), CHECKPOINT + f"{key[0]}:{key[1] or redis_keys.EMPTY}".encode()

    def writes(self, keys: Sequence[Key]) -> list[list[Write]]:
        """See ``Form``: of all checkpoints that the namespace had, by the search index. Only the
        synchronous saver keeps a sorted set of them."""
        lists = [self.server.search(_WRITES_INDEX, _of_namespace(key)) for key in keys]
        if any(found is None for found in lists):
            return super().writes(keys)
        return self.read_lists([found or [] for found in lists])

    def states(self, keys: Sequence[Key]) -> list[int]:
        """See ``Form``: how many the search index has."""
        counts = [self.server.count(_WRITES_INDEX, _of_namespace(key)) for key in keys]
        return super().states(keys) if -1 in counts else counts

    def registry_of(self, key: Key) -> bytes:
        """One for each namespace."""
        return SHALLOW_REGISTRY + f"{key[0]}:{key[1] or redis_keys.EMPTY}:shallow".encode()


class OfValkey(Whole):
    """ValkeySaver: strings, one for a checkpoint and one for all of its pending writes."""

    backend, class_name = "valkey", "ValkeySaver"
    index, pattern = "", "writes:{*"

    def is_checkpoint(self, key: bytes) -> bool:
        """See ``Form``."""
        return key.startswith(VALKEY)

    def get(self, key: bytes) -> Command:
        """The command that reads a checkpoint."""
        return "GET", key

    def read(self, key: bytes, answer: bytes) -> tuple[FoundCheckpoint, Document]:
        """What its answer tells."""
        return redis_documents.of_valkey(key, answer, self.before)

    def versions_of(self, key: bytes, answer: bytes) -> Versions:
        """Versions of a checkpoint, without a look at its own parent."""
        return redis_documents.of_valkey(key, answer, lambda _: {})[1].versions

    def remember(self, found: FoundCheckpoint, document: Document) -> None:
        """The parent's versions, and the node that was called, where it is one alone."""
        self.parents.add(found.thread, found.ns, found.checkpoint, document.versions)
        called = nodes.called(found.channels, document.sends)
        if len(called) == 1:
            self.sends[found.thread, found.ns, found.checkpoint] = called

    def tasks(self, writes: Sequence[Write]) -> list[FoundWrites]:
        """See ``Form``. ValkeySaver keeps no path of a task: its node is the one that was called
        from the checkpoint, where that is one."""
        found = super().tasks(writes)
        for one in found:
            if one.task != nodes.NO_TASK:
                one.node = next(
                    iter(self.sends.get((one.thread, one.ns, one.checkpoint)) or ()), ""
                )
        return found

    def key_of(self, key: Key) -> bytes:
        """Where a checkpoint is kept."""
        return VALKEY + f"{key[0]}}}:{key[1]}:{key[2]}".encode()

    def writes(self, keys: Sequence[Key]) -> list[list[Write]]:
        """See ``Form``."""
        names = [self.registry_of(key) for key in keys]
        answers = self.server.all([("GET", name) for name in names], strict=False)
        return [_valkey_writes(*pair) for pair in zip(names, answers, strict=True)]

    def registry_of(self, key: Key) -> bytes:
        """Where the pending writes of a checkpoint are."""
        return redis_keys.VALKEY_WRITES + self.key_of(key).removeprefix(VALKEY)

    def checkpoint_of(self, key: bytes) -> bytes:
        """Key of the checkpoint, of a key of its pending writes."""
        return VALKEY + key.removeprefix(redis_keys.VALKEY_WRITES)

    def read_writes(self, keys: Sequence[bytes]) -> list[Write | None]:
        """Pending writes under these keys."""
        answers = self.server.all([("GET", key) for key in keys], strict=False)
        return [
            one for pair in zip(keys, answers, strict=True) for one in _valkey_writes(*pair)
        ]  # fmt: skip

    def states(self, keys: Sequence[Key]) -> list[int]:
        """See ``Form``: lengths of the strings."""
        names = [self.registry_of(key) for key in keys]
        answers = self.server.all([("STRLEN", name) for name in names], strict=False)
        return [_number(one) for one in answers]


def _of_namespace(key: Key) -> str:
    ns = redis_asking.tag(key[1] or redis_keys.EMPTY)
    return f"@thread_id:{{{redis_asking.tag(key[0])}}} @checkpoint_ns:{{{ns}}}"


def _number(answer: Any) -> int:
    return answer if isinstance(answer, int) else 0


def _write(columns: Any, size: Any) -> Write | None:
    if not isinstance(columns, bytes) or isinstance(size, Exception):
        return None
    try:
        return redis_documents.write(columns, size)
    except (*UNREADABLE, ValueError):
        return None


def _valkey_writes(name: bytes, answer: Any) -> list[Write]:
    if not isinstance(answer, bytes):
        return []
    try:
        return redis_documents.writes_of_valkey(name, answer)
    except UNREADABLE:
        return []
