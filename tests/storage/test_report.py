"""``python -m storage``: fields for scripts, as documented."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from storage import alerts, report, report_threads
from storage.__main__ import main, table
from tests.collector.made import Made, checkpoint_id, collect, query
from tests.conftest import REPOSITORY
from tests.storage import seed_findings


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
    made.resource("5" * 12, "store", "postgres")
    made.access("5" * 12, "put", "users/1", items=2, size=90, duration_us=10)
    made.access("5" * 12, "get", "users/1", hits=1, size=40, duration_us=12)
    made.access("5" * 12, "get", "users/1", hits=0, size=0, duration_us=14)
    made.resource("c" * 12, "cache", "memory")
    made.node("plan", 15)
    made.access("c" * 12, "set", "plan", size=70, keys=("1" * 16,), numbers={"ttl_seconds": 9})
    made.access("c" * 12, "get", "plan", hits=1, keys=("1" * 16,))
    made.resource("e" * 12, "embeddings", "other")
    numbers = {"characters": 30}
    made.access("e" * 12, "embed_documents", items=3, hits=1, size=90, numbers=numbers)
    made.resource("f" * 12, "pool", "postgres", minimum=1, maximum=4)
    made.gauges("f" * 12, size=4, in_use=2, waiting=0, requests=8, waited_us=40, timeouts=1, lost=0)
    made.resource("1" * 12, "lru", "python")
    made.gauges("1" * 12, size=3, maximum=9, hits=30, misses=10)
    made.write()
    collect(folder / "spool", folder / "store.sqlite")
    made.die()
    path = folder / "store.sqlite"
    seed_findings.store(path, [(1, seed_findings.finding(thread="big"))], at_us=1)
    rule = alerts.Rule(id="r", title="large", metric="stored_bytes", threshold=1)
    subject = alerts.Subject(key="all", words="all")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM alert_rules")
        connection.execute(
            "INSERT INTO alert_rules (id, body, enabled, changed_us, looked_us, subjects, untold, "
            "why) VALUES ('r', ?, 1, 0, 1, 1, 0, '')",
            (msgspec.json.encode(rule).decode(),),
        )
        connection.execute(
            "INSERT INTO alert_states VALUES ('r', 'all', ?, 'firing', 1, 2, 0, 500, 500, 0)",
            (msgspec.json.encode(subject).decode(),),
        )
    return path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> object:
    assert main(list(arguments)) == 0
    return json.loads(capsys.readouterr().out)


def test_threads(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    big, small = told(capsys, "threads", "--json", "--store", str(store))  # type: ignore[misc]
    sums = "SELECT sum(duration_us) AS duration_us, sum(serde_us) AS serde_us FROM operations"
    (took,) = query(store, f"{sums} WHERE thread_key = 1")
    assert took["duration_us"] > took["serde_us"] > 0
    assert big == {
        "thread_id": "big", "application": "app", "graph": "chat", "backend": "sqlite",
        "saver": "db", "steps": 2, "live_bytes": 600, "written_bytes": 1130,
        "stored_bytes": 1130, "gained_bytes": 1130, "metadata_bytes": 40, "operations": 4,
        "errors": 0, **took,
        "first_seen": "2030-03-17T17:46:43.000000Z", "last_seen": "2030-03-17T17:46:49.001000Z",
        "deleted": None, "partial": False,
    }  # fmt: skip
    assert (small["thread_id"], small["stored_bytes"]) == ("small", 0)
    assert small["deleted"] == "2030-03-17T17:46:47.000000Z"


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--search", "BI"], ["big"]),
        (["--search", "sm", "--match", "prefix"], ["small"]),
        (["--search", '{"thread_id": "big"}'], ["big"]),
        (["--search", "mall", "--match", "prefix"], []),
        (["--stored-at-least", "1kb"], ["big"]),
        (["--live-at-most", "600"], ["big", "small"]),
        (["--deleted", "only"], ["small"]),
        (["--deleted", "without"], ["big"]),
        (["--backend", "redis"], []),
        (["--graph", "chat", "--sort", "oldest"], ["small", "big"]),
        (["--saver", "db", "--sort", "name", "--limit", "1"], ["big"]),
        (["--origin", "attached"], []),
        (["--unused-for", "1h"], []),
    ],
)
def test_threads_are_narrowed(
    store: Path, capsys: pytest.CaptureFixture[str], options: list[str], found: list[str]
) -> None:
    """The filters of the Threads page, for scripts."""
    rows = told(capsys, "threads", "--json", "--store", str(store), *options)
    assert isinstance(rows, list)
    assert [row["thread_id"] for row in rows] == found


@pytest.mark.parametrize("option", ["--stored-at-least=big", "--used-within=2x"])
def test_amounts_that_are_none(
    store: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    """The message quotes what was given, and says how to write it."""
    with pytest.raises(SystemExit) as ended:
        main(["threads", "--store", str(store), option])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert repr(option.partition("=")[2]) in told
    assert "write a number and" in told


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


def documented(name: str) -> set[str]:
    """The fields of a report in docs/store.md."""
    text = (REPOSITORY / "docs" / "store.md").read_text("utf-8")
    section = text.split(f"\n### {name}\n")[1].split("\n#")[0]
    rows = re.findall(r"^\|([^|]*)\|", section, re.MULTILINE)
    return {field for row in rows for field in re.findall(r"`(\w+)`", row)}


# The others are held by the tests of what they tell: test_durability.py and test_delta.py.
@pytest.mark.parametrize("name", sorted(report.REPORTS.keys() - report_threads.REPORTS.keys()))
def test_fields_are_those_documented(
    store: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """docs/store.md names every field of a report, and no other."""
    result = told(capsys, name, "--json", "--store", str(store))
    row = result if isinstance(result, dict) else result[0]  # type: ignore[index]
    assert set(row) == documented(name)


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


def test_resources(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counted by hand from the events of the store."""

    def rows(name: str, *fields: str) -> list[tuple[object, ...]]:
        found = told(capsys, name, "--json", "--store", str(store), "--window", "15m")
        assert isinstance(found, list)
        return [tuple(row[field] for field in fields) for row in found]

    assert rows("stores", "store", "method", "prefix", "count", "items", "hits", "hit_rate",
                "payload_bytes", "p50_us", "p99_us") == [
        ("the store", "get", "users/1", 2, 2, 1, 0.5, 40, 12.0, 14.0),
        ("the store", "put", "users/1", 1, 2, 0, None, 90, 10.0, 10.0),
    ]  # fmt: skip
    assert rows("caches", "kind", "cache", "node", "gets", "sets", "hits", "hit_rate", "saved_us",
                "keys", "unhit_keys", "key_bytes", "ttl_min_seconds", "entries") == [
        ("cache", "the cache", "plan", 1, 1, 1, 1.0, 15, 1, 0, 70, 9, None),
        ("lru", "the lru", "", None, None, 30, 0.75, None, None, None, None, None, 3),
    ]  # fmt: skip
    assert rows("embeddings", "texts", "duplicates", "duplicate_share", "characters") == [
        (3, 1, 0.333333, 30)
    ]
    assert rows("pools", "pool", "maximum", "processes", "in_use", "requests", "mean_wait_us",
                "timeouts") == [("the pool", 4, 1, 2, 8, 5.0, 1)]  # fmt: skip
    (backend,) = rows("backends", "backend", "savers", "threads", "operations", "by_operation")
    assert backend[:4] == ("sqlite", 1, 1, 6)
    puts = backend[4]["put"]  # type: ignore[index]
    assert (puts["count"], puts["payload_bytes"], puts["mean_us"]) == (3, 1200, 1000.0)
