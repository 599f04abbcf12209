"""The event format: what the probe writes and the collector reads.

A spool segment is a file ``<incarnation>-<segment>.v<FORMAT>.spool``: 32 hex digits of a UUID that
names one life of one process, a six-digit segment number from 000001, and the format version.
Each line of it is one record::

    crc32 of the JSON (8 lowercase hex) SP JSON array LF

at most ``RECORD_MAX_BYTES`` long. The array is ``[tag, seq, at_us, ...]``, in the order of the
fields below; fields added later are appended, so that an older reader ignores them and a newer
one takes their defaults. A change that a reader must know of raises ``FORMAT``.

``seq`` counts the records of an incarnation from 1 without a gap: a missing number proves a loss.
``at_us`` is the wall clock in microseconds since 1970 (UTC) at the *start* of what is told;
durations come from the monotonic clock. Strings are names and identifiers; no event carries a
value of the state, a prompt or the text of an exception.

Sizes
    Bytes are those that the saver itself made. A saver with layout ``whole`` (SQLite) serializes
    the checkpoint in one document that holds all channels; one with layout ``channels``
    (InMemorySaver) makes a document without values and a blob for each channel that changed;
    PostgreSQL's has small values inside the document, which is sized as the server writes it.

    * *written bytes* of a ``Put``: the document, plus the blobs of this call.
    * *channel bytes*: the serialized value of the channel alone, without its name. In a
      ``whole`` document an absent value takes no entry; a ``channels`` saver writes none either.
      For values of the same type both layouts give the same number, but for ``None`` (1 byte
      inside a document, 0 as a blob of its own) and ``bytes`` (2 to 5 bytes of msgpack header
      inside a document, none as a blob).
    * *live bytes* of a channel: its channel bytes in the newest checkpoint, written by that call
      or by an earlier one.
    * *metadata bytes* are told apart and count neither as written nor as stored.
"""

from __future__ import annotations

from typing import Any

import msgspec

from statemeter.event_base import NUMBER_MAX, Event, Number
from statemeter.events_beside import Access, Gauges, Region, Resource

__all__ = [
    "FORMAT", "LARGEST_ELEMENTS", "NUMBER_MAX", "RECORD_MAX_BYTES", "SPECIAL_WRITE_INDEX",
    "Access", "AnyEvent", "Event", "Gauges", "History", "List", "Node", "Number", "Operation",
    "Process", "Put", "Read", "Region", "Removal", "Resource", "Run", "Sample", "Saver", "Seal",
    "Writes", "decode", "encode", "tag_of",
]  # fmt: skip

FORMAT = 1
"""Version of the record format, part of each segment's file name."""

RECORD_MAX_BYTES = 64 * 1024
"""Longest record in bytes, LF included; a longer one is dropped by the probe and counted."""

SPECIAL_WRITE_INDEX = {"__error__": -1, "__scheduled__": -2, "__interrupt__": -3, "__resume__": -4}
"""Index under which savers keep the writes to LangGraph's special channels; every other write of a
task is kept under its position in the list (``langgraph.checkpoint.base.WRITES_IDX_MAP``)."""


class Process(Event, frozen=True, array_like=True, gc=False, tag="process"):
    """An instrumented process introduced itself: first in each segment, then once a minute."""

    application: str
    host: str
    pid: Number
    started_us: Number
    """Creation time of the process, µs since 1970: with ``pid`` it survives reuse of pids."""
    python: str = ""
    langgraph: str = ""
    probe: str = ""
    kind: str = ""  # attached: it tells what it found in a database (collector.attach)


class Saver(Event, frozen=True, array_like=True, gc=False, tag="saver"):
    """A saver was instrumented: once in each segment, then once a minute."""

    key: str
    """12 hex digits that name the storage: equal in all processes that use the same database, and
    different for each in-memory saver of each process. Operations refer to it."""
    backend: str
    """``memory``, ``sqlite``, ``postgres``, ``redis``, ``mongodb``, ``valkey`` or ``other``."""
    class_name: str
    layout: str
    """``whole`` or ``channels`` (see above); ``latest``: only the newest checkpoint of a namespace
    is kept (each ``put`` tells which of the two it was); ``unknown`` where none was seen."""
    label: str = ""
    """What a person would call it: a file name, never a password."""
    serializer: str = ""
    database: str = ""
    """Absolute path of a database file, for the viewer on the same machine; else empty."""


