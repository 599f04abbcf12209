"""Reads a thread from the store as ``design_thread.Recorded``: its calls, one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine

from storage import history_held
from storage.design_blobs import Inline, changed_of, settled, tells
from storage.design_thread import Put, Recorded, Write, put_bytes
from storage.history_writes import parsed
from storage.queries import fetch, reading

OPERATIONS_READ = 50_000
"""Calls read of a thread, the newest."""

_LAYOUTS = ("whole", "channels")
_BREAKS = ('"__resume__"', '"__error__"')


def recorded(engine: Engine, thread_key: int, limit: int = OPERATIONS_READ) -> Recorded | None:
    """The thread in this row of ``threads``, None where there is none."""
    with reading(engine) as connection:
        found = fetch(
            connection,
            "SELECT t.thread_id, t.backend, s.layout, s.class_name, t.written_bytes, "
            "t.stored_bytes, t.deleted_us, t.partial FROM threads AS t "
            "JOIN savers AS s ON s.id = t.saver_id WHERE t.id = :key",
            key=thread_key,
        )
        if found.empty:
            return None
        thread = next(found.itertuples(index=False))
        calls = fetch(
            connection,
            "SELECT * FROM (SELECT id, process_id, run, at_us, operation, ns, checkpoint, parent, "
            "source, node, payload_bytes, live_bytes, stored_delta_bytes, duration_us, serde_us, "
            "channels, changed, lists, detail FROM operations WHERE thread_key = :key "
            "AND error = '' AND operation IN ('put', 'put_writes') ORDER BY id DESC "
            "LIMIT :limit) AS newest ORDER BY id",
            key=thread_key,
            limit=limit + 1,
        )
        version = _version(connection, thread_key)
        puts = calls[calls["operation"] == "put"].rename(columns={"id": "operation_id"})
        puts = puts.drop(columns="operation").rename(columns={"operation_id": "operation"})
        held = history_held.held(connection, thread_key, puts)
    told = Recorded(
        thread_id=str(thread.thread_id), backend=str(thread.backend), layout=str(thread.layout),
        class_name=str(thread.class_name), langgraph=version,
        store_bytes=(int(thread.written_bytes), int(thread.stored_bytes)),
    )  # fmt: skip
    problem = _problem(thread, puts, held)
    if problem:
        return replace(told, problem=problem)
    gone = set(puts["operation"][~held])
    return _filled(told, calls, gone, bool(thread.partial), len(calls) > limit)


def _problem(thread: Any, puts: Any, held: Any) -> str:
    if thread.layout == "latest":
        return (
            "Its saver is shallow: it keeps the newest checkpoint of each namespace alone, so that "
            "there is no history to design."
        )
    if thread.layout not in _LAYOUTS:
        return "Its saver is of a kind that is timed, not sized: nothing can be worked out."
    if thread.deleted_us and not thread.stored_bytes:
        return "The thread was deleted: the backend holds nothing of it."
    if puts.empty or not held.any():
        return (
            "No checkpoint of it is known here any more: single calls are kept for some days, and "
            "the backend may have removed the rest."
        )
    unknown = sum('"channels_unknown"' in one for one in puts["detail"])
    if unknown > len(puts) // 2:
        return (
            "Its checkpoints tell no bytes by channel (encrypted, pickled, or a backlog of the "
            "probe): a design cannot be worked out from their totals."
        )
    return ""


def _filled(told: Recorded, calls: Any, gone: set[int], partial: bool, cut: bool) -> Recorded:
    runs = _runs(calls)
    solver = Inline(told.backend == "postgres")
    rows = list(calls.itertuples(index=False))
    seen: dict[tuple[str, str], dict[str, int]] = {}
    under: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        if row.operation == "put_writes":
            names = under.setdefault((row.ns, row.checkpoint), set())
            names |= {name for name, _ in parsed(row.channels, [])}
    drafts: dict[tuple[str, str], tuple[Any, dict[str, int], frozenset[str], int]] = {}
    for row, run in zip(rows, runs, strict=True):
        if row.operation != "put":
            continue
        values = {name: size or 0 for name, size in parsed(row.channels, {}).items()}
        parent = seen.get((row.ns, row.parent))
        written = changed_of(
            row, values, parent, under.get((row.ns, row.parent), set()), told.layout
        )
        seen[row.ns, row.checkpoint] = values
        if told.layout == "channels":
            solver.add(row.live_bytes - row.payload_bytes, values, written, row.lists)
        if row.id not in gone:
            drafts[row.ns, row.checkpoint] = (row, values, written, run)
    outside = solver.inline
    puts = []
    for place, (row, values, wrote, run) in enumerate(drafts.values()):
        parent, written = seen.get((row.ns, row.parent)), wrote
        if told.layout == "channels" and parent is not None and not tells(row):
            blobs = {name: size for name, size in values.items() if name not in outside}
            written = settled(blobs, parent, wrote, int(row.live_bytes - row.payload_bytes))
        puts.append(_put(told, row, values, written, run, place))
    writes = [
        Write(
            row.ns, row.checkpoint, row.node, run,
            tuple((name, max(size, 0)) for name, size in parsed(row.channels, [])),
            int(row.stored_delta_bytes),
        )
        for row, run in zip(rows, runs, strict=True)
        if row.operation == "put_writes"
        and not (gone and (row.ns, row.checkpoint) not in drafts)
    ]  # fmt: skip
    notes = []
    if gone:
        notes.append(
            f"{len(gone):,} of its checkpoints are gone already: designs are worked out for the "
            f"{len(puts):,} that the backend holds."
        )
    if partial:
        notes.append("It was seen from the middle on: what was written before is not in this.")
    if cut:
        notes.append(f"Its newest {len(puts):,} checkpoints; older ones are left out.")
    messages = {
        name
        for lists in calls["lists"]
        if "Message" in lists
        for name, one in parsed(lists, {}).items()
        if any("Message" in kind for _, kind, _ in one[1])
    }
    known = bool((calls["duration_us"] >= 0).all())
    sent = sum(put_bytes(put, solver.inline, told.layout) for put in puts)
    sent += sum(write.bytes for write in writes)
    return replace(
        told, puts=tuple(puts), writes=tuple(writes), inline=solver.inline, notes=tuple(notes),
        message_channels=frozenset(messages),
        gone_bytes=int(calls["payload_bytes"].sum()) - sent,
        call_us=_line(calls) if known else (0.0, 0.0),
        duration_us=int(calls["duration_us"].sum()) if known else None,
        serde_us=int(calls["serde_us"].sum()) if known else None,
    )  # fmt: skip


def _put(  # noqa: PLR0917 (one row, taken apart)
    told: Recorded, row: Any, values: dict[str, int], written: frozenset[str], run: int, place: int
) -> Put:
    scale = told.value_scale
    held = {name: round(size * scale) for name, size in values.items()} if scale != 1 else values
    detail = parsed(row.detail, {})
    return Put(
        row.ns, row.checkpoint, row.parent, row.source, run,
        int(row.live_bytes) - sum(held.values()), held, written,
        {name: int(one[0]) for name, one in parsed(row.lists, {}).items()},
        {name: int(steps) for name, steps in detail.get("deltas", {}).items()}, place,
    )  # fmt: skip


def _line(calls: Any) -> tuple[float, float]:
    """Least squares of the durations of calls over their bytes; neither part is negative."""
    size = calls["payload_bytes"].to_numpy(np.float64)
    took = calls["duration_us"].to_numpy(np.float64)
    spread = float(((size - size.mean()) ** 2).sum())
    slope = float(((size - size.mean()) * (took - took.mean())).sum() / spread) if spread else 0.0
    slope = min(max(slope, 0.0), float(took.sum() / size.sum()) if size.sum() else 0.0)
    return float(took.mean() - slope * size.mean()), slope


def _runs(calls: Any) -> list[int]:
    """A number for each call: which run made it. Told by the probe; of a thread that was found in a
    database, a run begins with its input, and where one went on after an interrupt or a failure."""
    numbers: dict[tuple[int, int], int] = {}
    found, current, answered = [], 0, False
    for row in calls.itertuples(index=False):
        if row.run > 0:
            current = numbers.setdefault((row.process_id, row.run), len(numbers) + 1)
        elif row.operation == "put" and not row.ns and row.source in {"input", "update", "fork"}:
            current += 1_000_000
        elif row.operation == "put" and not row.ns and answered:
            current, answered = current + 1_000_000, False
        if row.operation == "put_writes" and any(name in row.channels for name in _BREAKS):
            answered = True
        found.append(current)
    return found


def _version(connection: Connection, thread_key: int) -> str:
    rows = fetch(
        connection,
        "SELECT p.langgraph FROM operations AS o JOIN processes AS p ON p.id = o.process_id "
        "WHERE o.thread_key = :key ORDER BY o.at_us DESC, o.id DESC LIMIT 1",
        key=thread_key,
    )
    return str(rows["langgraph"].iloc[0]) if len(rows) else ""
