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

    before = migrations.NEWEST
    released = migrations.CHANGES
    monkeypatch.setattr(migrations, "NEWEST", before + 1)
    monkeypatch.setattr(migrations, "CHANGES", (*released, Change(before + 1, "x", breaks)))
    with pytest.raises(RuntimeError):
        open_writer(path)
    reader = open_reader(path)
    assert "half" not in inspect(reader).get_table_names()
    with reader.connect() as connection:
        assert migrations.version_of(connection) == before
    reader.dispose()
    monkeypatch.setattr(migrations, "CHANGES", (*released, Change(before + 1, "x", works)))
    engine = open_writer(path)
    assert "whole" in inspect(engine).get_table_names()
    with engine.connect() as connection:
        assert migrations.version_of(connection) == before + 1
    engine.dispose()


def test_a_store_of_schema_1_gains_the_tables_of_resources(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it holds stays; a reader may look at it before a collector has upgraded it."""
    with monkeypatch.context() as earlier:
        earlier.setattr(migrations, "NEWEST", 1)
        earlier.setattr(migrations, "CHANGES", migrations.CHANGES[:1])
        engine = open_writer(path)
        assert "resources" not in inspect(engine).get_table_names()
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO segments (incarnation, number, position, size, sealed, deleted) "
                "VALUES ('a', 1, 2, 3, 0, 0)"
            )
        engine.dispose()
    open_reader(path).dispose()
    engine = open_writer(path)
    assert set(inspect(engine).get_table_names()) == set(SQLModel.metadata.tables)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM segments").scalar() == 1
        assert migrations.version_of(connection) == migrations.NEWEST
    engine.dispose()
