"""Where the values of a thread are: in which database, or in which process."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from storage.queries import fetch, reading

MOST_PROCESSES = 8


@dataclass(frozen=True)
class Place:
    """Where to ask for the checkpoints of a thread."""

    saver: str
    """Key of the saver."""
    backend: str
    thread: str
    """Id of the thread."""
    database: str
    """Path of a database file, empty: none is known."""
    incarnations: tuple[str, ...] = ()
    """Of a saver in memory: processes that may hold it and have not ended, the likeliest first."""
    process: str = ""
    """The first of them, for people."""


def place_of(engine: Engine, thread_key: int) -> Place | None:
    """Where the checkpoints of a thread are; None for a row that is gone.

    A saver in memory is of one process: that of the thread's newest operation. Where retention took
    the operations away, any live process of its application may be it; each knows its own savers.
    """
    with reading(engine) as connection:
        found = fetch(
            connection,
            "SELECT s.key, s.backend, s.database, t.thread_id, t.application FROM threads AS t "
            "JOIN savers AS s ON s.id = t.saver_id WHERE t.id = :thread",
            thread=thread_key,
        )
        if not len(found):
            return None
        row = found.iloc[0]
        place = Place(str(row.key), str(row.backend), str(row.thread_id), str(row.database))
        if place.backend != "memory":
            return place
        processes = fetch(
            connection,
            "SELECT p.incarnation, p.pid, p.host, p.ended FROM operations AS o JOIN processes AS p "
            "ON p.id = o.process_id WHERE o.thread_key = :thread ORDER BY o.at_us DESC LIMIT 1",
            thread=thread_key,
        )
        if not len(processes):
            processes = fetch(
                connection,
                "SELECT incarnation, pid, host, ended FROM processes WHERE application = :name "
                "AND ended = 0 ORDER BY last_seen_us DESC LIMIT :most",
                name=str(row.application),
                most=MOST_PROCESSES,
            )
    alive = [one for one in processes.itertuples() if not one.ended]
    return Place(
        place.saver,
        place.backend,
        place.thread,
        "",
        tuple(str(one.incarnation) for one in alive),
        f"process {alive[0].pid} on {alive[0].host}" if alive else "",
    )
