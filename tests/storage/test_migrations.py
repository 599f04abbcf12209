"""Schema changes: in order, once, whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect

from storage import migrations
from storage.migrations import Change
from storage.models import SQLModel
from storage.store import open_reader, open_writer


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "store.sqlite")


def test_a_new_store_has_every_table_and_one_row_a_change(path: str) -> None:
    engine = open_writer(path)
    assert set(inspect(engine).get_table_names()) == set(SQLModel.metadata.tables)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT version, name FROM migrations").all()
    assert rows == [(change.version, change.name) for change in migrations.CHANGES]
    assert migrations.migrate(engine, path) == 0
    engine.dispose()


def test_changes_are_numbered_without_a_gap() -> None:
    assert [change.version for change in migrations.CHANGES] == list(
        range(1, migrations.NEWEST + 1)
    )


def test_failing_change_leaves_the_store_as_it_was(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it did before it failed is rolled back, DDL too; tried again, it goes on."""
    open_writer(path).dispose()

    def breaks(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE half (a)")
        raise RuntimeError("power cut")

    def works(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE whole (a)")

    monkeypatch.setattr(migrations, "NEWEST", 2)
    monkeypatch.setattr(migrations, "CHANGES", (*migrations.CHANGES, Change(2, "x", breaks)))
    with pytest.raises(RuntimeError):
        open_writer(path)
    reader = open_reader(path)
    assert "half" not in inspect(reader).get_table_names()
    with reader.connect() as connection:
        assert migrations.version_of(connection) == 1
    reader.dispose()
    monkeypatch.setattr(migrations, "CHANGES", (*migrations.CHANGES[:1], Change(2, "x", works)))
    engine = open_writer(path)
    assert "whole" in inspect(engine).get_table_names()
    with engine.connect() as connection:
        assert migrations.version_of(connection) == 2
    engine.dispose()
