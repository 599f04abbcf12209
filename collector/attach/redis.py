"""A Redis or Valkey database of RedisSaver, ShallowRedisSaver or ValkeySaver, attached.

One connection, named ``statemeter``, and commands that only read (``redis_asking``), so many at
once that others wait for some milliseconds. Which saver it was, its keys tell.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis as driver

from collector.attach import redis_counts, redis_keys
from collector.attach.cursors import Cursor
from collector.attach.pages import Pages
from collector.attach.redis_asking import Server
from collector.attach.redis_documents import Key, Write
from collector.attach.redis_forms import Form, Latest, OfValkey, Whole
from collector.attach.redis_gauges import Gauges
from collector.attach.redis_new import New
from collector.attach.source import Batch, Found, Held, SaverFacts, Total
from collector.inspection import redis, url
from collector.inspection import redis_keys as known_keys
from collector.inspection.errors import CouldNotLook
from collector.inspection.url import Address

_AT_ONCE = 100
_SECONDS = 0.03
"""How long others wait for a batch of commands: Redis does one thing at a time."""
_REST = 3.0
"""Between two of the first pass it is left alone so many times as long."""
_LOOKED_KEYS = 50_000
_SAMPLE = 50


@contextmanager
def opened(address: Address) -> Iterator[Redis]:
    """The database of an address.

    Raises:
        CouldNotLook: it cannot be reached, or its keys are of something else.
    """
    with redis.connected(address) as (client, place):
        try:
            server = Server(client)
            form = _form(server, address)
        except driver.RedisError as error:
            raise redis.refused(address, error) from None
        yield Redis(server, form, place)


def _form(server: Server, address: Address) -> Form:
    """The kind of saver that wrote there; of an empty database, the one that the URL suggests."""
    found: list[bytes] = []
    looked, known = 0, False
    for name in ("checkpoint",) if "checkpoint" in server.indexes() else ():
        found += server.some(name, _SAMPLE)
    for keys in server.scan() if not found else ():
        looked += len(keys)
        known = known or any(key.startswith(_PREFIXES) for key in keys)
        found += [key for key in keys if key.startswith(redis_keys.CHECKPOINT)]
        if len(found) >= _SAMPLE or looked >= _LOOKED_KEYS:
            break
    for key in found[:_SAMPLE]:
        if isinstance(server.all([("GET", key)], strict=False)[0], bytes):
            return OfValkey(server)
    forms = {
        _is_whole(key, server.all([("JSON.GET", key, "$.checkpoint_id")], strict=False)[0])
        for key in found[:_SAMPLE]
    }
    if True in forms:
        return Whole(server)
    if False in forms:
        return Latest(server)
    if looked and not known:
        raise CouldNotLook(
            f"{address.shown} is not a database of LangGraph: of {looked:,} keys none begins with "
            "checkpoint:. Check the number of the database at the end of the URL."
        )
    return OfValkey(server) if address.backend == "valkey" else Whole(server)


_PREFIXES = tuple(name.encode() for name in known_keys.PREFIXES)


def _is_whole(key: bytes, answer: Any) -> bool | None:
    """Whether the key of a document ends with the id of its checkpoint; None: it is no document."""
    if not isinstance(answer, bytes) or not answer.startswith(b'["'):
        return None
    return key.endswith(b":" + answer.removeprefix(b'["').removesuffix(b'"]'))


class Redis:
    """A ``Source``."""

    failures: tuple[type[Exception], ...] = (driver.RedisError,)

    def __init__(self, server: Server, form: Form, place: tuple[str, int, int]) -> None:
        self.server = server
        self.form = form
        self._place = place
        self._gauges = Gauges(server, form)
        self._new = New(self)
        self._counts = redis_counts.Counts(server, form)
        self._changes: Any = None

    def saver(self) -> SaverFacts:
        """See ``Source``."""
        identity, label = url.at_server(self.form.backend, *self._place)
        identity += " latest" if self.form.layout == "latest" else ""
        return SaverFacts(
            key=url.storage_key(self.form.backend, identity), backend=self.form.backend,
            class_name=self.form.class_name, layout=self.form.layout, label=label,
        )  # fmt: skip

    def total(self) -> Total:
        """See ``Source``: what the search index has; without one it is not known before a scan."""
        return Total(self._counts.documents())

    def read(self, cursor: str) -> Iterator[Batch]:
        """See ``Source``: in the order of checkpoint ids (``redis_keys``)."""
        at = Cursor.of(cursor)
        if at.key is not None:
            place = str(at.key[0]) if at.key else ""
            scan = lambda: self.server.scan("checkpoint:*")  # noqa: E731
            for part in redis_keys.slices(scan, place, self.form.is_checkpoint):
                yield from self._first(part, at)
            yield from self._alone(at)
            at.key = None
            yield Batch([], at.text(), 0)
        yield from self._new.read(at)

    def changed(self) -> bool:
        """See ``Source``: by the server's count of changes since it last saved."""
        info = self.server.one("INFO", "everything")
        known = {}
        if isinstance(info, bytes):
            lines = (line.partition(b":") for line in info.splitlines())
            known = {name: value for name, _, value in lines}
        elif isinstance(info, dict):
            known = {str(name).encode(): str(value).encode() for name, value in info.items()}
        found = [known.get(b"rdb_changes_since_last_save"), known.get(b"rdb_last_save_time")]
        before, self._changes = self._changes, found
        return None in found or before != found

    def gauges(self) -> dict[str, int]:
        """See ``Source``."""
        return self._gauges.read()

    def counts(self, threads: Sequence[str]) -> dict[str, int]:
        """See ``Source``."""
        return self._counts.of(threads)

    def held(self, thread: str) -> Held:
        """See ``Source``."""
        return self._counts.held(thread)

    def batch(self, keys: Sequence[bytes]) -> tuple[list[Found], int]:
        """Checkpoints under some keys, each followed by its pending writes, and their bytes."""
        found: list[Found] = []
        size = 0
        there = self.form.checkpoints(keys)
        names: list[Key] = [(one.thread, one.ns, one.checkpoint) for one in there]
        self._new.saw_states(names)  # before the writes: what comes between is told again
        writes = self.form.writes(names)
        for one, pending in zip(there, writes, strict=True):
            found += [one, *self.form.tasks(pending)]
            size += max(0, one.document_bytes) + sum(write[6] for write in pending)
        return found, size

    def _first(self, part: Sequence[redis_keys.Placed], at: Cursor) -> Iterator[Batch]:
        pages, begin = Pages(_AT_ONCE, _SECONDS, _REST), 0
        while begin < len(part):
            page = part[begin : begin + pages.rows]
            begin += len(page)
            begun = time.monotonic()
            found, size = self.batch([key for _, key in page])
            pages.took(time.monotonic() - begun, size)
            self._new.saw(found)
            fresh = self._new.fresh(found, at)
            at.key = [page[-1][0]]
            yield Batch(fresh, at.text(), size)
            pages.rest()

    def _alone(self, at: Cursor) -> Iterator[Batch]:
        """Pending writes whose checkpoint is not there."""
        for writes in self._gauges.alone():
            rows: list[Write] = writes
            found = self.form.tasks(rows)
            yield Batch(list(found), at.text(), sum(row[6] for row in rows))
