"""The account of every thread, exact to the byte: what was written, is stored, and is live.

One handler for each kind of saver call. It changes the thread's state, adds to the rollups and
makes the row of ``operations``. See ``storage.models`` for the quantities and ``collector.held``
for the rules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Connection

from collector import channels as by_channel
from collector import found, history, latest, rows
from collector.attach.reached import FoundWrites
from collector.durations import Name
from collector.held import Entry, is_newest, is_time_ordered
from collector.processes import ProcessState
from collector.records import PutParts
from collector.savers import Savers, SaverState
from collector.threads import MINUTE_US, Threads, ThreadState
from collector.workload import Workload
from statemeter import events
from storage import inserts
from storage.rollups import Rollups

_encode = msgspec.json.Encoder().encode


class Ledger:
    """Takes saver calls in the order in which they were read."""

    def __init__(
        self,
        connection: Connection,
        savers: Savers,
        threads: Threads,
        rollups: Rollups,
        *,
        node_durations: dict[Name, list[int]],
        prefetch: Callable[[], None],
    ) -> None:
        self.connection = connection
        self.savers = savers
        self.threads = threads
        self.rollups = rollups
        self._node_durations = node_durations
        self._prefetch = prefetch
        self.workload = Workload()
        self._rows: list[inserts.Row] = []
        self._runs: list[inserts.Row] = []
        self._nodes: list[inserts.Row] = []
        self._regions: list[inserts.Row] = []

    def flush(self) -> None:
        """Write the rows made so far, so that a look-up finds them."""
        inserts.run(self.connection, inserts.INSERT_OPERATION, self._rows)
        inserts.run(self.connection, inserts.INSERT_RUN, self._runs)
        inserts.run(self.connection, inserts.INSERT_NODE_RUN, self._nodes)
        inserts.run(self.connection, inserts.INSERT_REGION, self._regions)
        self._rows, self._runs, self._nodes, self._regions = [], [], [], []

    def run(self, process: ProcessState, event: events.Run, _: None) -> None:
        """A run of a graph ended."""
        if event.saver:
            backend = self._saver(event.saver).backend
            self.workload.of(event.at_us, process.application, backend).runs += 1
        self._runs.append((
            process.id, event.seq, event.number, self.thread_key(event.saver, event.thread),
            event.at_us, event.duration_us, event.graph, event.run_id, event.status, event.error,
        ))  # fmt: skip

    def node(self, process: ProcessState, event: events.Node, _: None) -> None:
        """A node ran, or was answered by its cache."""
        if not event.cached and not event.error:
            name = (process.application, event.graph, event.node)
            self._node_durations[name].append(event.duration_us)
        self._nodes.append(rows.of_node(
            process, event, self.thread_key(event.saver, event.thread)
        ))  # fmt: skip

    def region(self, process: ProcessState, event: events.Region, _: None) -> None:
        """A region of the application's own code ended."""
        self._regions.append(rows.of_region(
            process, event, self.thread_key(event.saver, event.thread)
        ))  # fmt: skip

    def thread_key(self, saver: str, thread: str) -> int:
        """Row of a thread that a run or a node names, 0 where it names none."""
        if not saver or not thread:
            return 0
        return (self.threads.states.get((saver, thread)) or self.load(saver, thread)).id

    def put(self, process: ProcessState, event: events.Put, parts: PutParts) -> None:
        """A checkpoint was written."""
        saver, state = self.touch(process, event, event.thread)
        document = event.document_bytes if event.document_bytes > 0 else 0
        row_bytes = document + event.blob_bytes
        live, stored, live_change, threads_change, channels = 0, 0, 0, 0, "{}"
        told = found.NOTHING
        if not event.error:
            entry = self.entry(saver, state, event.ns, event.checkpoint)
            if entry.found and (event.duration_us >= 0 or entry.put is not None):
                told = found.withdraw_put(self, state, entry, event)
            if event.whole:
                sizes, channels = by_channel.known(parts)
                live = row_bytes
            else:
                sizes = entry.sizes = self._carried(saver, state, event, parts)
                channels = _encode(sizes).decode()
                live = document + sum(sizes.values()) - (event.inline_bytes if sizes else 0)
                entry.root = event.root
            if entry.put is None:
                state.steps += 1
            if saver.layout == latest.LAYOUT:
                key = (event.ns, event.checkpoint)
                stored = latest.replace(state.entries, key, event.parent, live, saver.backend)
            else:
                stored = entry.replace(row_bytes, live)
            threads_change = 0 if state.counted else _begin(state)
            if event.document_bytes < 0 or (
                event.parent and state.steps == 1 and not event.ns and event.duration_us >= 0
            ):
                state.partial = 1  # bytes not seen, or a first checkpoint that has a parent
            if not event.ns and is_newest(event.checkpoint, state.checkpoint):
                live_change = live - state.live_bytes
                state.live_bytes = live
                state.checkpoint = event.checkpoint
            added = by_channel.add(state, event, parts, sizes)
            work = self.workload.of(event.at_us, state.application, saver.backend)
            work.put(event, parts, sizes, added)
            state.written_bytes += row_bytes
            state.minute_written_bytes += row_bytes
            state.stored_bytes += stored
            if event.metadata_bytes > 0:
                state.metadata_bytes += event.metadata_bytes
        if told is not found.NOTHING:
            stored += told.stored
            live_change += told.live
            threads_change += told.threads
        detail = self._sum(
            process, saver, state, event, "put", row_bytes, stored, live_change, threads_change
        )  # fmt: skip
        self._rows.append(rows.of_put(
            process, state, event, row_bytes, live, stored, channels,
            by_channel.written(event, parts), parts.lists_json, detail,
        ))  # fmt: skip

    def writes(self, process: ProcessState, event: events.Writes, _: None) -> None:
        """Pending writes of a task were written."""
        saver, state = self.touch(process, event, event.thread)
        written = sum([size for _, size in event.writes if size > 0])
        stored = threads_change = 0
        told = found.NOTHING
        if not event.error:
            entry = self.entry(saver, state, event.ns, event.checkpoint)
            if type(event) is FoundWrites:
                pairs = zip(event.indexes, (size for _, size in event.writes), strict=True)
                stored = entry.add_found(event.task, list(pairs))
            else:
                if entry.found_writes:
                    told = found.withdraw_writes(self, state, entry, event)
                stored = entry.add_writes(event.task, event.writes, saver.backend)
            threads_change = 0 if state.counted else _begin(state)
            state.written_bytes += written
            state.minute_written_bytes += written
            state.stored_bytes += stored
            work = self.workload.of(event.at_us, state.application, saver.backend)
            work.writes_bytes += written
        stored += told.stored
        threads_change += told.threads
        detail = self._sum(
            process, saver, state, event, "put_writes", written, stored, told.live, threads_change
        )
        if type(event) is FoundWrites:
            detail = {"indexes": event.indexes, **(detail or {})}
        self._rows.append(rows.of_writes(process, state, event, written, stored, detail))

    def read(self, process: ProcessState, event: events.Read, _: None) -> None:
        """``get_tuple``."""
        saver, state = self.touch(process, event, event.thread)
        if event.found and state.operations == 1:
            state.partial = 1  # its first call finds something that nobody saw written
        self._other(
            process, saver, state, event, "get_tuple", event.read_bytes, int(event.found > 0)
        )

    def listing(self, process: ProcessState, event: events.List, _: None) -> None:
        """``list``, of a thread or of all."""
        saver = self._saver(event.saver)
        state = self.touch(process, event, event.thread)[1] if event.thread else None
        detail = {"first_us": event.first_us, "open_us": event.open_us}
        if event.filtered:
            detail["filtered"] = 1
        if not event.complete:
            detail["complete"] = 0
        self._other(process, saver, state, event, "list", event.read_bytes, event.rows, detail)

    def history(self, process: ProcessState, event: events.History, _: None) -> None:
        """``get_delta_channel_history``."""
        saver, state = self.touch(process, event, event.thread)
        detail = {"channels": event.channels, "writes": event.writes}
        operation = "get_delta_channel_history"
        self._other(process, saver, state, event, operation, event.read_bytes, None, detail)

    def removal(  # noqa: PLR0917 (what a removal found out)
        self, process: ProcessState, event: events.Removal, saver: SaverState,
        state: ThreadState | None, change: tuple[int, int, int], detail: dict[str, Any],
    ) -> None:  # fmt: skip
        """The row of a call that removed or copied, see ``collector.removals``."""
        self._other(process, saver, state, event, event.method, 0, None, detail, change)

    def touch(
        self, process: ProcessState, event: events.Operation, thread: str
    ) -> tuple[SaverState, ThreadState]:
        """Saver and thread of a call, which is counted; ``thread`` may be another than its own."""
        saver = self.savers.states.get(event.saver) or self._saver(event.saver)
        state = self.threads.states.get((event.saver, thread)) or self.load(event.saver, thread)
        if not state.dirty:
            self.threads.mark(event.saver, state)
        at_us, duration_us = event.at_us, event.duration_us
        if at_us < state.first_seen_us or not state.first_seen_us:
            state.first_seen_us = at_us
        state.last_seen_us = max(state.last_seen_us, at_us + duration_us)
        if not 0 <= at_us - state.minute_us < MINUTE_US:
            self.threads.end_minute(state)
            state.minute_us = at_us - at_us % MINUTE_US
        state.operations += 1
        state.minute_operations += 1
        state.backend = saver.backend
        application = process.application
        if duration_us >= 0:
            state.duration_us += duration_us
            state.serde_us += event.serde_us
        if application and (duration_us >= 0 or not state.application):
            state.application = application
        if event.graph and not event.ns:
            state.graph = event.graph
        if event.error:
            state.errors += 1
        return saver, state

    def load(self, saver: str, thread: str) -> ThreadState:
        """A thread, from memory or the store, or a new one."""
        key = (saver, thread)
        if key not in self.threads.states:
            self._prefetch()
            self.threads.load(self.connection, self._saver(saver), [thread])
        return self.threads.states[key]

    def _saver(self, key: str) -> SaverState:
        return self.savers.get(self.connection, key)

    def _sum(  # noqa: PLR0917 (called for every operation: keywords cost)
        self, process: ProcessState, saver: SaverState, state: ThreadState | None,
        event: events.Operation, operation: str, payload: int, stored: int, live: int, threads: int,
    ) -> dict[str, Any] | None:  # fmt: skip
        """Add to the sums; what has to be kept with the row to take that back."""
        application, detail = process.application, None
        if event.duration_us < 0 and state is not None:
            application, operation = state.application, found.OPERATION
            detail = found.detail(application, live, threads)
        sums = self.rollups.of(event.at_us, application, saver.backend, operation)
        sums.calls.append(
            (event.duration_us, event.serde_us, payload, event.error != "", stored, live, threads)
        )
        return detail

    def _other(  # noqa: PLR0917 (the columns that such a call has)
        self, process: ProcessState, saver: SaverState, state: ThreadState | None,
        event: events.Operation, operation: str, payload: int, rows_told: int | None,
        detail: dict[str, Any] | None = None, change: tuple[int, int, int] = (0, 0, 0),
    ) -> None:  # fmt: skip
        """The row of a call that put nothing."""
        self._sum(process, saver, state, event, operation, payload, *change)
        self._rows.append(
            rows.of_other(process, state, event, (operation, payload, change[0], rows_told), detail)
        )

    def entry(self, saver: SaverState, state: ThreadState, ns: str, checkpoint: str) -> Entry:
        """A checkpoint as the backend holds it, from memory or the store, or a new one."""
        key = (ns, checkpoint)
        if saver.layout == latest.LAYOUT and not state.complete:
            self.flush()
            state.entries = history.all_of(self.connection, state.id, saver).entries
            state.complete = True
        entry = state.entries.get(key)
        if entry is None:
            time_ordered = is_time_ordered(checkpoint)
            if not state.complete and not (time_ordered and checkpoint > state.known):
                self.flush()
                entry = history.entry_of(self.connection, state, saver, key)
            entry = state.entries[key] = entry or Entry()
            if time_ordered and checkpoint > state.newest:
                state.newest = checkpoint
        return entry

    def _carried(
        self, saver: SaverState, state: ThreadState, event: events.Put, parts: PutParts
    ) -> dict[str, int]:
        """Live bytes by channel: those written now, and the parent's for the others."""
        parent = None
        if saver.layout == latest.LAYOUT:
            parent = latest.head(state.entries, event.ns)
        elif event.parent:
            key = (event.ns, event.parent)
            parent = state.entries.get(key)
            if parent is None and not state.complete:
                self.flush()
                parent = history.entry_of(self.connection, state, saver, key)
            if parent is None or parent.sizes is None:
                state.partial = 1
        if (event.blob_bytes or event.inline_bytes) and not parts.channels:
            state.partial = 1  # too many channels to tell
        return by_channel.carried(parent.sizes if parent else None, parts)


def _begin(state: ThreadState) -> int:
    """Something is stored of a thread of which nothing was: one thread more."""
    state.counted = True
    state.deleted_us = 0
    return 1
