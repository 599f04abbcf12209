"""The spool's files: private, whole, never changed, and readable after every kind of damage."""

from __future__ import annotations

import fcntl
import resource
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from statemeter import events
from statemeter.spool import SpoolFull, SpoolWriter, record, spool_size

INCARNATION = "ab" * 16
MANY = 1 << 30


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """No file grows beyond this size, as on a disk that is full (Python ignores SIGXFSZ)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[SpoolWriter]:
    """A writer with an open segment."""
    writer = SpoolWriter(tmp_path / "a" / "spool", INCARNATION, 1000, MANY)
    writer.open()
    yield writer
    writer.close()


def segment(writer: SpoolWriter, number: int = 1) -> Path:
    return writer.folder / f"{INCARNATION}-{number:06}.v{events.FORMAT}.spool"


def lines(count: int, begin: int = 0, size: int = 20) -> list[bytes]:
    return [record(b'"%0*d"' % (size, n)) for n in range(begin, begin + count)]


def good(path: Path) -> list[bytes]:
    """The records of a segment whose checksum is right, in order."""
    found = []
    for line in path.read_bytes().split(b"\n"):
        checksum, _, payload = line.partition(b" ")
        if line and checksum == b"%08x" % zlib.crc32(payload):
            found.append(line + b"\n")
    return found


def test_a_record_is_its_checksum_and_its_text() -> None:
    """crc32 in eight lowercase hex digits, a blank, the JSON, one newline."""
    assert record(b"[1]") == b"%08x [1]\n" % zlib.crc32(b"[1]")
    assert record(b'"k"')[:8] == record(b'"k"')[:8].lower()


def test_files_are_private_and_locked(writer: SpoolWriter) -> None:
    """Only the user reads them; a reader sees by the lock that the writer lives."""
    path = segment(writer)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(writer.folder.stat().st_mode) == 0o700
    with path.open("rb") as reader:
        with pytest.raises(BlockingIOError):
            fcntl.flock(reader, fcntl.LOCK_EX | fcntl.LOCK_NB)
        writer.close()
        fcntl.flock(reader, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_segment_is_never_opened_again(writer: SpoolWriter) -> None:
    """A name that exists is somebody's data: the next number is taken instead, nothing is lost."""
    writer.write(lines(3))
    other = SpoolWriter(writer.folder, INCARNATION, 1000, MANY)
    with pytest.raises(FileExistsError):
        other.open()
    assert good(segment(writer)) == lines(3)


def test_segments_are_numbered(writer: SpoolWriter) -> None:
    """A full segment is followed by the next number."""
    assert not writer.is_full()
    assert writer.write(lines(40)) == 40
    assert writer.is_full()
    writer.close()
    assert not writer.is_open
    writer.open()
    assert not writer.is_full()
    writer.write(lines(1))
    assert (writer.segments, good(segment(writer, 2))) == (2, lines(1))


def test_a_full_disk_leaves_whole_records(writer: SpoolWriter) -> None:
    """What does not fit is not counted as written; it goes behind the torn record, later."""
    waiting = lines(10)
    length = len(waiting[0])
    with files_end_at(length * 4 + 5):
        assert writer.write(waiting) == 4
        assert writer.write(waiting[4:]) == 0
    assert writer.write(waiting[4:]) == 6
    assert good(segment(writer)) == waiting
    assert writer.write(lines(1, 10)) == 1
    assert good(segment(writer)) == lines(11)
    assert segment(writer).read_bytes().count(b"\n\n") == 0


@given(st.lists(st.integers(0, 150), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_whatever_fits_the_rest_follows(steps: list[int]) -> None:
    """A disk that frees a few bytes at a time: each record arrives once, in order."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        writer = SpoolWriter(Path(folder), INCARNATION, MANY, MANY)
        writer.open()
        waiting, limit = lines(20), 0
        for step in steps:
            limit += step
            with files_end_at(limit):
                del waiting[: writer.write(waiting)]
        del waiting[: writer.write(waiting)]
        assert waiting == []
        assert good(segment(writer)) == lines(20)
        assert writer.written_bytes == segment(writer).stat().st_size
        writer.close()


@pytest.mark.parametrize("kind", ["a file", "below a file", "no right"])
def test_a_folder_that_cannot_be_used_is_an_os_error(kind: str, tmp_path: Path) -> None:
    """The probe asks again later: the writer stays usable."""
    folder = tmp_path / "spool"
    if kind == "no right":
        folder = Path("/proc/statemeter")
    else:
        folder.write_text("mine")
    writer = SpoolWriter(folder / "x" if kind == "below a file" else folder, "b" * 32, 10, MANY)
    for _ in range(2):
        with pytest.raises(OSError, match=r".+"):
            writer.open()
        assert not writer.is_open
    if kind != "no right":
        assert folder.read_text() == "mine"
        folder.unlink()
        writer.open()
        assert writer.write(lines(1)) == 1
        writer.close()


def test_a_spool_that_is_full_takes_no_segment(tmp_path: Path) -> None:
    """The limit is for all processes together, and counts segments only."""
    (tmp_path / f"{'c' * 32}-000001.v1.spool").write_bytes(b"x" * 600)
    (tmp_path / "other").write_bytes(b"x" * 6000)
    assert spool_size(tmp_path) == 600
    SpoolWriter(tmp_path, "d" * 32, 100, 601).open()
    with pytest.raises(SpoolFull):
        SpoolWriter(tmp_path, "e" * 32, 100, 600).open()


def test_a_removed_segment_is_noticed(writer: SpoolWriter) -> None:
    """Nobody could read what is written to it."""
    assert not writer.is_lost()
    segment(writer).unlink()
    assert writer.is_lost()
    writer.close()
    assert not writer.is_lost()
