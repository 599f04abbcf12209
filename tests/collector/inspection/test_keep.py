"""Inspections on their way into the store, by the collector alone."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from collector.inspection import inbox, keep
from storage import queries_inspections, store
from storage.inspections import Check, Inspection
from tests.collector import made


def inspection(storage: str = "a" * 12, at_us: int = 1, **values: Any) -> Inspection:
    given: dict[str, Any] = {
        "id": uuid.uuid4().hex, "backend": "sqlite", "label": "app.sqlite", "duration_us": 1,
        "checks": [Check(id="setup", what="x", value=1)],
    }  # fmt: skip
    return Inspection(storage=storage, at_us=at_us, **given | values)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = store.open_writer(str(tmp_path / "store.sqlite"))
    yield engine
    engine.dispose()


def test_the_collector_takes_what_was_handed_over(tmp_path: Path) -> None:
    """It is in the store, and its file is gone."""
    spool, path = tmp_path / "spool", tmp_path / "store.sqlite"
    found = inspection()
    inbox.hand_over(spool, found)
    made.collect(spool, path)
    assert list((spool / inbox.FOLDER).iterdir()) == []
    engine = store.open_reader(str(path))
    assert queries_inspections.newest(engine) == [found]
    engine.dispose()


def test_a_crash_after_the_commit_stores_it_once(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is still there, and is taken again."""
    inbox.hand_over(tmp_path, inspection())
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", broken)
        assert keep.take(tmp_path, engine.begin) == 1
    assert keep.take(tmp_path, engine.begin) == 1
    assert keep.take(tmp_path, engine.begin) == 0
    assert len(queries_inspections.history(engine, "a" * 12)) == 1


def broken(path: Path, missing_ok: bool = False) -> None:
    raise OSError(5, "Input/output error")


def test_a_failed_commit_leaves_the_file(tmp_path: Path, engine: Engine) -> None:
    @contextmanager
    def fails() -> Iterator[Any]:
        with engine.begin() as connection:
            yield connection
            raise sqlite3.OperationalError("disk full")

    path = inbox.hand_over(tmp_path, inspection())
    with pytest.raises(sqlite3.OperationalError):
        keep.take(tmp_path, fails)
    assert path.exists()
    assert keep.take(tmp_path, engine.begin) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"id": 1}', b" " * 1_000_001])
def test_a_file_that_is_none_is_set_aside(tmp_path: Path, engine: Engine, content: bytes) -> None:
    """It holds up nothing, and is kept for a look by hand."""
    inbox.hand_over(tmp_path, inspection())
    bad = tmp_path / inbox.FOLDER / ("0" * 32 + ".json")
    bad.write_bytes(content)
    assert keep.take(tmp_path, engine.begin) == 1
    assert [path.name for path in (tmp_path / inbox.FOLDER).iterdir()] == ["0" * 32 + ".rejected"]


def test_a_half_written_file_is_not_taken(tmp_path: Path, engine: Engine) -> None:
    """Its name says that it is not complete."""
    path = inbox.hand_over(tmp_path, inspection())
    path.rename(path.with_suffix(".new"))
    assert keep.take(tmp_path, engine.begin) == 0
    assert path.with_suffix(".new").exists()


def test_old_looks_go(tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest of each storage stay, and the storages looked into last."""
    monkeypatch.setattr(keep, "KEPT_EACH", 3)
    monkeypatch.setattr(keep, "KEPT_STORAGES", 2)
    for at_us in range(10):
        for storage in ("a", "b", "c"):
            inbox.hand_over(tmp_path, inspection(storage, at_us + (storage == "c") * 100))
    assert keep.take(tmp_path, engine.begin) == 30
    assert [one.at_us for one in queries_inspections.history(engine, "c")] == [109, 108, 107]
    with closing(sqlite3.connect(tmp_path / "store.sqlite")) as connection:
        rows = connection.execute(
            "SELECT storage, count(*) FROM inspections GROUP BY 1 ORDER BY max(at_us) DESC"
        ).fetchall()
    assert len(rows) == 2
    assert {count for _, count in rows} == {3}
    assert rows[0] == ("c", 3)
