"""Trials of serializers: what may be asked of a thread, and what was found."""

from __future__ import annotations

import msgspec
import numpy as np
from sqlalchemy import Engine, text

from storage import queries_jobs, queries_values
from storage.queries import fetch, reading
from storage.queries_jobs import Job
from storage.serializer_trials import KIND, MOST_STEPS, Asked, Step, Trial, decode

LAYOUTS = {"memory": "channels", "postgres": "channels"}
"""Backend → what its savers serialize for a step; any other: the checkpoint as one value."""


def asked(engine: Engine, thread_key: int, steps: int = MOST_STEPS) -> Asked | None:
    """What a trial of a thread measures: checkpoints spread evenly over those that are known; None
    for a thread that is gone, or of which none is known."""
    place = queries_values.place_of(engine, thread_key)
    with reading(engine) as connection:
        puts = fetch(
            connection,
            "SELECT ns, checkpoint, parent FROM operations WHERE thread_key = :key "
            "AND operation = 'put' AND error = '' AND checkpoint <> '' ORDER BY checkpoint, id",
            key=thread_key,
        ).drop_duplicates(["ns", "checkpoint"])
        row = connection.execute(
            text(
                "SELECT t.graph, t.steps, t.stored_bytes, s.class_name, s.layout, s.serializer "
                "FROM threads AS t JOIN savers AS s ON s.id = t.saver_id WHERE t.id = :key"
            ),
            {"key": thread_key},
        ).one_or_none()
    if place is None or row is None or puts.empty:
        return None
    graph, of_steps, stored, class_name, layout, serializer = row
    if layout == "latest":
        puts = puts.drop_duplicates("ns", keep="last")
    chosen = puts.iloc[_evenly(len(puts), steps)]
    return Asked(
        saver=place.saver, backend=place.backend, class_name=class_name,
        layout="latest" if layout == "latest" and place.backend == "postgres"
        else LAYOUTS.get(place.backend, "whole"),
        thread=place.thread, graph=graph, serializer=serializer, database=place.database,
        incarnations=list(place.incarnations), of_steps=max(int(of_steps), len(puts)),
        thread_bytes=int(stored),
        steps=[Step(*map(str, one)) for one in chosen.itertuples(index=False)],
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
