"""A spool read back, strictly: each line is checked, each number follows the one before."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, TypeVar

import statemeter
from statemeter import events

E = TypeVar("E", bound=events.Event)
_TOLD_BY_ITSELF = (events.Process, events.Saver, events.Sample, events.Seal, events.Resource)


def segments(folder: Path) -> dict[str, list[Path]]:
    """Incarnation → its segments in order."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.spool")):
        found.setdefault(path.name.partition("-")[0], []).append(path)
    return found


def read(paths: list[Path]) -> list[Any]:
    """The events of one incarnation. Fails at a damaged line or a missing number."""
    told = []
    for path in paths:
        for line in path.read_bytes().splitlines(keepends=True):
            assert line.endswith(b"\n"), f"torn: {line!r}"
            assert len(line) <= events.RECORD_MAX_BYTES
            checksum, _, payload = line.rstrip(b"\n").partition(b" ")
            assert checksum == b"%08x" % zlib.crc32(payload), line
            told.append(events.decode(payload))
    assert [event.seq for event in told] == list(range(1, len(told) + 1))
    return told


def without_vitals(told: list[Any]) -> list[Any]:
    """Without what ``statemeter.vitals`` tells of the process, whatever it does."""
    keys = {e.key for e in told if isinstance(e, events.Resource) and e.kind == "process"}
    return [
        event for event in told
        if getattr(event, "key", None) not in keys and getattr(event, "resource", None) not in keys
    ]  # fmt: skip


class Spooled:
    """The spool that the probe of this process writes to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def events(self) -> list[Any]:
        """All events but the readings of the process itself, written first."""
        return without_vitals(self.everything())

    def everything(self) -> list[Any]:
        """All events, written first."""
        assert statemeter.flush(30)
        return read(segments(self.folder).get(statemeter.stats()["incarnation"], []))

    def vitals(self) -> list[dict[str, int]]:
        """The readings of the process, oldest first."""
        told = self.everything()
        keys = {e.key for e in told if isinstance(e, events.Resource) and e.kind == "process"}
        return [e.values for e in told if isinstance(e, events.Gauges) and e.resource in keys]

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind."""
        return [event for event in self.events() if isinstance(event, kind)]

    def one(self, kind: type[E]) -> E:
        """The only event of its kind."""
        (event,) = self.of(kind)
        return event

    def told(self) -> list[Any]:
        """All but those that the process tells of itself."""
        return [event for event in self.events() if not isinstance(event, _TOLD_BY_ITSELF)]

    def content(self) -> bytes:
        """Every byte of the spool."""
        self.events()
        return b"".join(
            path.read_bytes() for path in sorted(self.folder.rglob("*")) if path.is_file()
        )
