"""What looks found last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from storage import inspections, migrations
from storage.inspections import Check, Inspection, Status
from storage.models_inspections import InspectionRow
from storage.queries_inspections import history, newest
from storage.store import open_reader, open_writer


def look(storage: str, at_us: int, status: Status = "ok", problem: str = "") -> Inspection:
    return Inspection(
        id=f"{storage}{at_us}", backend="sqlite", storage=storage, label=storage, at_us=at_us,
        duration_us=1, checks=[Check(id="setup", what="x", status=status)], problem=problem,
    )  # fmt: skip


def row(one: Inspection, result: str = "") -> dict[str, Any]:
    return {
        "inspection": one.id, "storage": one.storage, "backend": one.backend, "label": one.label,
        "at_us": one.at_us, "status": one.status,
        "result": result or inspections.encode(one).decode(),
    }  # fmt: skip


def test_the_newest_look_into_each_storage(tmp_path: Path) -> None:
    """What is wrong comes first; a result of a later version is passed over."""
    path = str(tmp_path / "store.sqlite")
    looks = [
        look("a", 1, "critical"), look("a", 2), look("b", 1, "warning"), look("c", 1, "critical"),
        look("d", 9),
    ]  # fmt: skip
    engine = open_writer(path)
    with engine.begin() as connection:
        rows = [*map(row, looks), row(look("e", 1), '{"id": 5}')]
        connection.execute(insert(InspectionRow), rows)
    engine.dispose()
    reader = open_reader(path)
    assert [one.id for one in newest(reader)] == ["c1", "b1", "d9", "a2"]
    assert history(reader, "a") == [looks[1], looks[0]]
    assert history(reader, "a", limit=1) == [looks[1]]
    assert history(reader, "nothing") == []
    reader.dispose()


def test_the_worst_check_gives_the_status() -> None:
    assert look("a", 1, "warning").status == "warning"
    assert look("a", 1, "critical", problem="down").status == "unknown"


def test_an_older_store_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page asks before a newer collector has opened it."""
    path = str(tmp_path / "store.sqlite")
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "CHANGES", migrations.CHANGES[:2])
        open_writer(path).dispose()
    reader = open_reader(path)
    assert newest(reader) == history(reader, "a") == []
    reader.dispose()
    open_writer(path).dispose()
    reader = open_reader(path)
    assert newest(reader) == []
    reader.dispose()
