"""How far attached databases were read, kept in the store with what was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.attach.reached import Reached

if TYPE_CHECKING:
    from collector.ledger import Ledger

FIRST, FOLLOWING = "first", "following"

_BEFORE = "SELECT phase, problem, problem_since_us FROM sources WHERE key = ?"
_KEEP = (
    "INSERT INTO sources (key, backend, shown, application, mode, phase, cursor, done_checkpoints, "
    "total_checkpoints, done_bytes, total_bytes, problem, problem_since_us, updated_us, added_us, "
    "removed_us) VALUES (?, '', '', '', 'attach', ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0) "
    "ON CONFLICT (key) DO UPDATE SET phase = excluded.phase, cursor = excluded.cursor, "
    "done_checkpoints = excluded.done_checkpoints, total_checkpoints = excluded.total_checkpoints, "
    "done_bytes = excluded.done_bytes, total_bytes = excluded.total_bytes, "
    "problem = excluded.problem, problem_since_us = excluded.problem_since_us, "
    "updated_us = excluded.updated_us"
)
_WHOLE = "UPDATE threads SET partial = 0 WHERE saver_id = ? AND partial = 1"


def take(ledger: Ledger, event: Reached) -> None:
    """A reader has come so far. After the first pass no thread is known from the middle on."""
    row = ledger.connection.exec_driver_sql(_BEFORE, (event.source,)).one_or_none()
    phase, problem, since_us = row or ("", "", 0)
    if not event.problem:
        since_us = 0
    elif not problem:
        since_us = event.at_us
    ledger.connection.exec_driver_sql(
        _KEEP,
        (
            event.source, event.phase, event.cursor, event.done_checkpoints,
            event.total_checkpoints, event.done_bytes, event.total_bytes, event.problem, since_us,
            event.at_us,
        ),
    )  # fmt: skip
    if event.phase == FOLLOWING and phase != FOLLOWING:
        saver = ledger.savers.get(ledger.connection, event.source)
        ledger.connection.exec_driver_sql(_WHOLE, (saver.id,))
        for (key, _), state in ledger.threads.states.items():
            if key == event.source and state.partial:
                state.partial = 0
                ledger.threads.mark(key, state)
