"""What an attached database no longer holds: told by its reader, for nobody saw the call.

A thread is gone as by ``delete_thread``, checkpoints as by ``delete_for_runs``. Rows of what was
found mirror the database, and go with it; those of calls that a probe told have their own age.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collector import history, removals
from collector.attach import times
from statemeter import events

if TYPE_CHECKING:
    from collector.ledger import Ledger
    from collector.processes import ProcessState
    from collector.threads import ThreadState

METHOD = "vanished"
_PLACES = 500
_FORGET = "DELETE FROM operations WHERE thread_key = ? AND duration_us = -1"


def apply(ledger: Ledger, process: ProcessState, event: events.Removal) -> None:
    """Account for what is gone; a thread that was begun anew since is left as it is."""
    saver = ledger.savers.get(ledger.connection, event.saver)
    state = ledger.load(event.saver, event.thread)
    if not state.counted or (
        not event.subjects and times.of_checkpoint(state.newest) > event.at_us
    ):
        return
    ledger.flush()
    detail: dict[str, Any] = {}
    if event.subjects:
        held = history.all_of(ledger.connection, state.id, saver)
        gone = set(event.subjects)
        before = held.stored_bytes
        removed = [key for key in held.entries if key[1] in gone]
        history.drop(held.entries, removed, event.strategy)
        stored_bytes = state.stored_bytes - (before - held.stored_bytes)
        change = removals.become(state, held, stored_bytes)
        detail = {"removed": removed, "part": event.strategy}
        _forget(ledger, state, sorted(gone), event.strategy)
    else:
        change = (-state.stored_bytes, -state.live_bytes, -1)
        state.clear(event.at_us)
        ledger.connection.exec_driver_sql(_FORGET, (state.id,))
    ledger.touch(process, event, event.thread)
    state.operations -= 1  # it is no call
    ledger.removal(process, event, saver, state, change, detail)


def _forget(ledger: Ledger, state: ThreadState, checkpoints: list[str], of: str) -> None:
    """Delete rows of what was found, of checkpoints or of their writes."""
    operation = "put" if of == "checkpoints" else "put_writes"
    for begin in range(0, len(checkpoints), _PLACES):
        part = checkpoints[begin : begin + _PLACES]
        places = ", ".join("?" * len(part))
        sql = f"{_FORGET} AND operation = '{operation}' AND checkpoint IN ({places})"
        ledger.connection.exec_driver_sql(sql, (state.id, *part))
