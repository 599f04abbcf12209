"""The ingest transaction: what was read becomes rows, and the position moves with them, or nothing.

What is held in memory mirrors what is committed. When a transaction fails, all of it is thrown
away and loaded again, so that there is no half-done state to mend.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine

from collector import found, removals, vanished
from collector.accesses import Accesses
from collector.attach import keep
from collector.attach.reached import FoundPut, FoundWrites, Reached
from collector.errors import Fenced
from collector.ledger import Ledger
from collector.processes import ATTACHED, ENDED_IN_ORDER, Processes, ProcessState
from collector.reader import Slice
from collector.records import Bad, Item
from collector.savers import Savers
from collector.segments import Segments
from collector.threads import Threads
from statemeter import events
from storage import inserts
from storage.rollups import Rollups
from storage.store import plain

DEAD_LETTERS_KEPT = 10_000

_FENCE = (
    "UPDATE collector SET ingested = ingested + ?, dead_letters = ? WHERE id = 1 AND holder = ?"
)
_NO_PROCESS = ProcessState(0, "", {"application": ""})
_OF_THREADS = (events.Operation, events.Node, events.Region, events.Run)


class Ingest:
    """Stores slices; ``load`` comes first, and again after each exception."""

    def __init__(self, engine: Engine, holder: str) -> None:
        self._engine = engine
        self._holder = holder
        self._stored = 0
        self.loaded = False

    def load(self) -> None:
        """Begin from what is committed."""
        with plain(self._engine) as cursor:
            self.savers = Savers(cursor)
            self.accesses = Accesses(cursor)
            row = cursor.execute("SELECT dead_letters FROM collector WHERE id = 1").fetchone()
        self.dead_letters: dict[str, int] = msgspec.json.decode(row[0] if row else "{}")
        self.segments = Segments(self._engine)
        self.processes = Processes()
        self.threads = Threads()
        self.loaded = True

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that only the holder of the lease can commit.

        Raises:
            Fenced: another collector holds the lease.
        """
        self._stored = 0
        try:
            with self._engine.begin() as connection:
                yield connection
                counts = msgspec.json.encode(self.dead_letters).decode()
                fenced = connection.exec_driver_sql(_FENCE, (self._stored, counts, self._holder))
                if fenced.rowcount != 1:
                    raise Fenced("Another collector has taken over this store.")
        except BaseException:
            self.loaded = False
            raise

    def store(self, slices: list[Slice], poison: bool = False) -> int:
        """Store what was read, in one transaction; returns how many events were new.

        Args:
            slices: continue at the stored positions.
            poison: the events made an earlier transaction fail: they become dead letters.

        Raises:
            Fenced: another collector holds the lease, or moved a position.
            DatabaseError: the store refused; nothing was changed.
        """
        with self.transaction() as connection:
            rollups = Rollups()
            prefetch = partial(self._load_threads, connection, slices)
            ledger = Ledger(
                connection, self.savers, self.threads, rollups,
                node_durations=self.accesses.durations.told, prefetch=prefetch,
            )  # fmt: skip
            samples: list[inserts.Row] = []
            if poison:
                self._reject(connection, slices)
            else:
                self._process(connection, slices, _handlers(ledger, self.accesses, samples))
            self._write_dead_letters(connection, slices)
            for part in slices:
                self.segments.move(connection, part, sealed=_ends_with_seal(part))
            ledger.flush()
            inserts.run(connection, inserts.INSERT_SAMPLE, samples)
            self.threads.save(connection)
            self.processes.save(connection)
            rollups.save(connection)
            ledger.workload.save(connection)
            self.accesses.save(connection, _newest_us(slices))
        self.threads.saved()
        self.accesses.saved()
        self.processes.saved()
        return self._stored

    def store_servers(self, readings: list[tuple[events.Resource, events.Gauges]]) -> None:
        """Store what servers told of themselves, if anything; no process told it.

        Raises:
            Fenced: another collector holds the lease.
        """
        if not readings:
            return
        with self.transaction() as connection:
            for server, gauges in readings:
                self.accesses.introduce(server)
                self.accesses.gauges(connection, _NO_PROCESS, gauges)
            self.accesses.save(connection, readings[-1][1].at_us)
        self.accesses.saved()

    def _process(
        self, connection: Connection, slices: list[Slice], handlers: dict[type, Any]
    ) -> None:
        streams = [(self.processes.get(connection, part.incarnation), part) for part in slices]
        stored = 0
        for process, items in _in_order(streams):
            sequence = process.sequence
            for event, parts in items:
                if event.seq == sequence.last + 1:  # as accept() does, without its call
                    sequence.last += 1
                elif not sequence.accept(event.seq):
                    continue
                stored += 1
                handlers[type(event)](process, event, parts)
        for process, part in streams:
            process.dirty = True
            if part.items:
                process.see(part.items[0][0].at_us)
                process.see(part.items[-1][0].at_us)
        self._stored = stored

    def _load_threads(self, connection: Connection, slices: list[Slice]) -> None:
        """Load all threads that the slices name and that are not in memory, many at once."""
        named = {
            (event.saver, event.thread): None  # in their order: so are the rows of savers
            for part in slices for event, _ in part.items if isinstance(event, _OF_THREADS)
        }  # fmt: skip
        states = self.threads.states
        missing: dict[str, set[str]] = {}
        for saver, thread in named:
            if saver and thread and (saver, thread) not in states:
                missing.setdefault(saver, set()).add(thread)
        for saver, wanted in missing.items():
            self.threads.load(connection, self.savers.get(connection, saver), wanted)

    def _reject(self, connection: Connection, slices: list[Slice]) -> None:
        for part in slices:
            process = self.processes.get(connection, part.incarnation)
            process.dirty = True
            for event, _ in part.items:
                process.sequence.accept(event.seq)
                length = part.end - part.start - 1
                part.rejected.append(Bad(0, "store", length, part.head))

    def _write_dead_letters(self, connection: Connection, slices: list[Slice]) -> None:
        now_us = time.time_ns() // 1000
        rows: list[inserts.Row] = []
        for part in slices:
            for letter in part.rejected:
                self.dead_letters[letter.reason] = self.dead_letters.get(letter.reason, 0) + 1
                rows.append((
                    now_us, part.incarnation, part.number, part.start + letter.offset,
                    letter.reason, letter.length, letter.record,
                ))  # fmt: skip
        if rows:
            inserts.run(connection, inserts.INSERT_DEAD_LETTER, rows)
            connection.exec_driver_sql(
                "DELETE FROM dead_letters WHERE id <= (SELECT max(id) FROM dead_letters) - ?",
                (DEAD_LETTERS_KEPT,),
            )


