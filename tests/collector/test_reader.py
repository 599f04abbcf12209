"""Reading segments: torn tails, long records, windows."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from collector import reader as reader_module
from collector.reader import Reader, Slice
from collector.spool import SegmentFile
from statemeter import events
from statemeter.spool import record
from tests.collector.test_records import lines


def segment(path: Path, data: bytes) -> SegmentFile:
    path.write_bytes(data)
    return SegmentFile(str(path), "0" * 32, 1, len(data), 0.0)


def read(reader: Reader, file: SegmentFile, position: int = 0, dead: bool = False) -> Slice | None:
    return reader.read(file, position, 10_000, dead)


def test_torn_tail_waits_until_it_is_whole(tmp_path: Path) -> None:
    """It is emitted once, after the writer completed it (faults, row 5)."""
    made = lines()
    data = b"".join(made)
    reader = Reader()
    part = read(reader, segment(tmp_path / "s", data[:-20]))
    assert part is not None
    assert part.count == len(made) - 1
    assert read(reader, segment(tmp_path / "s", data[:-10]), part.end) is None
    rest = read(reader, segment(tmp_path / "s", data), part.end)
    assert rest is not None
    assert [event.seq for event, _ in rest.items] == [len(made)]
    assert (rest.end, rest.rejected) == (len(data), [])


def test_torn_tail_of_a_dead_segment_is_a_bad_record(tmp_path: Path) -> None:
    made = lines()
    file = segment(tmp_path / "s", b"".join(made)[:-20])
    reader = Reader()
    part = read(reader, file)
    assert part is not None
    assert read(reader, file, part.end) is None
    tail = read(reader, file, part.end, dead=True)
    assert tail is not None
    assert [(bad.reason, bad.length) for bad in tail.rejected] == [("torn", len(made[-1]) - 20)]
    assert tail.end == file.size


def test_nothing_new_is_no_slice(tmp_path: Path) -> None:
    file = segment(tmp_path / "s", b"".join(lines()))
    assert read(Reader(), file, file.size, dead=True) is None


def test_windows_join_without_a_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records that cross the end of a window are read with the next one."""
    monkeypatch.setattr(reader_module, "WINDOW_BYTES", 700)
    made = lines(200)
    file = segment(tmp_path / "s", b"".join(made))
    reader, position, seen = Reader(), 0, []
    while (part := read(reader, file, position)) is not None:
        seen += [event.seq for event, _ in part.items]
        position = part.end
    assert seen == list(range(1, len(made) + 1))


def test_long_record_is_dropped_and_counted_in_little_memory(tmp_path: Path) -> None:
    """10 MB in one line: what surrounds it is read, and memory grows by less than 32 MB
    (faults, row 14)."""
    made = lines()
    long = record(events.encode(("seal", 1, 2, 0, "x" * 10_000_000)))
    before = b"".join(made[:5])
    file = segment(tmp_path / "s", before + long + b"".join(made[5:]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reader, position, parts = Reader(), 0, []
    while (part := read(reader, file, position)) is not None:
        parts.append(part)
        position = part.end
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
    bad = [(part.start + b.offset, b.reason, b.length) for part in parts for b in part.rejected]
    assert bad == [(len(before), "too_long", len(long) - 1)]
    assert sum(len(part.items) for part in parts) == len(made)
    assert position == file.size
    assert grown * 1024 < 32_000_000


def test_long_record_without_an_end_waits(tmp_path: Path) -> None:
    """What was searched once is not searched again; the end is found when it comes."""
    head = b"0" * (3 * reader_module.WINDOW_BYTES)
    reader = Reader()
    assert read(reader, segment(tmp_path / "s", head)) is None
    made = lines()
    file = segment(tmp_path / "s", head + head + b"\n" + made[0])
    part = read(reader, file)
    assert part is not None
    assert [(bad.reason, bad.length) for bad in part.rejected] == [("too_long", 2 * len(head))]
    rest = read(reader, file, part.end)
    assert rest is not None
    assert len(rest.items) == 1
