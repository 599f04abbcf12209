"""``python -m storage``: fields for scripts, as documented."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from storage import report
from storage.__main__ import main, table
from tests.collector.made import Made, checkpoint_id, collect
from tests.conftest import REPOSITORY


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two threads, one of them deleted, a gap, a dead letter and drops."""
    folder = tmp_path_factory.mktemp("report")
    made = Made(folder / "spool")
    made.put("big", 1, 500, channels={"messages": 400, "topic": 5})
    made.writes("big", 1, "task", [("messages", 30)])
    made.read("big", found=1)
    made.put("small", 2, 100)
    made.removal("delete_thread", "small")
    made.line("sample", 1000, 2000, 7, 10, {"queue_full": 3}, 1)
    made.seq += 4
    made.put("big", 3, 600, parent=1, channels={"messages": 500, "topic": 5}, changed=["messages"])
    made.lines.append(b"garbage\n")
    made.write()
    collect(folder / "spool", folder / "store.sqlite")
    made.die()
    return folder / "store.sqlite"


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> object:
    assert main(list(arguments)) == 0
    return json.loads(capsys.readouterr().out)


def test_threads(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    big, small = told(capsys, "threads", "--json", "--store", str(store))  # type: ignore[misc]
    assert big == {
        "thread_id": "big", "application": "app", "graph": "chat", "backend": "sqlite",
        "saver": "db", "steps": 2, "live_bytes": 600, "written_bytes": 1130,
        "stored_bytes": 1130, "metadata_bytes": 40, "operations": 4, "errors": 0,
        "first_seen": "2030-03-17T17:46:43.000000Z", "last_seen": "2030-03-17T17:46:49.001000Z",
        "deleted": None, "partial": False,
    }  # fmt: skip
    assert (small["thread_id"], small["stored_bytes"]) == ("small", 0)
    assert small["deleted"] == "2030-03-17T17:46:47.000000Z"


def test_operations_newest_first(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = told(capsys, "operations", "--json", "--store", str(store), "--thread", "big")
    assert isinstance(rows, list)
    assert [row["operation"] for row in rows] == ["put", "get_tuple", "put_writes", "put"]
    put = rows[0]
    assert (put["checkpoint"], put["parent"]) == (checkpoint_id(3), checkpoint_id(1))
    assert put["channels"] == {"messages": 500, "topic": 5}
    assert (put["payload_bytes"], put["stored_delta_bytes"], put["live_bytes"]) == (600, 600, 600)
    assert rows[2]["channels"] == [["messages", 30]]
    limited = told(capsys, "operations", "--json", "--store", str(store), "--limit", "2")
    assert isinstance(limited, list)
    assert len(limited) == 2


def test_channels(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = told(capsys, "channels", "--json", "--store", str(store), "--thread", "big")
    assert rows == [
        {"thread_id": "big", "application": "app", "backend": "sqlite", "ns": "",
         "channel": "messages", "live_bytes": 500, "written_bytes": 900, "writes": 2,
         "elements": None},
        {"thread_id": "big", "application": "app", "backend": "sqlite", "ns": "",
         "channel": "topic", "live_bytes": 5, "written_bytes": 5, "writes": 1, "elements": None},
    ]  # fmt: skip


def test_health(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    health = told(capsys, "health", "--json", "--store", str(store))
    assert isinstance(health, dict)
    assert health["dead_letters"] == {"checksum": 1}
    assert health["dropped"] == {"queue_full": 3}
    assert (health["lost"], health["failures"], health["lag_bytes"]) == (4, 1, 0)
    assert (health["collector"], health["problem"]) == (None, "")


@pytest.mark.parametrize("name", report.REPORTS)
def test_fields_are_those_documented(
    store: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """docs/store.md names every field of a report, and no other."""
    text = (REPOSITORY / "docs" / "store.md").read_text("utf-8")
    section = text.split(f"\n### {name}\n")[1].split("\n#")[0]
    rows = re.findall(r"^\|([^|]*)\|", section, re.MULTILINE)
    documented = {field for row in rows for field in re.findall(r"`(\w+)`", row)}
    result = told(capsys, name, "--json", "--store", str(store))
    row = result if isinstance(result, dict) else result[0]  # type: ignore[index]
    assert set(row) == documented


def test_table_shows_the_same_rows(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["threads", "--store", str(store)]) == 0
    header, first, *_ = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["thread_id", "application", "graph"]
    assert "1130" in first.split()


def test_names_cannot_drive_a_terminal() -> None:
    """Control characters are shown, long cells cut; nothing is (none)."""
    text = table([{"name": "\x1b[2Jred\n", "n": 1}, {"name": "x" * 100, "n": None}])
    assert "\x1b" not in text
    assert "\\x1b[2Jred\\n" in text
    assert len(text.splitlines()) == 3
    assert text.splitlines()[2].split()[0] == "x" * 39 + "…"
    assert table([]) == "(none)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["threads", "--thread", "nobody"], "no thread 'nobody'"),
        (["threads", "--store", "/nowhere/store.sqlite"], "There is no store at /nowhere"),
        (["threads", "--store", "redis://:hunter2@h/0"], "is a redis database"),
    ],
)
def test_bad_input_is_told(
    store: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--store", str(store), *arguments] if len(arguments) == 1 else (
        arguments if "--store" in arguments else [*arguments, "--store", str(store)]
    )) == 2  # fmt: skip
    printed = capsys.readouterr()
    assert message in printed.err
    assert "hunter2" not in printed.err
    assert printed.out == ""


@pytest.mark.parametrize("limit", ["0", "-5", "many", "1e9"])
def test_bad_limit_is_told(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["threads", "--limit", limit])
    assert ended.value.code == 2
    assert f"'{limit}'" in capsys.readouterr().err


def test_damage_found_while_reading_is_told(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy.sqlite"
    with closing(sqlite3.connect(store)) as connection, closing(sqlite3.connect(copy)) as target:
        connection.backup(target)
    content = bytearray(copy.read_bytes())
    content[8 * 4096 :] = b"\xff" * (len(content) - 8 * 4096)
    copy.write_bytes(content)
    assert main(["threads", "--store", str(copy)]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_reader_that_closes_early_is_no_error(store: Path) -> None:
    """As ``| head -1`` does."""
    done = subprocess.run(
        f'"{sys.executable}" -m storage operations --json --store "{store}" | head -1',
        shell=True, cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == ("[", "")
