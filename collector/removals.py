"""Calls that remove or copy what a backend holds. They are rare, so that they may replay a thread.

``delete_thread`` removes all. ``prune`` keeps the newest checkpoint of each namespace with its
writes (``keep_latest``), or nothing (``delete``). ``delete_for_runs`` removes the checkpoints that
some runs put. ``copy_thread`` makes a second thread of what a first one holds. A call that spans
several threads has one row of ``operations`` for each, the first of which has its duration.
"""

from __future__ import annotations

from typing import Any

import msgspec

from collector import found, history
from collector.ledger import Ledger
from collector.processes import ProcessState
from collector.savers import SaverState
from collector.threads import ThreadState
from statemeter import events

Change = tuple[int, int, int]
"""Change of stored bytes, of live bytes and of the number of threads."""


def apply(ledger: Ledger, process: ProcessState, event: events.Removal) -> None:
    """Account for one call."""
    saver = ledger.savers.get(ledger.connection, event.saver)
    threads = _subjects(ledger, event)
    if not threads:
        ledger.removal(process, event, saver, None, (0, 0, 0), _told(event))
    for number, thread in enumerate(threads):
        part = event if number == 0 else msgspec.structs.replace(event, duration_us=0, serde_us=0)
        _, state = ledger.touch(process, part, thread)
        change, detail = (0, 0, 0), _told(event)
        if not event.error:
            change, detail = _change(ledger, event, saver, state)
        ledger.removal(process, part, saver, state, change, detail)


def _subjects(ledger: Ledger, event: events.Removal) -> list[str]:
    if event.method in {"prune", "copy_thread"}:
        return event.subjects
    if event.method == "delete_for_runs":
        ledger.flush()
        return sorted({thread for thread, _, _ in _runs(ledger, event)})
    return [event.thread]


def _change(
    ledger: Ledger, event: events.Removal, saver: SaverState, state: ThreadState
) -> tuple[Change, dict[str, Any]]:
    if event.method == "delete_thread" or event.strategy == "delete":
        told = found.withdraw_all(ledger, event.saver, state)
        change = (-state.stored_bytes, -state.live_bytes, told.threads - int(state.counted))
        state.clear(event.at_us)
        return change, _told(event)
    ledger.flush()
    if event.method == "copy_thread":
        return _copy(ledger, event, saver, state)
    held = history.all_of(ledger.connection, state.id, saver)
    if held.stored_bytes != state.stored_bytes:
        state.partial = 1  # operations past their retention are not replayed
    if event.method == "prune":
        held.keep_latest(saver, event.strategy)
        change = become(state, held, held.stored_bytes)
        return change, _told(event) | {"kept": list(held.entries)}
    runs = {(process, number) for _, process, number in _runs(ledger, event)}
    removed = [key for key, run in held.runs.items() if run in runs and key in held.entries]
    before = held.stored_bytes
    for key in removed:
        del held.entries[key]
    change = become(state, held, state.stored_bytes - (before - held.stored_bytes))
    return change, _told(event) | {"removed": removed}


def _copy(
    ledger: Ledger, event: events.Removal, saver: SaverState, state: ThreadState
) -> tuple[Change, dict[str, Any]]:
    source = ledger.load(event.saver, event.thread)
    held = history.all_of(ledger.connection, source.id, saver)
    if held.stored_bytes != source.stored_bytes:
        state.partial = 1
    exists = int(not state.counted)
    state.counted = True
    state.deleted_us = 0
    state.steps += sum(entry.put is not None for entry in held.entries.values())
    state.newest = max(state.newest, source.newest)
    stored, live, _ = become(state, held, state.stored_bytes + source.stored_bytes)
    return (stored, live, exists), _told(event) | {"source_key": source.id}


def become(state: ThreadState, held: history.Held, stored_bytes: int) -> Change:
    """Let the state be what is held now; its checkpoints are looked up from here on."""
    checkpoint, live = held.newest_root()
    change = (stored_bytes - state.stored_bytes, live - state.live_bytes, 0)
    state.stored_bytes, state.live_bytes, state.checkpoint = stored_bytes, live, checkpoint
    state.entries = {}
    state.complete = False
    state.known = state.newest
    return change


def _runs(ledger: Ledger, event: events.Removal) -> list[tuple[str, int, int]]:
    """(thread id, row of the process, number) of each run that the call names."""
    if not event.subjects:
        return []
    places = ", ".join("?" * len(event.subjects))
    rows = ledger.connection.exec_driver_sql(
        "SELECT threads.thread_id, runs.process_id, runs.number FROM runs "
        "JOIN threads ON threads.id = runs.thread_key JOIN savers ON savers.id = threads.saver_id "
        f"WHERE savers.key = ? AND runs.run_id IN ({places})",
        (event.saver, *event.subjects),
    )
    return [(thread, process, number) for thread, process, number in rows]


def _told(event: events.Removal) -> dict[str, Any]:
    return {"strategy": event.strategy} if event.strategy else {}
