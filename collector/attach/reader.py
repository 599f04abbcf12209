"""The reader of one attached database: a first pass over what is there, then what comes.

What it finds goes to the spool and from there to the store, with the position up to which it was
found, so that a reader that was killed is followed by one that goes on there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

from collector.attach import found_events, reconcile
from collector.attach.keep import FIRST, FOLLOWING
from collector.attach.pace import Pace
from collector.attach.reached import CURSOR_CHARACTERS, PROBLEM_CHARACTERS
from collector.attach.source import FoundCheckpoint, SaverFacts, Source
from collector.attach.teller import Stopped, Teller
from collector.inspection import drivers
from collector.inspection.errors import CouldNotLook
from collector.inspection.url import Address
from storage.gauges import decode
from storage.store import plain

POLL_SECONDS = 1.0
GAUGES_SECONDS = 30.0
RECONCILE_SECONDS = 5.0
TELL_SECONDS = 1.0
RETRY_SECONDS = (1.0, 60.0)
EARLIER_SECONDS = 30.0
"""How long what an earlier reader told may take to be stored."""
_SLICE_SECONDS = 0.2

_POSITION = (
    "SELECT phase, cursor, done_checkpoints, total_checkpoints, done_bytes, total_bytes "
    "FROM sources WHERE key = ?"
)
_READINGS = (
    "SELECT readings FROM gauge_samples WHERE resolution_s = 3600 AND resource_id = "
    "(SELECT id FROM resources WHERE key = ? AND kind = 'source') "
    "ORDER BY bucket_us DESC, at_us DESC LIMIT 20"
)
"""One for each hour and reader."""


class Reader:
    """Reads one database until it is stopped, or with ``once`` up to the present."""

    def __init__(
        self, key: str, address: Address, store: Engine, teller: Teller, *,
        stopped: Callable[[], bool], once: bool = False,
    ) -> None:  # fmt: skip
        self._key = key
        self._address = address
        self._store = store
        self._teller = teller
        self._stopped = stopped
        self._once = once
        self._phase, self._cursor = FIRST, ""
        self._done, self._total = [0, 0], [-1, -1]  # checkpoints, bytes
        self._read = {"read_checkpoints": 0, "read_bytes": 0}
        self._levels: dict[str, int] = {}
        self._told = 0.0
        self._problem = ""
        self._began = False
        self._before_us = 0
        """Of what the database was read before it was opened this time: the newest's time."""
        self._facts: SaverFacts | None = None

    def run(self) -> None:
        """Read; what keeps it from reading is told, and tried again."""
        try:
            self._teller.wait_for_others(EARLIER_SECONDS)
            self._load()
            wait = RETRY_SECONDS[0]
            while not self._stopped():
                begin = time.monotonic()
                self._try()
                if self._once or self._stopped():
                    break
                if time.monotonic() - begin > RETRY_SECONDS[1]:
                    wait = RETRY_SECONDS[0]
                self._sleep(wait)
                wait = min(2 * wait, RETRY_SECONDS[1])
        except Stopped:
            pass
        self._teller.seal(final=1)

    def _load(self) -> None:
        with plain(self._store) as cursor:
            row = cursor.execute(_POSITION, (self._key,)).fetchone()
            readings = cursor.execute(_READINGS, (self._key,)).fetchall()
        if row is not None:
            self._phase = FOLLOWING if row[0] == FOLLOWING else FIRST
            self._cursor, self._done, self._total = row[1], [row[2], row[4]], [row[3], row[5]]
            newest_us = max((decode(one).get("newest_us", 0) for (one,) in readings), default=0)
            if newest_us:
                self._levels["newest_us"] = newest_us

    def _try(self) -> None:
        """Open the database and follow it, until something is wrong with it."""
        failures: tuple[type[Exception], ...] = ()
        try:
            module = drivers.module("collector.attach", self._address)
            with module.opened(self._address) as source:
                failures = source.failures
                try:
                    self._follow(source)
                except failures as error:
                    self._fail(f"{self._address.shown} cannot be read: {error}")
        except CouldNotLook as error:
            self._fail(str(error))

    def _fail(self, text: str) -> None:
        self._problem = self._address.scrubbed(text, PROBLEM_CHARACTERS)
        self._reached()
        self._teller.flush()

    def _follow(self, source: Source) -> None:
        self._facts = source.saver()
        self._teller.introductions = _introductions(self._key, self._facts)
        if self._phase == FIRST:
            total = source.total()
            self._total = [-1 if n is None else n for n in (total.checkpoints, total.bytes)]
        elif self._cursor:
            self._before_us = self._levels.get("newest_us", 0)
        poll, gauges = Pace(POLL_SECONDS), Pace(GAUGES_SECONDS)
        reconciling = Pace(RECONCILE_SECONDS)
        gauges_due = reconcile_due = True
        while not self._stopped():
            if poll.is_due():
                changed = source.changed() or self._phase == FIRST
                if changed:
                    poll(lambda: self._read_on(source))
                    gauges_due = reconcile_due = True
            if self._problem or not self._began:  # what was wrong is over; there is nothing new
                self._problem, self._began = "", True
                self._reached()
            if gauges_due and gauges.is_due():
                gauges_due = False
                gauges(lambda: self._measure(source))
            if reconcile_due and reconciling.is_due() and self._is_stored():
                reconcile_due = False
                reconciling(lambda: self._reconcile(source))
            self._teller.flush()
            if self._once and not reconcile_due:
                return
            self._sleep(POLL_SECONDS)

    def _read_on(self, source: Source) -> None:
        """To the present. A source that was opened anew reads the last again, which is not counted
        again: it is no newer than what was read before."""
        read = self._read["read_checkpoints"]
        for batch in source.read(self._cursor):
            checkpoints, again_bytes = 0, 0
            for found in batch.found:
                again = 0 < found.at_us <= self._before_us
                if again:
                    again_bytes += found.read_bytes
                if isinstance(found, FoundCheckpoint):
                    checkpoints += not again
                    self._teller.tell(*found_events.of_checkpoint(self._key, found))
                    self._levels["newest_us"] = max(self._levels.get("newest_us", 0), found.at_us)
                else:
                    for event in found_events.of_writes(self._key, found):
                        self._teller.tell(*event)
            self._cursor = batch.cursor[:CURSOR_CHARACTERS]
            self._done[0] += checkpoints
            self._done[1] += max(0, batch.read_bytes - again_bytes)
            self._read["read_checkpoints"] += checkpoints
            self._read["read_bytes"] += batch.read_bytes
            self._problem = ""
            self._reached()
            if time.monotonic() - self._told >= TELL_SECONDS:
                self._tell_gauges()
            self._teller.flush()
            if self._stopped():
                return
        self._before_us = 0
        if self._read["read_checkpoints"] > read:
            self._tell_gauges()  # a reader that follows this one has to know the newest
        if self._phase == FIRST:
            self._phase = FOLLOWING
            self._reached()

    def _reached(self) -> None:
        done, total = self._done, self._total
        if self._phase == FOLLOWING:
            self._total = total = list(done)
        total = [
            max(all_, part) if all_ >= 0 else -1 for all_, part in zip(total, done, strict=True)
        ]
        self._teller.tell(
            "reached", self._key, self._phase, self._cursor, done[0], total[0], done[1], total[1],
            self._problem,
        )  # fmt: skip

    def _measure(self, source: Source) -> None:
        self._levels |= source.gauges()
        self._tell_gauges()

    def _tell_gauges(self) -> None:
        self._told = time.monotonic()
        self._teller.tell("gauges", self._key, self._levels | self._read)

    def _is_stored(self) -> bool:
        """Whether the store has what was told, so that it can be compared with the database."""
        with plain(self._store) as cursor:
            row = cursor.execute(_POSITION, (self._key,)).fetchone()
        return row is not None and row[0] == self._phase and row[1] == self._cursor

    def _reconcile(self, source: Source) -> None:
        assert self._facts is not None
        for gone in reconcile.vanished(self._store, self._key, self._facts, source):
            self._teller.tell(*_removal(self._key, gone))
            if self._stopped():
                return

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._stopped():
            time.sleep(min(_SLICE_SECONDS, left))


def _introductions(key: str, facts: SaverFacts) -> list[tuple[Any, ...]]:
    saver = (
        "saver", key, facts.backend, facts.class_name, facts.layout, facts.label, facts.serializer,
        facts.database,
    )  # fmt: skip
    resource = (
        "resource", key, "source", facts.backend, facts.class_name, facts.label, facts.database,
    )  # fmt: skip
    return [saver, resource]


def _removal(key: str, gone: reconcile.Gone) -> tuple[Any, ...]:
    return (
        "removal", -1, key, "", 0, gone.thread, "", "", "", -1, "", "vanished", gone.checkpoints,
        gone.part,
    )  # fmt: skip
