"""Prices and settings that a visitor changes: through a collector into the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from collector import orders as carried
from storage import cost_settings, orders, queries_prices
from storage.price_files import shipped
from storage.store import open_writer
from tests.collector.live import collecting, wait_for
from tests.sqlite_files import reader_of

FIRST = shipped()[0]
NEW = FIRST.row() | {"item": "io2 storage", "price": 0.5}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_writer(str(tmp_path / "store.sqlite"))
    yield engine
    engine.dispose()


def take(engine: Engine, spool: Path, kind: str, body: dict[str, Any]) -> queries_prices.Book:
    """The book after an order."""
    orders.leave(spool, kind, body)
    carried.take(spool, engine.begin)
    return queries_prices.book(engine)


def test_a_collector_at_work_takes_them(tmp_path: Path) -> None:
    """Left while it runs: the file goes, and the book has the price."""
    store, spool = tmp_path / "store.sqlite", tmp_path / "spool"
    with collecting(spool, store):
        wait_for(store.exists, "a store")
        path = orders.leave(spool, "set prices", {"prices": [FIRST.row() | {"price": 9.5}]})
        wait_for(lambda: not path.exists(), "the order")
    with reader_of(store) as reader:
        book = queries_prices.book(reader)
    assert (book.prices[0].price, book.edited) == (9.5, {FIRST.key})


def test_edit_add_remove_reset(engine: Engine, tmp_path: Path) -> None:
    """The shipped book lies under the edits, in its order; all can be taken back."""
    book = take(engine, tmp_path, "set prices", {
        "prices": [FIRST.row() | {"price": 0.2}, NEW], "removed": [shipped()[1].key],
    })  # fmt: skip
    assert (book.prices[0].price, book.prices[-1].item) == (0.2, "io2 storage")
    assert (len(book.prices), book.removed, len(book.edited)) == (len(shipped()), 1, 2)
    book = take(engine, tmp_path, "set prices", {"prices": [shipped()[1].row()]})
    assert (book.removed, shipped()[1] in book.prices) == (0, True)
    book = take(engine, tmp_path, "reset prices", {})
    assert book.prices == shipped()
    assert not book.edited


def test_unknown_stays_unknown(engine: Engine, tmp_path: Path) -> None:
    """A price whose figure is taken out is none, and not 0."""
    book = take(engine, tmp_path, "set prices", {"prices": [FIRST.row() | {"price": None}]})
    assert book.prices[0].price is None


def test_the_later_order_holds_and_twice_is_once(engine: Engine, tmp_path: Path) -> None:
    """Whatever the order of carrying them out, and after a crash between commit and removal."""
    path = orders.leave(tmp_path, "set prices", {"prices": [FIRST.row() | {"price": 1.0}]})
    early = path.read_bytes()
    take(engine, tmp_path, "set prices", {"prices": [FIRST.row() | {"price": 2.0}]})
    path.write_bytes(early)
    carried.take(tmp_path, engine.begin)
    assert queries_prices.book(engine).prices[0].price == 2.0


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("set prices", {"prices": [FIRST.row() | {"price": -1}]}),
        ("set prices", {"prices": [NEW, FIRST.row() | {"unit": "parsec"}]}),
        ("set prices", {"prices": "all"}),
        ("set prices", {"removed": [7]}),
        ("set costs", {}),
        ("set costs", {"values": {"replicas": 0}}),
        ("set costs", {"values": {"replicas": "many"}}),
        ("set costs", {"values": {"colour": 1}}),
        ("set costs", {"values": {"service:redis": "x" * 300}}),
    ],
)
def test_nonsense_changes_nothing(
    engine: Engine, tmp_path: Path, kind: str, body: dict[str, Any]
) -> None:
    """It is set aside as a whole, whatever of it was in order."""
    book = take(engine, tmp_path, kind, body)
    assert (book.prices, book.settings) == (shipped(), {})
    assert len(list((tmp_path / orders.FOLDER).glob("*.rejected"))) == 1


def test_settings(engine: Engine, tmp_path: Path) -> None:
    """Kept as they are set; empty is the default again."""
    book = take(engine, tmp_path, "set costs", {
        "values": {"replicas": 3, "service:redis": "Upstash Redis"},
    })  # fmt: skip
    assert cost_settings.values(book.settings)["replicas"] == 3
    assert cost_settings.chosen(book.settings, "service") == {"redis": "Upstash Redis"}
    book = take(engine, tmp_path, "set costs", {"values": {"replicas": "", "service:redis": ""}})
    assert cost_settings.values(book.settings)["replicas"] == 1
    assert cost_settings.chosen(book.settings, "service") == {}


def test_a_store_of_an_older_schema_has_the_shipped_book(engine: Engine, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "store.sqlite")
    with connection:
        for name in ("prices", "cost_settings", "workload_hours"):
            connection.execute(f"DROP TABLE {name}")
        connection.execute("DELETE FROM migrations WHERE version >= 8")
    connection.close()
    with reader_of(tmp_path / "store.sqlite") as reader:
        assert queries_prices.book(reader).prices == shipped()
