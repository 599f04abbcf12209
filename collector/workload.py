"""What costs depend on, summed by hour at ingest: see ``storage.models_costs.WorkloadHour``."""

from __future__ import annotations

from sqlalchemy import Connection

from collector.records import PutParts
from collector.savers import SaverState
from collector.threads import ChannelSums
from statemeter import events
from storage import inserts

HOUR_US = 3_600_000_000
SMALL_BYTES = 2_000
"""Largest value that is taken for a text or a number where its type was not told."""
MESSAGES = "messages"
"""LangGraph's own name of the channel that a model reads (``MessagesState``)."""

_KEY = ("bucket_us", "application", "backend")
_SUMS = inserts.columns_of("workload_hours", without=_KEY)
_ADD = (
    f"INSERT INTO workload_hours ({', '.join((*_KEY, *_SUMS))}) "
    f"VALUES ({', '.join('?' * (len(_KEY) + len(_SUMS)))}) ON CONFLICT ({', '.join(_KEY)}) "
    f"DO UPDATE SET {', '.join(f'{name} = {name} + excluded.{name}' for name in _SUMS)}"
)


class Work:
    """The sums of an hour, an application and a backend."""

    __slots__ = _SUMS

    puts: int
    unknown_puts: int
    document_bytes: int
    bookkeeping_bytes: int
    held_bytes: int
    name_bytes: int
    changed_bytes: int
    small_bytes: int
    small_changed_bytes: int
    writes_bytes: int
    seen_puts: int
    message_writes: int
    message_bytes: int
    message_elements: int
    runs: int

    def __init__(self) -> None:
        for name in _SUMS:
            setattr(self, name, 0)

    def put(
        self,
        event: events.Put,
        parts: PutParts,
        sizes: dict[str, int],
        sums: dict[str, ChannelSums],
    ) -> None:
        """Add a checkpoint; ``sizes`` are those of all its channels."""
        if event.document_bytes < 0 or event.channels_unknown:
            self.unknown_puts += 1
            return
        changed = parts.channels if parts.changed is None else parts.changed
        held = sum(sizes.values())
        written = sum([sizes.get(channel, 0) for channel in changed])
        if event.inline_bytes:
            small, small_written = event.inline_bytes, max(written - event.blob_bytes, 0)
        else:
            small, small_written = held, written
            told = sums.get
            for channel, size in sizes.items():
                if size > SMALL_BYTES or ((known := told(channel)) and known[3] is not None):
                    small -= size
                    if channel in changed:
                        small_written -= size
        self.puts += 1
        self.document_bytes += event.document_bytes
        if event.bookkeeping_bytes > 0:
            self.bookkeeping_bytes += event.bookkeeping_bytes
        self.held_bytes += held
        self.name_bytes += len("".join(sizes)) + len(sizes)
        self.changed_bytes += written
        self.small_bytes += small
        self.small_changed_bytes += small_written
        if event.duration_us >= 0:
            self.seen_puts += 1
            if MESSAGES in changed:
                self.message_writes += 1
                self.message_bytes += sizes.get(MESSAGES, 0)
                self.message_elements += parts.elements.get(MESSAGES, 0)


class Workload:
    """The hours that a batch touches."""

    def __init__(self) -> None:
        self._hours: dict[tuple[int, str, str], Work] = {}

    def of(self, at_us: int, application: str, saver: SaverState) -> Work:
        """The sums of an hour, to be added to in place."""
        key = (at_us - at_us % HOUR_US, application, saver.backend)
        work = self._hours.get(key)
        if work is None:
            work = self._hours[key] = Work()
        return work

    def save(self, connection: Connection) -> None:
        """Add all to the store and forget them."""
        hours, self._hours = self._hours, {}
        rows = [(*key, *(getattr(work, name) for name in _SUMS)) for key, work in hours.items()]
        inserts.run(connection, _ADD, rows)
