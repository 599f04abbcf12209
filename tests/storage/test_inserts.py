"""Bulk statements take their values in the order that they say."""

from __future__ import annotations

import pytest

from storage import inserts


def test_update_keeps_the_order_of_the_columns() -> None:
    """Columns given in another order than the table's are set in the order given."""
    sql = inserts.update_sql("processes", ("failures", "last_seq", "rss_bytes"))
    assert sql == "UPDATE processes SET failures=?, last_seq=?, rss_bytes=? WHERE processes.id = ?"


@pytest.mark.parametrize("name", ["operations", "threads", "processes"])
def test_insert_names_the_columns_of_the_table(name: str) -> None:
    """A whole row is inserted in the order of the table's columns."""
    columns = inserts.columns_of(name)
    assert inserts.insert_sql(name) == (
        f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    )
