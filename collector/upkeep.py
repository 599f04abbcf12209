"""Segments after they are read: which are dead, which may be deleted, and how much waits."""

from __future__ import annotations

import logging
import os
import socket
from pathlib import Path

from sqlalchemy import Connection, Engine

from collector import deaths
from collector.alive import is_alive
from collector.gather import Key
from collector.health import Health, time_of_record
from collector.ingest import Ingest
from collector.spool import Listing, SegmentFile, has_writer
from statemeter import events
from storage.store import plain

logger = logging.getLogger("statemeter.collector")

QUIET_SECONDS = 2.5
"""A segment that grew more recently has a writer: probes report once a second."""


class Upkeep:
    """Work between batches, once a second."""

    def __init__(self, engine: Engine, ingest: Ingest) -> None:
        self._engine = engine
        self._ingest = ingest
        self._host = socket.gethostname()
        self.dead: set[Key] = set()
        """Segments that nobody will add to, sealed or not."""

    def find_dead(self, listing: Listing, now: float, at_once: bool = False) -> None:
        """Look for segments whose writer is gone.

        Args:
            listing: what is on disk.
            now: wall clock, seconds since 1970.
            at_once: do not wait until they were quiet for a while.
        """
        last = {file.incarnation: file.number for file in listing.segments}
        present: set[Key] = set()
        for file in listing.segments:
            key = (file.incarnation, file.number)
            present.add(key)
            if key in self.dead:
                continue
            quiet = at_once or not 0 <= now - file.modified < QUIET_SECONDS
            if file.number < last[file.incarnation] or self._ingest.segments.get(key).sealed:
                self.dead.add(key)  # its writer went on to the next one
            elif quiet and self._is_abandoned(file):
                self.dead.add(key)
        self.dead &= present

    def _is_abandoned(self, file: SegmentFile) -> bool:
        """Whether the lock is free and, as far as this host can tell, the process is gone."""
        writer = has_writer(file)
        if writer:
            return False
        with plain(self._engine) as cursor:
            row = cursor.execute(
                "SELECT host, pid, started_us FROM processes WHERE incarnation = ?",
                (file.incarnation,),
            ).fetchone()
        if row is None or row[0] != self._host:
            return writer is False
        return not is_alive(row[1], row[2])

    def finish(self, listing: Listing) -> int:
        """Delete the dead segments that are stored whole; returns how many.

        They go only after the commits that have their records were synced to disk.
        """
        self._note_removed(listing)
        done = [
            file
            for file in listing.segments
            if (file.incarnation, file.number) in self.dead
            and self._ingest.segments.get((file.incarnation, file.number)).position >= file.size
        ]
        if not done or not self._is_synced():
            return 0
        deleted: list[Key] = []
        for file in done:
            key = (file.incarnation, file.number)
            try:
                if os.stat(file.path).st_size == file.size:
                    os.unlink(file.path)
                    deleted.append(key)
            except FileNotFoundError:
                deleted.append(key)
            except OSError as error:
                logger.warning("segment %s cannot be deleted: %s", file.path, error.strerror)
        with self._ingest.transaction() as connection:
            self._ingest.segments.forget(connection, deleted)
            self._end_processes(connection, listing, deleted)
            self._ingest.processes.save(connection)
        self._ingest.processes.saved()
        self.dead.difference_update(deleted)
        return len(deleted)

    def _is_synced(self) -> bool:
        """Checkpoint the WAL, which syncs it; False while a reader holds a part of it back."""
        with plain(self._engine) as cursor:
            busy, log, done = cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return not busy and log == done

    def _end_processes(self, connection: Connection, listing: Listing, deleted: list[Key]) -> None:
        """Note of each process whose last segment is deleted that it is gone."""
        last = {file.incarnation: file.number for file in listing.segments}
        for incarnation, number in deleted:
            if last.get(incarnation) != number:
                continue
            process = self._ingest.processes.get(connection, incarnation)
            if not process.values["ended"]:
                process.values["ended"] = deaths.cause(connection, process.id, process.values)
                process.dirty = True

    def _note_removed(self, listing: Listing) -> None:
        """Forget segments whose file somebody else removed."""
        present = {(file.incarnation, file.number) for file in listing.segments}
        gone = [s for k, s in self._ingest.segments.states.items() if k not in present]
        if not gone:
            return
        for state in gone:
            if state.size > state.position:
                logger.warning(
                    "segment %s-%06d was removed before it was read: at least %d bytes are lost",
                    state.incarnation, state.number, state.size - state.position,
                )  # fmt: skip
        with self._ingest.transaction() as connection:
            self._ingest.segments.forget(connection, [(s.incarnation, s.number) for s in gone])

    def measure(self, listing: Listing, health: Health, now_us: int) -> None:
        """How much waits in the spool, and since when."""
        lag = 0
        oldest_us = now_us
        for file in listing.segments:
            position = self._ingest.segments.get((file.incarnation, file.number)).position
            if file.size > position:
                lag += file.size - position
                oldest_us = min(oldest_us, time_of_record(file.path, position) or now_us)
        health.set_lag(lag, (now_us - oldest_us) / 1e6)


def newer_problem(listing: Listing, folder: Path) -> str:
    """What to say of segments that only a newer version can read; empty: there are none."""
    if not listing.newer:
        return ""
    return (
        f"{len(listing.newer)} segments in {folder} have a newer format than "
        f"v{events.FORMAT}, such as {listing.newer[0]}; they are left as they are. Upgrade "
        "Statemeter here."
    )
