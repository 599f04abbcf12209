"""What was found in a database: accounted for as the call that wrote it, and once.

A reader of an attached database and a probe in its application may tell of the same call, in any
order. What is known already changes nothing. What a reader told first makes way for what the probe
tells, which knows more: its row and sums are taken back, and their changes of bytes and threads go
to the probe's. Sums by time of what was found are under an operation of their own, so that counts,
rates and latencies of ``put`` remain those of calls that were seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from collector import channels as by_channel
from collector.attach.reached import FoundPut, FoundWrites
from collector.held import Entry
from collector.threads import ThreadState
from statemeter import events
from storage import rollups

if TYPE_CHECKING:
    from collector.ledger import Ledger
    from collector.processes import ProcessState
    from collector.records import PutParts

OPERATION = rollups.FOUND
"""In rollups; the rows of ``operations`` say ``put`` and ``put_writes``, with durations of -1."""


@dataclass(frozen=True, slots=True)
class Told:
    """Changes that a reader told of: of stored bytes, live bytes and the number of threads."""

    stored: int = 0
    live: int = 0
    threads: int = 0


NOTHING = Told()

_ROWS = (
    "SELECT id, operation, ns, at_us, payload_bytes, metadata_bytes, stored_delta_bytes, channels, "
    "changed, detail FROM operations WHERE thread_key = ? AND duration_us = -1 "
    "AND operation IN ('put', 'put_writes')"
)
_PUT = f"{_ROWS} AND operation = 'put' AND checkpoint = ? AND ns = ?"
_ATTACHED = "SELECT count(*) FROM sources WHERE key = ?"
_WRITES = (
    "SELECT id, at_us, payload_bytes, stored_delta_bytes, channels, detail FROM operations WHERE "
    "thread_key = ? AND operation = 'put_writes' AND duration_us = -1 AND checkpoint = ? "
    "AND ns = ? AND task = ?"
)
_DELETE = "DELETE FROM operations WHERE id = ?"
_KEEP = (
    'UPDATE operations SET payload_bytes = ?, stored_delta_bytes = ?, "rows" = ?, channels = ?, '
    "detail = ? WHERE id = ?"
)

_encode = msgspec.json.Encoder().encode
_sizes = msgspec.json.Decoder(dict[str, int]).decode
_names = msgspec.json.Decoder(list[str] | int).decode
_pairs = msgspec.json.Decoder(list[tuple[str, int]]).decode
_detail = msgspec.json.Decoder(dict[str, Any]).decode


def put(ledger: Ledger, process: ProcessState, event: FoundPut, parts: PutParts) -> None:
    """A checkpoint was found."""
    saver, state = _known(ledger, event)
    if event.made_us < state.deleted_us:
        return  # it was read before the thread was deleted
    entry = ledger.entry(saver, state, event.ns, event.checkpoint)
    row_bytes = max(event.document_bytes, 0) + event.blob_bytes
    if entry.put is not None and (not entry.found or entry.put == row_bytes):
        return
    entry.found = True
    ledger.put(process, _dated(event), parts)


def writes(ledger: Ledger, process: ProcessState, event: FoundWrites, _: None) -> None:
    """Pending writes were found."""
    saver, state = _known(ledger, event)
    if event.made_us < state.deleted_us or len(event.indexes) != len(event.writes):
        return
    entry = ledger.entry(saver, state, event.ns, event.checkpoint)
    new = [
        (index, write)
        for index, write in zip(event.indexes, event.writes, strict=True)
        if (key := (event.task, index)) not in entry.writes
        or (key in entry.found_writes and entry.writes[key] != write[1])
    ]
    if new:
        event = msgspec.structs.replace(
            _dated(event), indexes=[index for index, _ in new], writes=[write for _, write in new]
        )
        ledger.writes(process, event, None)


def detail(application: str, live: int, threads: int) -> dict[str, Any]:
    """What is kept with a row so that it can be taken back."""
    kept: dict[str, Any] = {"found": application}
    if live or threads:
        kept["change"] = [live, threads]
    return kept


def withdraw_put(ledger: Ledger, state: ThreadState, entry: Entry, event: events.Put) -> Told:
    """Take back what a reader told of a checkpoint that a probe tells now, or a reader once more:
    of a pruned thread the checkpoints that are left come again, with blobs of others."""
    entry.found = event.duration_us < 0
    return _withdraw(ledger, state, _PUT, (state.id, event.checkpoint, event.ns))[0]


def withdraw_all(ledger: Ledger, saver: str, state: ThreadState) -> Told:
    """Take back all that a reader told of a thread and no probe: a probe tells that it is deleted,
    and will tell what was put after that."""
    if not ledger.connection.exec_driver_sql(_ATTACHED, (saver,)).scalar_one():
        return NOTHING
    told, puts = _withdraw(ledger, state, _ROWS, (state.id,))
    state.steps -= puts
    state.stored_bytes -= told.stored
    state.live_bytes -= told.live
    return told


def _withdraw(
    ledger: Ledger, state: ThreadState, sql: str, values: tuple[Any, ...]
) -> tuple[Told, int]:
    """Take back rows; their changes together, and how many puts they were."""
    ledger.flush()
    total, puts = NOTHING, 0
    for (
        number, operation, ns, at_us, payload, metadata, stored, channels, changed, packed,
    ) in ledger.connection.exec_driver_sql(sql, values).all():  # fmt: skip
        total = _sum(total, _take_back(ledger, state, at_us, payload, stored, _detail(packed)))
        ledger.connection.exec_driver_sql(_DELETE, (number,))
        if operation == "put":
            puts += 1
            sizes, names = _sizes(channels), _names(changed)
            written = sizes if isinstance(names, int) else {n: sizes.get(n, 0) for n in names}
            by_channel.withdraw(state, ns, written)
            state.metadata_bytes -= max(metadata or 0, 0)
    return total, puts


def withdraw_writes(ledger: Ledger, state: ThreadState, entry: Entry, event: events.Writes) -> Told:
    """The same of pending writes; of a row that has others too, those stay."""
    index_of = events.SPECIAL_WRITE_INDEX.get
    called = {(event.task, index_of(channel, at)) for at, (channel, _) in enumerate(event.writes)}
    covered = called & entry.found_writes
    if not covered:
        return NOTHING
    entry.found_writes -= covered
    ledger.flush()
    total = NOTHING
    key = (state.id, event.checkpoint, event.ns, event.task)
    for number, at_us, payload, stored, channels, packed in ledger.connection.exec_driver_sql(
        _WRITES, key
    ).all():
        known = _detail(packed)
        pairs = list(zip(known["indexes"], _pairs(channels), strict=True))
        kept = [pair for pair in pairs if (event.task, pair[0]) not in covered]
        if len(kept) == len(pairs):
            continue
        if not kept:
            total = _sum(total, _take_back(ledger, state, at_us, payload, stored, known))
            ledger.connection.exec_driver_sql(_DELETE, (number,))
            continue
        left = sum(max(size, 0) for _, (_, size) in kept)
        gone = Told(min(payload - left, stored))
        _account(ledger, state, at_us, known.get("found", ""), 0, payload - left, gone)
        known["indexes"] = [index for index, _ in kept]
        writes = _encode([write for _, write in kept]).decode()
        ledger.connection.exec_driver_sql(
            _KEEP,
            (left, stored - gone.stored, len(kept), writes, _encode(known).decode(), number),
        )
        total = _sum(total, gone)
    return total


def _take_back(  # noqa: PLR0917 (the columns of a row)
    ledger: Ledger, state: ThreadState, at_us: int, payload: int, stored: int, known: dict[str, Any]
) -> Told:
    live, threads = known.get("change", (0, 0))
    told = Told(stored, live, threads)
    _account(ledger, state, at_us, known.get("found", ""), 1, payload, told)
    return told


def _account(  # noqa: PLR0917 (the columns of a row)
    ledger: Ledger, state: ThreadState, at_us: int, application: str, rows: int, payload: int,
    told: Told,
) -> None:  # fmt: skip
    """Take a row or a part of one out of the sums of its thread, its minute and its time."""
    state.operations -= rows
    state.written_bytes -= payload
    ledger.threads.withdraw(ledger.connection, state, at_us, payload, rows)
    sums = ledger.rollups.of(at_us, application, state.backend, OPERATION)
    sums.count -= rows
    sums.payload_bytes -= payload
    sums.stored_delta_bytes -= told.stored
    sums.live_delta_bytes -= told.live
    sums.threads_delta -= told.threads


def _sum(one: Told, other: Told) -> Told:
    return Told(one.stored + other.stored, one.live + other.live, one.threads + other.threads)


def _known(ledger: Ledger, event: events.Operation) -> tuple[Any, ThreadState]:
    state = ledger.threads.states.get((event.saver, event.thread))
    saver = ledger.savers.get(ledger.connection, event.saver)
    return saver, state or ledger.load(event.saver, event.thread)


def _dated(event: Any) -> Any:
    """With the time of the checkpoint, where it is known."""
    return msgspec.structs.replace(
        event, at_us=event.made_us or event.at_us, duration_us=-1, serde_us=-1
    )
