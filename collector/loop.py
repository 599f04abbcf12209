"""The collector: wait for the lease, then read, store and tidy up until asked to stop.

Whatever stops it from reading or writing is shown and tried again; nothing is deleted from the
spool before it is stored, so that waiting loses nothing.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    ProgrammingError,
)

from collector import beside, orders, repair, spool
from collector.attach.supervise import Supervisor
from collector.errors import Fenced, SpoolUnusable
from collector.gather import BATCH_RECORDS, Gatherer
from collector.health import Health
from collector.ingest import Ingest
from collector.inspection import keep
from collector.jobs.supervise import Jobs
from collector.lease import Lease
from collector.progress import Progress
from collector.servers import Servers
from collector.upkeep import Upkeep, newer_problem
from collector.wal import bound_wal
from statemeter import settings
from storage import retention, store
from storage.errors import StoreDamaged, StoreUnwritable

logger = logging.getLogger("statemeter.collector")

IDLE_SECONDS = 0.1
"""Between looks at the spool while nothing arrives."""
BEAT_SECONDS = 1.0
RETRY_SECONDS = 0.5
SWEEP_SECONDS = 60.0
GARBAGE_SECONDS = 10.0
REBUILT_SECONDS = 600
"""How long the loss of a damaged store is shown."""

_REFUSED = (IntegrityError, DataError, InterfaceError, ProgrammingError)
"""What the database or its driver says of a row that it does not take, whatever the state of the
file."""
_TROUBLES = (DBAPIError, sqlite3.Error, StoreUnwritable)
"""What stops the store as a whole, for now."""


@dataclass(frozen=True)
class Options:
    """What a collector is told at its start."""

    url: str
    """Store, as a URL."""
    folder: Path
    """Spool."""
    once: bool = False
    """Store what is there, then end."""
    stopped: Callable[[], bool] = lambda: False
    """Asked between batches."""
    sleep: Callable[[float], object] = time.sleep


class Collector:
    """One collector; ``run`` returns when it was stopped or, with ``once``, when all is stored."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._path = store.store_path(options.url)
        self._days = float(settings.get("STATEMETER_RETENTION_DAYS"))
        self._lease = Lease()
        self._health = Health(options.folder)
        self._gatherer = Gatherer()
        self._progress = Progress()
        self._servers = Servers(settings.get("STATEMETER_SERVERS") or "")
        self._readers = Supervisor(options.folder, str(self._path), os.getpid())
        self._jobs = Jobs(options.folder, os.getpid())
        self._beside = beside.watch(options.url)
        self._engine: Engine | None = None
        self._inode = 0
        self._limit = BATCH_RECORDS
        self._said = ""
        self._kept: dict[str, int] = {}
        self._rebuilt_until_us = 0

    def run(self) -> None:
        """Collect.

        Raises:
            StoreError: the store cannot be opened at the start, or is somebody else's.
            SpoolUnusable: with ``once``, the spool cannot be read.
        """
        self._open()
        if not self._options.once:
            self._servers.start()
        gc.collect()
        gc.freeze()
        gc.disable()  # rows have no cycles; what has is collected now and then
        try:
            while not self._options.stopped():
                try:
                    self._open()
                    if self._hold():
                        return
                except Fenced as error:
                    self._stop_children()
                    self._say(str(error))
                except _TROUBLES as error:
                    self._trouble(error)
        finally:
            gc.enable()
            self._servers.stop()
            self._stop_children()
            self._close()

    def _stop_children(self) -> None:
        self._readers.stop()
        self._beside.stop()
        self._jobs.stop()

    def _open(self) -> None:
        if self._engine is None:
            try:
                self._engine = store.open_writer(self._options.url)
            except StoreDamaged:
                self._quarantine()
                self._engine = store.open_writer(self._options.url)
            self._inode = self._path.stat().st_ino

    def _hold(self) -> bool:
        """Wait for the lease and work while it lasts; True when there is no more to do."""
        engine = self._engine
        assert engine is not None
        while (other := self._lease.take(engine, time.time_ns() // 1000)) is not None:
            self._say(f"{other} collects into {self._path}; waiting for its lease")
            if self._options.stopped():
                return True
            self._options.sleep(RETRY_SECONDS)
        self._say(f"collecting from {self._options.folder} into {self._path}")
        ingest = Ingest(engine, self._lease.holder)
        upkeep = Upkeep(engine, ingest)
        beat = sweep = collect = 0.0
        looks = 0
        while not self._options.stopped():
            now = time.monotonic()
            if not ingest.loaded:
                ingest.load()
            listing = self._scan()
            due = now >= beat
            worked = False
            if listing is not None:
                if due:
                    upkeep.find_dead(listing, time.time())
                worked = self._step(ingest, upkeep, listing)
            if due:
                beat = now + BEAT_SECONDS
                self._beat(ingest, upkeep, listing, engine)
            if now >= sweep and not worked:
                sweep = now + SWEEP_SECONDS
                retention.sweep(
                    engine, time.time_ns() // 1000, self._days, self._not_stopped, self._kept
                )
            if now >= collect:
                collect = now + GARBAGE_SECONDS
                gc.collect()
            if worked:
                looks = 0
                continue
            if self._options.once and listing is not None:
                looks += 1
                upkeep.find_dead(listing, time.time(), at_once=True)
                if looks > 1:  # the first look may have found torn tails to be dead
                    self._beat(ingest, upkeep, listing, engine)
                    with contextlib.suppress(Fenced):  # then the other one looks
                        self._beside.look_once(ingest.transaction)
                    return True
                continue
            self._options.sleep(IDLE_SECONDS)
        return True

    def _not_stopped(self) -> bool:
        return not self._options.stopped()

    def _scan(self) -> spool.Listing | None:
        """What is in the spool, None while it cannot be read."""
        folder = self._options.folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            listing = spool.scan(folder)
        except OSError as error:
            problem = (
                f"The spool {folder} cannot be read: {error.strerror}. Make it a folder that this "
                "user may read and write, or set STATEMETER_SPOOL to another one."
            )
            if self._options.once:
                raise SpoolUnusable(problem) from None
            self._health.problems["spool"] = problem
            return None
        self._health.problems.pop("spool", None)
        self._health.note("newer", newer_problem(listing, folder))
        return listing

    def _step(self, ingest: Ingest, upkeep: Upkeep, listing: spool.Listing) -> bool:
        """Store one batch; False when there is none."""
        slices = self._gatherer.gather(listing, ingest.segments, upkeep.dead, self._limit)
        problems = self._health.problems
        for name, reason in self._gatherer.unreadable.items():
            problems["segment"] = f"The segment {name} cannot be read: {reason}."
        if not self._gatherer.unreadable:
            problems.pop("segment", None)
        if not slices:
            return False
        try:
            stored = ingest.store(slices)
        except (Fenced, sqlite3.Error):
            raise
        except Exception as error:
            if isinstance(error, DBAPIError) and not isinstance(error, _REFUSED):
                raise
            self._bisect(ingest, upkeep, listing)
            return True
        self._limit = min(BATCH_RECORDS, self._limit * 2)
        read_bytes = sum(part.end - part.start for part in slices)
        self._health.count(time.monotonic(), stored, max(read_bytes, 0))
        return True

    def _bisect(self, ingest: Ingest, upkeep: Upkeep, listing: spool.Listing) -> None:
        """Half as many records the next time; a single one that fails is a dead letter."""
        ingest.load()
        if self._limit > 1:
            self._limit //= 2
            return
        logger.warning("a record cannot be stored and becomes a dead letter", exc_info=True)
        slices = self._gatherer.gather(listing, ingest.segments, upkeep.dead, 1)
        ingest.store(slices, poison=True)

    def _beat(
        self, ingest: Ingest, upkeep: Upkeep, listing: spool.Listing | None, engine: Engine
    ) -> None:
        now_us = time.time_ns() // 1000
        if not self._path.exists() or self._inode != self._path.stat().st_ino:
            raise StoreUnwritable(f"The store {self._path} was removed or replaced while in use.")
        if now_us > self._rebuilt_until_us:
            self._health.problems.pop("rebuilt", None)
        if listing is not None:
            upkeep.measure(listing, self._health, now_us)
            upkeep.finish(listing)
            keep.take(self._options.folder, ingest.transaction)
            orders.take(self._options.folder, ingest.transaction)
            ingest.store_servers(self._servers.taken())
            if not self._options.once:
                self._readers.tend(ingest.transaction)
                self._jobs.tend(ingest.transaction)
                self._beside.tend(ingest.transaction)
                self._health.note("beside", self._beside.problem)
        self._health.note("wal", bound_wal(engine, self._path))
        self._health.save(engine, self._lease.holder, time.monotonic(), now_us, self._path)
        self._progress.show(self._health)

    def _quarantine(self) -> None:
        self._close(give_back=False)
        target = repair.quarantine(self._path)
        if target is not None:
            text = (
                f"The store {self._path.name} was damaged. It was moved to {target.name}, and a "
                "new one is built from what the spool still holds; what was collected earlier is "
                "in that file only."
            )
            logger.error("%s", text)
            self._health.problems["rebuilt"] = text
            self._rebuilt_until_us = time.time_ns() // 1000 + REBUILT_SECONDS * 1_000_000

    def _trouble(self, error: Exception) -> None:
        """The store failed: say why, wait, and begin again from what is committed."""
        if store.is_damage(error):
            self._quarantine()
            return
        if isinstance(error, StoreUnwritable):
            self._close(give_back=False)
        origin = getattr(error, "orig", None) or error
        self._say(f"the store {self._path} cannot be written: {origin}; trying again")
        self._options.sleep(RETRY_SECONDS)

    def _close(self, give_back: bool = True) -> None:
        engine, self._engine = self._engine, None
        if engine is None:
            return
        try:
            if give_back:
                self._lease.give_back(engine)
        except DBAPIError as error:
            logger.warning("the lease was not given back: %s; it runs out by itself", error.orig)
        engine.dispose()

    def _say(self, text: str) -> None:
        if text != self._said:
            self._said = text
            logger.info("%s", text)
