"""Dashboards that read a store, each with an engine of its own, while others write it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from storage import queries, queries_health, queries_steps, queries_threads
from storage.store import open_reader

WINDOW_S = queries.WINDOWS["15m"]


class Readings:
    """What some dashboards saw."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        """Of each query of a page."""
        self.errors: list[BaseException] = []
        self.rounds: list[int] = []
        """How often each dashboard read all pages."""

    def quantile(self, q: float) -> float:
        """Of the seconds."""
        return sorted(self.seconds)[int(q * (len(self.seconds) - 1))]

    def timed(self, query: Callable[..., Any], *arguments: Any) -> Any:
        begun = time.perf_counter()
        result = query(*arguments)
        self.seconds.append(time.perf_counter() - begun)
        return result


@contextmanager
def reading(store: Path, number: int, rest_seconds: float) -> Iterator[Readings]:
    """That many dashboards read meanwhile, with a rest between rounds; none may fail."""
    told, stop = Readings(), threading.Event()
    told.rounds = [0] * number

    def read(index: int) -> None:
        try:
            engine = open_reader(str(store))
            written = 0
            while not stop.is_set():
                written = pages(engine, told, written)
                told.rounds[index] += 1
                stop.wait(rest_seconds)
            engine.dispose()
        except BaseException as error:
            told.errors.append(error)

    threads = [threading.Thread(target=read, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield told
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if told.errors:
        raise told.errors[0]


def pages(engine: Engine, told: Readings, written_before: int) -> int:
    """Overview, list and one thread; the bytes written so far, which never become fewer."""
    told.timed(queries_health.health, engine)
    overview = told.timed(queries.overview, engine, WINDOW_S)
    totals = overview.totals
    levels = overview.levels.iloc[-1] if len(overview.levels) else {}
    for backend, stored in zip(totals["backend"], totals["stored_bytes"], strict=True):
        assert levels[backend] == stored, "a page has two snapshots"
    written = int(totals["written_bytes"].sum())
    assert written >= written_before
    rows = told.timed(queries_threads.list_threads, engine).rows
    keys = [int(key) for key in rows["id"]]
    told.timed(queries_threads.histories, engine, keys, WINDOW_S)
    if keys:
        steps = told.timed(queries_steps.steps, engine, keys[0])
        assert len(steps.table)
        told.timed(queries_threads.find_thread, engine, str(rows["thread_id"].iloc[0]))
    return written
