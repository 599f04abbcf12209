"""sqlite-locked: calls that waited for another writer are found, one writer is healthy."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

import statemeter
from collector.inspection import inbox
from collector.inspection.child import inspect as inspect_apart
from statemeter import probe
from tests.collector.findings.conftest import Found
from tests.collector.findings.rules.inspecting import limit, numbers
from tests.collector.inspection.looks import fill
from tests.collector.made import query

RULE = "sqlite-locked"


def test_a_locked_file(tmp_path: Path, found: Found) -> None:
    """Another connection writes: the call fails after its timeout, which is told; with the saver of
    the fix the same call waits until the other one is done."""
    path = str(tmp_path / "app.sqlite")
    limit(found, f"{RULE}.wait", 150_000)
    with closing(sqlite3.connect(path, timeout=0.2, check_same_thread=False)) as connection:
        saver = SqliteSaver(connection)
        fill(saver)
        statemeter.instrument(saver)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                fill(saver, threads=1)
            other.execute("ROLLBACK")
        (finding,) = found(RULE)
    store = found.store  # type: ignore[attr-defined]
    failed = query(store, "SELECT duration_us FROM operations WHERE error = 'OperationalError'")
    told = numbers(finding)
    assert (finding.severity, finding.subject.backend) == ("critical", "sqlite")
    assert told["failed calls"] == len(failed) >= 1
    assert told["longest"] == max(row["duration_us"] for row in failed) >= 200_000
    names = {"path": path}
    exec(finding.fixes[0].code, names)
    mended: SqliteSaver = names["saver"]  # type: ignore[assignment]
    with closing(mended.conn) as connection:
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (30_000,)
        fill(mended, threads=1)


def test_one_writer(tmp_path: Path, found: Found) -> None:
    """Calls of a saver alone, and its file, have nothing wrong; neither has a fault of another
    kind."""
    path = str(tmp_path / "app.sqlite")
    with SqliteSaver.from_conn_string(path) as saver:
        fill(statemeter.instrument(saver))
        saver.conn.execute("DROP TABLE writes")
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            fill(saver, threads=1)
        assert found(RULE) == []


def test_a_wal_under_an_open_reader(tmp_path: Path, found: Found) -> None:
    """Its size is that of the file; it can be emptied once the reader is gone."""
    path = str(tmp_path / "app.sqlite")
    limit(found, f"{RULE}.wal", 1_000_000)
    with SqliteSaver.from_conn_string(path) as saver:
        fill(saver)
        with closing(sqlite3.connect(path)) as reader:
            rows = reader.execute("SELECT * FROM checkpoints")
            rows.fetchone()
            for number in range(12):
                saver.conn.execute("CREATE TABLE IF NOT EXISTS other (x)")
                saver.conn.execute("INSERT INTO other VALUES (zeroblob(?))", (100_000 + number,))
                saver.conn.commit()
            checked_apart(path)
            (finding,) = found(RULE)
            size = Path(f"{path}-wal").stat().st_size
            assert finding.cost.bytes == size > 1_000_000
            rows.close()
        saver.conn.execute(finding.fixes[1].code.rstrip(";")).fetchone()
        assert Path(f"{path}-wal").stat().st_size == 0
        checked_apart(path)
        assert found(RULE) == []


def checked_apart(path: str) -> None:
    """As the page does it: this process has the file open."""
    inbox.hand_over(Path(probe.get().writer.folder), inspect_apart(path))
