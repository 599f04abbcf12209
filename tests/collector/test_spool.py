"""What a spool folder holds, and whose segments are open."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.spool import has_writer, scan
from statemeter.spool import SpoolWriter
from tests.collector.made import Made

NAME = "0" * 32


def test_only_names_of_the_format_are_segments(tmp_path: Path) -> None:
    """In the order of incarnation and number; anything else is left alone."""
    for name in (
        f"{NAME}-000002.v1.spool", f"{NAME}-000010.v1.spool", f"{'1' * 32}-000001.v1.spool",
        f"{NAME}-000001.v1.spool", f"{NAME}-1.v1.spool", "notes.txt", f"{NAME}-000001.v1.spool.gz",
        f"../{tmp_path.name}/x.spool",
    ):  # fmt: skip
        (tmp_path / name).write_bytes(b"x")
    listing = scan(tmp_path)
    assert [(file.incarnation[0], file.number) for file in listing.segments] == [
        ("0", 1), ("0", 2), ("0", 10), ("1", 1),
    ]  # fmt: skip
    assert listing.newer == []


def test_newer_format_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}-000001.v2.spool").write_bytes(b"x")
    listing = scan(tmp_path)
    assert (listing.segments, listing.newer) == ([], [f"{NAME}-000001.v2.spool"])


def test_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        scan(tmp_path / "none")


def test_lock_tells_an_open_segment(tmp_path: Path) -> None:
    """The probe's writer holds it while its segment is open, and never finds it taken by us."""
    writer = SpoolWriter(tmp_path, NAME, 1_000_000, 10_000_000)
    writer.open()
    assert has_writer(scan(tmp_path).segments[0]) is None  # empty: not even tried
    writer.write([b"something\n"])
    assert has_writer(scan(tmp_path).segments[0]) is True
    writer.close()
    assert has_writer(scan(tmp_path).segments[0]) is False


def test_vanished_segment_tells_nothing(tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.write()
    (file,) = scan(tmp_path).segments
    made.die()
    made.path.unlink()
    assert has_writer(file) is None
