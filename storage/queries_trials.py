"""Trials of serializers: what may be asked of a thread, and what was found."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Engine, text

from storage import queries_jobs, queries_values
from storage.queries import fetch, reading
from storage.queries_jobs import Job
from storage.serializer_trials import KIND, MOST_STEPS, Asked, Step, Trial, decode

LOOKED_AT = 20_000
"""Newest calls among which the newest checkpoints of a storage are looked for."""

_PUT = "o.operation = 'put' AND o.error = '' AND o.checkpoint <> ''"
_SAVER = (
    "s.class_name, s.layout, s.serializer FROM threads AS t JOIN savers AS s ON s.id = t.saver_id"
)

LAYOUTS = {"memory": "channels", "postgres": "channels"}
"""Backend → what its savers serialize for a step; any other: the checkpoint as one value."""


def asked(engine: Engine, thread_key: int, steps: int = MOST_STEPS) -> Asked | None:
    """What a trial of a thread measures: checkpoints spread evenly over those that are known; None
    for a thread that is gone, or of which none is known."""
    place = queries_values.place_of(engine, thread_key)
    with reading(engine) as connection:
        puts = fetch(
            connection,
            "SELECT o.ns, o.checkpoint, o.parent FROM operations AS o WHERE o.thread_key = :key "
            f"AND {_PUT} ORDER BY o.checkpoint, o.id",
            key=thread_key,
        ).drop_duplicates(["ns", "checkpoint"])
        row = connection.execute(
            text(f"SELECT t.graph, t.steps, t.stored_bytes, {_SAVER} WHERE t.id = :key"),
            {"key": thread_key},
        ).one_or_none()
    if place is None or row is None or puts.empty:
        return None
    made = _asked(place, row, place.thread)
    if row.layout == "latest":
        puts = puts.drop_duplicates("ns", keep="last")
    chosen = puts.iloc[_evenly(len(puts), steps)]
    return msgspec.structs.replace(
        made, of_steps=max(made.of_steps, len(puts)),
        steps=[Step(*map(str, one)) for one in chosen.itertuples(index=False)],
    )  # fmt: skip


def asked_newest(engine: Engine, saver: str, steps: int = MOST_STEPS) -> Asked | None:
    """The same of the newest checkpoints of a storage, of whichever threads; None where none is
    known.

    Args:
        engine: of the store.
        saver: key of the storage.
        steps: most of them.
    """
    with reading(engine) as connection:
        puts = fetch(
            connection,
            "SELECT o.ns, o.checkpoint, o.parent, t.thread_id, o.thread_key FROM operations AS o "
            "JOIN threads AS t ON t.id = o.thread_key JOIN savers AS s ON s.id = t.saver_id "
            f"WHERE o.id > (SELECT max(id) FROM operations) - :most AND s.key = :saver AND {_PUT} "
            "AND t.deleted_us = 0 ORDER BY o.id DESC LIMIT :steps",
            most=LOOKED_AT,
            saver=saver,
            steps=steps,
        ).drop_duplicates(["thread_id", "ns", "checkpoint"])
        row = connection.execute(
            text(
                "SELECT '' AS graph, sum(t.steps) AS steps, sum(t.stored_bytes) AS stored_bytes, "
                f"{_SAVER} WHERE s.key = :saver GROUP BY s.id"
            ),
            {"saver": saver},
        ).one_or_none()
    place = None if puts.empty else queries_values.place_of(engine, int(puts["thread_key"].iloc[0]))
    if place is None or row is None:
        return None
    if row.layout == "latest":
        puts = puts.drop_duplicates(["thread_id", "ns"])
    rows = puts.drop(columns="thread_key").iloc[::-1].itertuples(index=False)
    return msgspec.structs.replace(
        _asked(place, row, ""), steps=[Step(*map(str, one)) for one in rows]
    )


def _asked(place: queries_values.Place, row: Any, thread: str) -> Asked:
    shallow = row.layout == "latest" and place.backend == "postgres"
    return Asked(
        saver=place.saver, backend=place.backend, class_name=row.class_name,
        layout="latest" if shallow else LAYOUTS.get(place.backend, "whole"), thread=thread,
        graph=row.graph, serializer=row.serializer, database=place.database,
        incarnations=list(place.incarnations), of_steps=int(row.steps),
        thread_bytes=int(row.stored_bytes), steps=[],
    )  # fmt: skip


def trials(engine: Engine) -> list[Job]:
    """Trials that were asked for, the newest first."""
    return queries_jobs.jobs(engine, KIND)


def trial(engine: Engine, key: str) -> tuple[Job, Trial | None] | None:
    """A trial and what it found, as far as it is; None where there is none of this id."""
    found = queries_jobs.job(engine, key)
    if found is None or found[0].kind != KIND:
        return None
    try:
        return found[0], decode(found[1])
    except msgspec.MsgspecError:  # of another version
        return found[0], None


def _evenly(count: int, wanted: int) -> list[int]:
    return sorted({round(float(place)) for place in np.linspace(0, count - 1, min(count, wanted))})
