"""What costs depend on, summed by hour at ingest: see ``storage.models_costs.WorkloadHour``."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from collector.channels import Added
from collector.records import PutParts
from statemeter import events
from storage import inserts

HOUR_US = 3_600_000_000
SMALL_BYTES = 2_000
"""Largest value that is taken for a text or a number where its type was not told."""
MESSAGES = "messages"
"""LangGraph's own name of the channel that a model reads (``MessagesState``)."""

_KEY = ("bucket_us", "application", "backend")
_OF_PUT = (
    "document_bytes", "bookkeeping_bytes", "held_bytes", "name_bytes", "changed_bytes",
    "small_bytes", "small_changed_bytes",
)  # fmt: skip
_OF_MESSAGES = ("message_bytes", "message_elements")
_SUMS = (
    "puts", "unknown_puts", "writes_bytes", "seen_puts", "message_writes", "runs", *_OF_PUT,
    *_OF_MESSAGES,
)  # fmt: skip
_ADD = (
    f"INSERT INTO workload_hours ({', '.join((*_KEY, *_SUMS))}) "
    f"VALUES ({', '.join('?' * (len(_KEY) + len(_SUMS)))}) ON CONFLICT ({', '.join(_KEY)}) "
    f"DO UPDATE SET {', '.join(f'{name} = {name} + excluded.{name}' for name in _SUMS)}"
)


class Work:
    """What happened in an hour, an application and a backend: told by the call, summed at the end
    of a batch, which is faster than to add up each."""

    __slots__ = ("messages", "puts", "runs", "seen_puts", "unknown_puts", "writes_bytes")

    def __init__(self) -> None:
        self.puts: list[tuple[int, ...]] = []
        """Of each checkpoint whose channels were told: ``_OF_PUT``."""
        self.messages: list[tuple[int, int]] = []
        """Of each step seen that wrote messages: ``_OF_MESSAGES``."""
        self.unknown_puts = self.writes_bytes = self.seen_puts = self.runs = 0

    def put(
        self, event: events.Put, parts: PutParts, sizes: dict[str, int], added: Added
    ) -> None:  # fmt: skip
        """Add a checkpoint; ``sizes`` are those of all its channels."""
        if event.document_bytes < 0 or event.channels_unknown:
            self.unknown_puts += 1
            return
        changed = parts.channels if parts.changed is None else parts.changed
        sums, written = added
        held = sum(sizes.values())
        if event.inline_bytes:
            small, small_written = event.inline_bytes, max(written - event.blob_bytes, 0)
        else:
            small, small_written = held, written
            for channel, size in sizes.items():
                if size > SMALL_BYTES or (channel in sums and sums[channel][3] is not None):
                    small -= size
                    if channel in changed:
                        small_written -= size
        bookkeeping = event.bookkeeping_bytes if event.bookkeeping_bytes > 0 else 0
        names = len("".join(sizes)) + len(sizes)
        self.puts.append(
            (event.document_bytes, bookkeeping, held, names, written, small, small_written)
        )
        if event.duration_us >= 0:
            self.seen_puts += 1
            if MESSAGES in changed:
                self.messages.append((sizes.get(MESSAGES, 0), parts.elements.get(MESSAGES, 0)))

    def sums(self) -> tuple[int, ...]:
        """The values of ``_SUMS``."""
        return (
            len(self.puts), self.unknown_puts, self.writes_bytes, self.seen_puts,
            len(self.messages), self.runs, *_summed(self.puts, len(_OF_PUT)),
            *_summed(self.messages, len(_OF_MESSAGES)),
        )  # fmt: skip


def _summed(rows: Sequence[tuple[int, ...]], columns: int) -> list[int]:
    return [sum(column) for column in zip(*rows, strict=True)] or [0] * columns


_NEVER = (-2 * HOUR_US, "", "", Work())


class Workload:
    """The hours that a batch touches."""

    def __init__(self) -> None:
        self._hours: dict[tuple[int, str, str], Work] = {}
        self._last = _NEVER

    def of(self, at_us: int, application: str, backend: str) -> Work:
        """The work of an hour, to be added to in place."""
        start_us, last_application, last_backend, last = self._last
        if (
            0 <= at_us - start_us < HOUR_US
            and application == last_application
            and backend == last_backend
        ):
            return last  # as most
        key = (at_us - at_us % HOUR_US, application, backend)
        work = self._hours.get(key)
        if work is None:
            work = self._hours[key] = Work()
        self._last = (*key, work)
        return work

    def save(self, connection: Connection) -> None:
        """Add all to the store and forget them."""
        hours, self._hours, self._last = self._hours, {}, _NEVER
        inserts.run(connection, _ADD, [(*key, *work.sums()) for key, work in hours.items()])
