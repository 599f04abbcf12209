"""What a backend holds as its threads grow, by its own account, at several points of the way."""

from __future__ import annotations

from collections.abc import Callable

from collector.compare.place import Place
from collector.compare.timing import Times, timed
from collector.compare.workloads import Script
from storage.comparisons import Footprint, Point

POINTS = 5
"""Looks after the first, which is before the first turn."""
THREADS = 8
"""Most threads that are weighed: more would only repeat them."""


def weigh(
    place: Place, script: Script, *, key: str, durability: str, token: str,
    tick: Callable[[int], None],
) -> Footprint:  # fmt: skip
    """Fill an empty backend turn by turn, all threads alike, and weigh it.

    Args:
        place: the backend, empty.
        script: what is done.
        key: of the target.
        durability: of the runs.
        token: begins the ids of the threads.
        tick: is called after each turn of all threads with their number; may raise.
    """
    count = min(script.threads, THREADS)
    found = Footprint(backend=key, durability=durability, threads=count, how=place.how)
    with place.saver(1, script.serde) as saver:
        timed(saver, Times())
        times = Times()
        talks = [
            script.conversation(saver, f"{token}f{number}", durability, times)
            for number in range(count)
        ]
        turns = min(talk.turns for talk in talks)
        wanted = {round(turns * part / POINTS) for part in range(1, POINTS + 1)} - {0}
        found.points.append(_point(place, 0))
        for number in range(turns):
            for talk in talks:
                talk.turn(number)
            tick((number + 1) * count)
            if number + 1 in wanted:
                found.points.append(_point(place, number + 1))
    return found


def _point(place: Place, turns: int) -> Point:
    told = place.account()
    return Point(
        turns=turns, disk_bytes=told.disk_bytes, memory_bytes=told.memory_bytes, parts=told.parts
    )