def _handlers(ledger: Ledger, accesses: Accesses, samples: list[inserts.Row]) -> dict[type, Any]:
    """What takes the events of each class."""

    def introduce(process: ProcessState, event: events.Process, _: None) -> None:
        process.introduce(event)

    def introduce_saver(process: ProcessState, event: events.Saver, __: None) -> None:
        attached = process.values["kind"] == ATTACHED
        ledger.savers.introduce(ledger.connection, event, only_new=attached)

    def remove(process: ProcessState, event: events.Removal, _: None) -> None:
        apply = vanished.apply if event.method == vanished.METHOD else removals.apply
        apply(ledger, process, event)

    def sample(process: ProcessState, event: events.Sample, _: None) -> None:
        samples.append(process.sample(event))

    def seal(process: ProcessState, event: events.Seal, _: None) -> None:
        if event.final:
            process.values["ended"] = ENDED_IN_ORDER

    def introduce_resource(_: ProcessState, event: events.Resource, __: None) -> None:
        accesses.introduce(event)

    def access(process: ProcessState, event: events.Access, _: None) -> None:
        accesses.access(ledger.connection, process, event)

    def reached(_: ProcessState, event: Reached, __: None) -> None:
        keep.take(ledger, event)

    def gauges(process: ProcessState, event: events.Gauges, _: None) -> None:
        accesses.gauges(ledger.connection, process, event)

    return {
        events.Process: introduce,
        events.Saver: introduce_saver,
        events.Run: ledger.run,
        events.Node: ledger.node,
        events.Region: ledger.region,
        events.Put: ledger.put,
        FoundPut: partial(found.put, ledger),
        FoundWrites: partial(found.writes, ledger),
        Reached: reached,
        events.Writes: ledger.writes,
        events.Read: ledger.read,
        events.List: ledger.listing,
        events.History: ledger.history,
        events.Removal: remove,
        events.Sample: sample,
        events.Resource: introduce_resource,
        events.Access: access,
        events.Gauges: gauges,
        events.Seal: seal,
    }


def _newest_us(slices: list[Slice]) -> int:
    return max((part.items[-1][0].at_us for part in slices if part.items), default=0)


def _ends_with_seal(part: Slice) -> bool:
    return bool(part.items) and type(part.items[-1][0]) is events.Seal


def _in_order(
    streams: list[tuple[ProcessState, Slice]],
) -> Iterable[tuple[ProcessState, Iterable[Item]]]:
    """Events of several processes by their time, those of one process as they were written."""
    if len({part.incarnation for _, part in streams}) == 1:
        return [(process, part.items) for process, part in streams]
    by_incarnation: dict[str, list[tuple[ProcessState, Item]]] = {}
    for process, part in streams:
        pairs = by_incarnation.setdefault(part.incarnation, [])
        pairs.extend((process, item) for item in part.items)
    merged = heapq.merge(*by_incarnation.values(), key=lambda pair: pair[1][0].at_us)
    return ((process, (item,)) for process, item in merged)
