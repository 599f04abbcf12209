"""What the puts of a history told of their channels: sizes, and which ones their steps wrote."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from storage import history_writes
from storage.design_blobs import changed_of, tells
from storage.history_tree import NOWHERE
from storage.history_writes import parsed
from storage.queries import fetch
from storage.queries_history import BEFORE_US, History

_CHUNK = 500
"""Rows that one statement asks for."""


@dataclass(frozen=True)
class Told:
    """What a put told."""

    channels: dict[str, int]
    """Channel → live bytes, of all of the checkpoint."""
    written: frozenset[str]
    """Those that the step wrote, emptied ones too."""
    lists: dict[str, Any]
    """Written list channel → elements and the largest of them, see ``Operation.lists``."""
    deltas: frozenset[str]
    """Channels of the kind ``DeltaChannel``."""
    unknown: str
    """Why channels are missing, empty: none is."""


def read(connection: Connection, found: History, places: Iterable[int]) -> dict[int, Told]:
    """Place in ``found.table`` → what its put told."""
    wanted = {int(place) for place in places}
    rows = _rows(connection, found, wanted)
    untold = [place for place in rows if not tells(rows[place]) and rows[place].layout != "whole"]
    parents = {place: int(found.parents[place]) for place in untold}
    known = rows | _rows(connection, found, set(parents.values()) - rows.keys() - {NOWHERE})
    sizes = {place: _sizes(row) for place, row in known.items()}
    writes = history_writes.Writes()
    if untold:
        since = min(int(rows[place].at_us) for place in untold) - BEFORE_US
        writes = history_writes.read(connection, int(rows[untold[0]].thread_key), since)
    return {
        place: _told(row, sizes[place], sizes.get(parents.get(place, NOWHERE)), writes)
        for place, row in rows.items()
    }


def _told(
    row: Any, sizes: dict[str, int], parent: dict[str, int] | None, writes: history_writes.Writes
) -> Told:
    detail = parsed(row.detail, {})
    tasks = writes.tasks.get((row.ns, row.parent), {}).values()
    wrote = {name for task in tasks for name in task.channels}
    return Told(
        sizes, changed_of(row, sizes, parent, wrote, row.layout), parsed(row.lists, {}),
        frozenset([*detail.get("deltas", {}), *detail.get("snapshots", [])]),
        str(detail.get("channels_unknown", "")),
    )  # fmt: skip


def _sizes(row: Any) -> dict[str, int]:
    return {name: size or 0 for name, size in parsed(row.channels, {}).items()}


def _rows(connection: Connection, found: History, places: set[int]) -> dict[int, Any]:
    """Place → row of ``operations``, and the layout of the saver."""
    place_of = {int(found.table["operation"].iloc[place]): place for place in places}
    numbers = sorted(place_of)
    rows: dict[int, Any] = {}
    for begin in range(0, len(numbers), _CHUNK):
        names = ", ".join(map(str, numbers[begin : begin + _CHUNK]))
        part = fetch(
            connection,
            "SELECT o.id, o.thread_key, o.at_us, o.ns, o.parent, o.channels, o.changed, o.lists, "
            "o.detail, s.layout FROM operations AS o JOIN threads AS t ON t.id = o.thread_key "
            f"JOIN savers AS s ON s.id = t.saver_id WHERE o.id IN ({names})",
        )
        rows |= {place_of[int(row.id)]: row for row in part.itertuples(index=False)}
    return rows
