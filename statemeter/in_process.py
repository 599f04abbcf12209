"""The events of this process kept in memory, in place of its spool: for the pytest plugin."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from statemeter import auto, events, probe
from statemeter.measured import Measured
from statemeter.settings import SETTINGS

FLUSH_SECONDS = 30.0
_SPOOL = SETTINGS["STATEMETER_SPOOL"].name


class Kept:
    """Stands where the probe has its ``SpoolWriter``, and keeps the records."""

    segments = 0
    written_bytes = 0

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records: list[bytes] = []
        self.is_open = False

    def open(self) -> None:
        """Begin: the probe introduces its savers."""
        self.is_open = True

    def write(self, records: list[bytes]) -> int:
        """Keep them; how many."""
        self.records += records
        return len(records)

    def close(self) -> None:
        """Begin anew at the next event."""
        self.is_open = False

    def is_full(self) -> bool:
        """Never: a test's records are taken at its end."""
        return False

    is_lost = spool_is_full = is_full


class InProcess:
    """Measures one test after the other, without a spool.

    From the first ``begin`` to ``end`` no event of this process reaches the user's spool, and
    children that inherit its environment write to a folder that is thrown away.
    """

    def __init__(self) -> None:
        self._kept: Kept | None = None
        self._measured = Measured()
        self._dropped: dict[str, int] = {}

    def begin(self) -> None:
        """Measure every graph of the process from now on, and nothing that was before."""
        if self._kept is None:
            self._take_over()
        self._measured = Measured()
        self._read()
        self._measured = Measured()
        assert self._kept is not None
        self._kept.close()
        self._dropped = dict(probe.get().dropped)
        auto.lend()

    def measured(self) -> Measured:
        """What was measured since ``begin``."""
        self._read()
        now = probe.get().dropped
        lost = {why: count - self._dropped.get(why, 0) for why, count in now.items()}
        self._measured.lost = {why: count for why, count in lost.items() if count}
        return self._measured

    def rest(self) -> None:
        """Graphs get their own methods back, but those that the application instrumented."""
        auto.take_back()

    def end(self) -> None:
        """Give the probe its spool back, and the environment its setting.

        A spool that it had goes on where it was. Else the application, should it measure later,
        begins anew.
        """
        self.rest()
        if self._kept is None:
            return
        self._read()
        if self._setting is None:
            os.environ.pop(_SPOOL, None)
        else:
            os.environ[_SPOOL] = self._setting
        if self._before is not None:
            _redirect(self._probe, *self._before)
        else:
            _renew(self._probe)
        self._kept = None
        self._folder.cleanup()

    def _take_over(self) -> None:
        self._setting = os.environ.get(_SPOOL)
        self._folder = tempfile.TemporaryDirectory(prefix="statemeter-", ignore_cleanup_errors=True)
        had_one = probe.exists()
        os.environ[_SPOOL] = self._folder.name
        self._probe = target = probe.get()
        target.flush(FLUSH_SECONDS)
        self._kept = Kept(Path(self._folder.name))
        before = _redirect(target, self._kept)
        self._before = before if had_one else None

    def _read(self) -> None:
        probe.get().flush(FLUSH_SECONDS)
        if self._kept is not None:
            records, self._kept.records = self._kept.records, []
            self._measured.add(events.decode(record[9:]) for record in records)


def _redirect(target: probe.Probe, writer: Any, seq: int | None = None) -> tuple[Any, int]:
    """Let a probe write to ``writer`` from now on.

    Returns what it wrote to before, its segment sealed, and the number of its last event: given
    back, they go on without a gap.
    """
    with target._lock:
        if target.writer.is_open:
            target._seal(final=0)
        before = target.writer, target.seq
        target.writer = writer
        if seq is not None:
            target.seq = seq
    return before


def _renew(target: probe.Probe) -> None:
    """Let a probe begin an incarnation in the spool that the environment names now."""
    with target._lock:
        target.control.close()
        target._wake.set()  # its thread ends: the next event starts another
        target.begin()