class Run(Event, frozen=True, array_like=True, gc=False, tag="run"):
    """A run of a graph ended (invoke, stream, one item of a batch, …)."""

    number: Number
    """Number of the run in its incarnation, from 1; operations and nodes refer to it."""
    duration_us: Number
    saver: str
    thread: str
    graph: str
    run_id: str
    """LangGraph's run id, empty where no node ran."""
    status: str
    """``done``, ``interrupted``, ``error`` or ``closed`` (a stream left before its end)."""
    error: str = ""


class Node(Event, frozen=True, array_like=True, gc=False, tag="node"):
    """A node ran once (each attempt of a retry on its own), or was answered by its cache."""

    duration_us: Number
    run: Number
    saver: str
    thread: str
    ns: str
    """Checkpoint namespace of the graph that the node is part of."""
    graph: str
    step: Number
    """Super-step; -1 where unknown (cached)."""
    node: str
    task: str
    """Task id, empty where unknown (cached)."""
    error: str = ""
    """Class of the exception; an interrupt is ``GraphInterrupt`` and no failure."""
    cached: Number = 0
    """1: the result came from the node cache, the node did not run."""
    rss_before_bytes: Number = -1
    """Resident memory of the process when it began; -1 where unknown (cached, no ``/proc``)."""
    rss_after_bytes: Number = -1
    """The same at its end; see ``statemeter.resident`` for what they can tell of one node."""
    rss_peak_bytes: Number = -1
    """The highest that was read of it; -1 where nothing was read in between: it is no lower than
    before and after."""


class Operation(Event, frozen=True, array_like=True, gc=False):
    """What every call of a saver tells. ``error`` is the class of the exception, or empty."""

    duration_us: Number
    saver: str
    graph: str
    run: Number
    """Run number, 0 outside a run."""
    thread: str
    ns: str
    checkpoint: str
    """Checkpoint id asked for or written; empty for 'the latest'."""
    error: str
    serde_us: Number
    """Time in the serializer during this call: serializing for puts, deserializing for reads."""
    serializer: str
    """Serializer tag of the document or of the first value: ``msgpack``, ``json``, ``pickle``,
    ``msgpack+aes``, ``zstd:msgpack``, … (empty: none seen)."""


class Put(Operation, frozen=True, array_like=True, gc=False, tag="put"):
    """``put``/``aput``: a checkpoint was written."""

    parent: str
    """Parent checkpoint id, empty for a first one."""
    step: Number
    source: str
    """``input``, ``loop``, ``update`` or ``fork``."""
    document_bytes: Number
    """The checkpoint document; -1 where the serializer was not seen."""
    blob_bytes: Number
    """Channel blobs beside the document, in this call."""
    metadata_bytes: Number
    """-1 where unknown."""
    bookkeeping_bytes: Number
    """``channel_versions`` + ``versions_seen`` inside the document; -1 where unknown."""
    whole: Number
    """1: ``channels`` names every channel of the checkpoint; 0: only those written now, the others
    are those of the parent checkpoint."""
    channels: msgspec.Raw
    """JSON object, channel → channel bytes; ``null``: the channel was emptied by this step."""
    changed: msgspec.Raw = msgspec.Raw(b"0")
    """JSON list of the channels that this step wrote; 0: all in ``channels``."""
    lists: msgspec.Raw = msgspec.Raw(b"{}")
    """JSON object, written list channel → ``[element count, [[index, type, bytes], …]]``, the
    largest elements first, at most ``LARGEST_ELEMENTS``."""
    channels_unknown: str = ""
    """Why channel bytes are missing: ``encrypted``, ``compressed``, ``pickle``, ``backlog``, … ."""
    inline_bytes: Number = 0
    """Of the bytes in ``channels``, those that lie inside the document of a saver that writes
    other channels as blobs (PostgreSQL): they are in ``document_bytes``, too."""
    root: str = ""
    """For a subgraph: the checkpoint of the root graph from which its call started."""
    deltas: dict[str, Number] = {}
    """Each ``DeltaChannel`` whose value is not in this checkpoint → super-steps since its last
    snapshot: a read walks so many ancestors, and replays the pending writes found there."""
    snapshots: list[str] = []
    """Each ``DeltaChannel`` of which this call wrote the full value; its bytes are in
    ``channels``."""


