"""``python -m storage history``: one thread's checkpoints for scripts."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from storage.__main__ import main
from storage.history_command import main as command
from storage.queries_history import SAVED, history
from storage.store import open_reader
from tests.conftest import REPOSITORY
from tests.storage import seed


@pytest.fixture
def store(tmp_path: Path) -> str:
    """The sample's threads, one of them with a name that is a formula."""
    made = seed.sample(time.time_ns() // 1000)
    made.thread("=cmd()", steps=3)
    path = tmp_path / "store.sqlite"
    made.write(path)
    return str(path)


def test_json_has_every_checkpoint(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A list of objects, oldest first, with the documented fields; unknown is null."""
    assert main(["history", "support-2", "--store", store, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    engine = open_reader(store)
    table = history(engine, 2).table
    engine.dispose()
    assert [row["checkpoint"] for row in rows] == list(table["checkpoint"])
    names = {"at" if name == "at_us" else name for name in SAVED}
    assert all(row.keys() == names for row in rows)
    assert rows[0]["change_bytes"] is None
    assert rows[-1]["change_bytes"] == 1_000
    assert rows[-1]["nodes"] == ["model"]


def test_files_hold_the_same(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """CSV and Parquet have the rows of the JSON; ``-`` prints."""
    assert main(["history", "support-2", "--store", store, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    parquet = tmp_path / "x.parquet"
    assert command(["support-2", "--store", store, "--parquet", str(parquet)]) == 0
    frame = pd.read_parquet(parquet)
    for name in ("checkpoint", "checkpoint_bytes", "step", "source"):
        assert list(frame[name]) == [row[name] for row in rows]
    printed = subprocess.run(
        [sys.executable, "-m", "storage", "history", "support-2", "--store", store, "--csv", "-"],
        check=True, cwd=REPOSITORY, capture_output=True, text=True,
    ).stdout  # fmt: skip
    lines = list(csv.DictReader(io.StringIO(printed)))
    assert [line["checkpoint"] for line in lines] == [row["checkpoint"] for row in rows]
    assert lines[0]["change_bytes"] == ""


def test_a_name_that_is_a_formula(store: str, tmp_path: Path) -> None:
    """A spreadsheet runs nothing of it."""
    path = tmp_path / "x.csv"
    assert command(["=cmd()", "--store", store, "--csv", str(path)]) == 0
    cells = [cell for row in csv.reader(io.StringIO(path.read_text())) for cell in row]
    assert any(cell.startswith("'=cmd()") for cell in cells)
    assert not any(cell.startswith("=") for cell in cells)


def test_the_table_and_its_limit(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest rows as text; what is left out is told beside it."""
    assert main(["history", "support-2", "--store", store, "--limit", "3"]) == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("step  source")
    assert lines[-1].endswith("support-2-000019")
    assert told.err == "storage: 18 older checkpoints are left out\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody"], "The store has no thread 'nobody'. python -m storage threads lists"),
        (["support-1"], "choose one with --saver, of "),
        (["support-1", "--saver", "x"], "no thread 'support-1' of saver 'x'"),
        (["support-2", "--csv", "/nonexistent/x.csv"], "No such file or directory"),
    ],
)
def test_bad_input(
    store: str, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """What, its value, the fix; exit code 2."""
    assert main(["history", *arguments, "--store", store]) == 2
    assert said in capsys.readouterr().err


def test_a_saver_chooses(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Where several storages have such a thread, the key tells which."""
    arguments = ["history", "support-1", "--saver", "cccccccccccc", "--store", store, "--json"]
    assert main(arguments) == 0
    assert len(json.loads(capsys.readouterr().out)) == 5
