"""The job ``designs``: a replay that a page asks for. See ``collector.jobs.kinds``."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import msgspec
from sqlalchemy.exc import DatabaseError

from collector.designs.replay import PREFIX, Replay
from collector.jobs.errors import CannotRun
from collector.jobs.kinds import Work
from statemeter import settings
from storage import design_trials
from storage.design_reading import recorded
from storage.design_thread import Recorded
from storage.design_trials import Asked, Trials
from storage.errors import StoreError
from storage.jobs import Request
from storage.queries_threads import find_thread
from storage.store import open_reader

STORE = "store"
"""Name of the secret that holds the address of the metrics store."""


def run(work: Work) -> None:
    """Read the thread, replay it, tell what was measured."""
    try:
        asked = design_trials.asked(work.request.asked)
    except msgspec.ValidationError as error:
        raise CannotRun(f"This cannot be asked: {error}.") from None
    work.tell("reading the thread", 0.0)
    thread = load(work.request.secrets.get(STORE) or settings.store_url(), asked)
    replay = Replay(thread, asked.designs, asked.settings, asked.rounds)

    def tell(phase: str, share: float, found: Trials) -> None:
        found.saver = asked.saver
        work.tell(phase, share, found if found.trials else None)

    found = replay.run(tell, work.made)
    found.saver = asked.saver
    work.tell("done", 1.0, found)


def load(store: str, asked: Asked) -> Recorded:
    """The thread that is asked for.

    Raises:
        CannotRun: there is none, several storages have one, or the store cannot be read.
    """
    try:
        engine = open_reader(store)
        try:
            rows = find_thread(engine, asked.thread, asked.saver)
            found = recorded(engine, int(rows["id"].iloc[0])) if len(rows) == 1 else None
        finally:
            engine.dispose()
    except (StoreError, DatabaseError) as error:
        raise CannotRun(f"The store cannot be read: {type(error).__name__}.") from None
    if len(rows) > 1:
        raise CannotRun(f"Several storages have a thread {asked.thread!r}: name one.")
    if found is None:
        raise CannotRun(f"The store has no thread {asked.thread!r}.")
    return found


def clean(request: Request, made: list[str]) -> None:
    """Remove the temporary folder of a job that was killed."""
    for name in made:
        if Path(name).name.startswith(PREFIX):
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(name)