class Writes(Operation, frozen=True, array_like=True, gc=False, tag="writes"):
    """``put_writes``/``aput_writes``: pending writes of a task were written."""

    task: str
    node: str
    """Node of the task, empty for input and updates."""
    writes: list[tuple[str, Number]]
    """(channel, bytes of the value), in the order of the call. -1: size not seen."""


class Read(Operation, frozen=True, array_like=True, gc=False, tag="read"):
    """``get_tuple``/``aget_tuple``."""

    found: Number
    """1: there was such a checkpoint."""
    read_bytes: Number
    """Serialized bytes that were deserialized: checkpoint, pending writes, and metadata where it
    passes through the serializer."""


class List(Operation, frozen=True, array_like=True, gc=False, tag="list"):
    """``list``/``alist``: ``duration_us`` is the time spent inside the saver, all rows together."""

    rows: Number
    first_us: Number
    """Time to the first row; -1 where there was none."""
    open_us: Number
    """From the first request to exhaustion or close, the caller's own work included."""
    read_bytes: Number
    filtered: Number = 0
    """1: called with ``filter=``."""
    complete: Number = 1
    """0: left before its end."""


class History(Operation, frozen=True, array_like=True, gc=False, tag="history"):
    """``get_delta_channel_history``: what a DeltaChannel is rebuilt from."""

    channels: list[str]
    writes: Number
    """Pending writes that were replayed."""
    read_bytes: Number


class Removal(Operation, frozen=True, array_like=True, gc=False, tag="removal"):
    """``delete_thread``, ``prune``, ``copy_thread`` or ``delete_for_runs``; ``vanished``: a thread
    of an attached database is no longer there, or of it the checkpoints in ``subjects``.

    ``thread`` is the thread of ``delete_thread`` and the source of ``copy_thread``.
    """

    method: str
    subjects: list[str] = []
    """Threads of ``prune``, target of ``copy_thread``, runs of ``delete_for_runs``, checkpoint ids
    of ``vanished``: empty for the whole thread."""
    strategy: str = ""
    """``keep_latest`` or ``delete``, for ``prune``; ``keep_latest:3`` keeps three checkpoints. Of
    ``vanished``, what of the checkpoints is gone: ``checkpoints`` or ``writes``; empty: both."""


class Sample(Event, frozen=True, array_like=True, gc=False, tag="sample"):
    """The process, once a second while it lives."""

    rss_bytes: Number
    cpu_us: Number
    """CPU time of the process since its start, user + system."""
    threads: Number
    emitted: Number
    """Events that the probe has taken since the start of the incarnation."""
    dropped: dict[str, Number]
    """Events lost since the start of the incarnation, by reason."""
    failures: Number = 0
    """Faults inside the probe since the start of the incarnation; none reached the graph."""


class Seal(Event, frozen=True, array_like=True, gc=False, tag="seal"):
    """The segment ended here; ``final`` = 1: so did the process, in good order."""

    final: Number = 0


AnyEvent = (
    Process | Saver | Run | Node | Put | Writes | Read | List | History | Removal | Sample
    | Resource | Access | Gauges | Region | Seal
)  # fmt: skip
"""Every event; the first element of the array tells which."""

LARGEST_ELEMENTS = 3
"""How many elements of a list channel a ``Put`` names."""

encode = msgspec.json.Encoder().encode
"""A tuple in field order, the tag first → JSON."""

decode = msgspec.json.Decoder(AnyEvent).decode
"""JSON → event. Raises ``msgspec.ValidationError`` or ``msgspec.DecodeError``."""


def tag_of(event_class: type[Any]) -> str:
    """The first element of the records of an event class."""
    return str(event_class.__struct_config__.tag)
