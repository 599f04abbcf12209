"""How far a table was read, where rowids come back after deletions."""

from __future__ import annotations

import pytest

from collector.attach.rowids import Position


def read(rows: dict[int, str], position: Position) -> list[str]:
    """The names of the rows after a position, which moves."""
    position.return_to(lambda rowid: (rows[rowid],) if rowid in rows else None)
    new = [(rowid, name) for rowid, name in sorted(rows.items()) if rowid > position.rowid]
    for rowid, name in new:
        position.move(rowid, name)
    return [name for _, name in new]


def test_a_position_is_a_short_text() -> None:
    """It holds its place over a restart, however many rows there were; damaged text is none."""
    position = Position()
    for rowid in range(1, 100_000):
        position.move(rowid * 10**13, f"name {rowid}")
    assert len(position.text()) < 500
    again = Position(position.text())
    assert again.rowid == 99_999 * 10**13
    assert again.text() == position.text()
    for text in ("", "x", "1", "1:", "1:zz,2:!", "|"):
        assert Position(text).rowid == 0


@pytest.mark.parametrize("deleted", [1, 7, 100, 900, 1000])
def test_rowids_that_come_back_are_read(deleted: int) -> None:
    """The newest rows are deleted, and new ones take their rowids: all new ones are read, and of
    the old ones no more than some four times as many as were deleted."""
    rows = {rowid: f"old {rowid}" for rowid in range(1, 1001)}
    position = Position()
    assert len(read(rows, position)) == 1000
    for rowid in range(1001 - deleted, 1001):
        del rows[rowid]
    position = Position(position.text())
    new = [f"new {number}" for number in range(deleted + 5)]
    for name in new:
        rows[max(rows, default=0) + 1] = name
    found = read(rows, position)
    assert [name for name in found if name.startswith("new")] == new
    assert len(found) - len(new) <= 4 * deleted + 2
    assert read(rows, position) == []


def test_rows_deleted_before_are_no_reason_to_go_back() -> None:
    """A gap among older rows gives out no rowid again."""
    rows = {rowid: str(rowid) for rowid in range(1, 101)}
    position = Position()
    read(rows, position)
    for rowid in range(20, 99):
        del rows[rowid]
    rows[101] = "new"
    assert read(rows, position) == ["new"]


def test_another_table_is_read_from_the_beginning() -> None:
    """A file that was replaced or whose rows were numbered anew."""
    position = Position()
    read({rowid: f"a {rowid}" for rowid in range(1, 50)}, position)
    assert len(read({rowid: f"b {rowid}" for rowid in range(1, 30)}, position)) == 29
