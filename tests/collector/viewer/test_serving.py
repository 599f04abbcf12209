"""The viewer: what it refuses, what it is held to, and that databases stay as they are."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from storage import values
from tests import long_thread
from tests.collector.live import wait_for
from tests.collector.viewer.asking import KEY, Asking, attach
from tests.conftest import REPOSITORY, StartChild

CONFIG = {"configurable": {"thread_id": "told"}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A SQLite file with a thread."""
    path = tmp_path / "c.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        long_thread.play(long_thread.build(saver), "told", 2)
    return path


def test_it_denies_what_was_not_allowed(file: Path, tmp_path: Path) -> None:
    """The viewer itself looks at the setting, whoever asks."""
    attach(tmp_path, "sqlite", str(file))
    for said in ("0", ""):
        with Asking(tmp_path, STATEMETER_SHOW_VALUES=said) as asking:
            answer = asking.ask("sqlite")
            assert "STATEMETER_SHOW_VALUES" in answer.problem
            assert answer.channels == {}


def test_paths_of_the_spool_stay_inside_the_roots(file: Path, tmp_path: Path) -> None:
    """Links out, `..`, parameters, NUL, folders and other databases are refused, in words."""
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link.sqlite").symlink_to(file)
    (inside / "folder").symlink_to(tmp_path)
    (inside / "text").write_text("no database, but long enough to be looked at")
    with closing(sqlite3.connect(inside / "other.sqlite")) as connection:
        connection.execute("CREATE TABLE secrets (word)")
        connection.commit()
    refused = {
        str(file): "not inside", f"{inside}/link.sqlite": "not inside",
        f"{inside}/folder/c.sqlite": "not inside", f"{inside}/../c.sqlite": "`..`",
        f"{inside}/new.sqlite?mode=rwc": "no file", f"{inside}/a\0b": "NUL",
        "c.sqlite": "not absolute", str(inside): "is a folder", f"{inside}/text": "is not a SQLite",
        f"{inside}/other.sqlite": "not a database of LangGraph",
        "file:///etc/passwd": "not absolute", "": "Connect page",
    }  # fmt: skip
    before = sorted(inside.iterdir())
    with Asking(tmp_path, STATEMETER_ROOTS=str(inside)) as asking:
        for path, words in refused.items():
            answer = asking.ask("sqlite", database=path)
            assert words in answer.problem, path
            assert answer.channels == {}
        (inside / "c.sqlite").hardlink_to(file)
        assert asking.ask("sqlite", database=str(inside / "c.sqlite")).problem == ""
    # A reader of a WAL makes its -shm; no file was made by a name.
    made = [path for path in inside.iterdir() if not path.name.endswith(("-shm", "-wal"))]
    assert sorted(made) == sorted([*before, inside / "c.sqlite"])


@pytest.mark.parametrize("redact", ["", "4711-[a-z]+"])
def test_no_secret_in_the_first_bytes_of_a_document(redact: str, tmp_path: Path) -> None:
    """SqliteSaver keeps channels inside the document, and begins it with them: where something in
    one is hidden, or was not looked at, the document's bytes are not shown."""
    path = tmp_path / "c.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for thread, secret in (("told", {"a": "4711-xyz", "password": "hunter2-xyz"}), ("t", "")):
            made = empty_checkpoint() | {"channel_values": {"settings": secret}}
            config = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
            saver.put(config, made, {}, {})  # type: ignore[arg-type, typeddict-item]
    attach(tmp_path, "sqlite", str(path))
    with Asking(tmp_path, STATEMETER_REDACT=redact) as asking:
        for channels in (None, ["settings"], []):
            answer = asking.ask("sqlite", channels=channels)
            assert (answer.problem, answer.document.head) == ("", "")
            for word in ("hunter2-xyz", *(["4711-xyz"] if redact else [])):
                said = values.encode(answer)
                assert word.encode() not in said
                assert word.encode().hex().encode() not in said
        assert asking.ask("sqlite", thread="t").document.head


def test_an_unknown_database_says_what_to_do(tmp_path: Path) -> None:
    """A server that nobody attached: the probe tells no URL."""
    with Asking(tmp_path) as asking:
        for backend in ("postgres", "redis", "mongodb", "other"):
            assert "Connect page" in asking.ask(backend).problem


@pytest.mark.parametrize(
    ("backend", "url"),
    [
        ("postgres", "postgresql://me:hush%2Fhush@127.0.0.1:1/db"),
        ("redis", "redis://:hush%2Fhush@127.0.0.1:1"),
        ("valkey", "valkey://:hush%2Fhush@127.0.0.1:1"),
        ("mongodb", "mongodb://me:hush%2Fhush@127.0.0.1:1/db?serverSelectionTimeoutMS=100"),
    ],
)
def test_no_secret_in_an_answer(backend: str, url: str, tmp_path: Path) -> None:
    """A server that is down is told without the password; no argument or output has it either."""
    attach(tmp_path, backend, url)
    with Asking(tmp_path) as asking:
        answer = asking.ask(backend)
        assert "cannot be reached" in answer.problem
        assert "hush" not in str(answer)
        if sys.platform == "linux":
            started = Path(f"/proc/{asking.process.pid}/cmdline").read_bytes()
            assert b"hush" not in started
        asking.process.stdin.close()  # type: ignore[union-attr]
        asking.process.wait(30)
        assert asking.process.stderr is not None
        assert b"hush" not in asking.process.stderr.read()
        asking.process.stdin = None


def test_what_is_no_question_is_answered_too(file: Path, tmp_path: Path) -> None:
    """A damaged line costs nothing but its answer; the next question is answered."""
    attach(tmp_path, "sqlite", str(file))
    with Asking(tmp_path) as asking:
        for line in (b"", b"{", b"[]", b'{"saver": 1}', b"\xff", b"{}" * 1000):
            assert b"does not know" in asking.line(line)
        assert asking.ask("sqlite").channels["turn"].data == 2


def test_it_ends_with_whoever_started_it(file: Path, tmp_path: Path) -> None:
    """A killed dashboard leaves no viewer: the end of its standard input is its own."""
    code = (
        "import subprocess, sys, os\n"
        "child = subprocess.Popen([sys.executable, '-m', 'collector.viewer'],"
        "stdin=subprocess.PIPE)\nprint(child.pid, flush=True)\nos.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=False
    )
    pid = int(done.stdout)
    wait_for(lambda: not _runs(pid), "the end of the viewer")


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # nobody is left to wait for it


def test_a_large_value_is_told_by_length_and_head(tmp_path: Path) -> None:
    """Beyond the limit a blob is not fetched: its neighbours are, and the process stays small."""
    path = tmp_path / "c.sqlite"
    saver = InMemorySaver()
    tag, big = saver.serde.dumps_typed("x" * 40_000_000)
    with SqliteSaver.from_conn_string(str(path)) as sqlite:
        long_thread.play(long_thread.build(sqlite), "told", 1)
        newest = sqlite.get_tuple(CONFIG)  # type: ignore[arg-type]
        assert newest is not None
        name = newest.checkpoint["id"]
        sqlite.conn.execute(
            "INSERT INTO writes VALUES ('told', '', ?, 'task', '', 0, 'big', ?, ?)",
            (name, tag, big),
        )
        sqlite.conn.commit()
    attach(tmp_path, "sqlite", str(path))
    with Asking(tmp_path) as asking:
        answer = asking.ask("sqlite", name)
        (write,) = [one for one in answer.writes if one.channel == "big"]
        assert write.value.bytes == len(big)
        assert write.value.head == big[:256].hex()
        assert "Not fetched (40,000,005 bytes)" in write.value.problem
        assert answer.channels["turn"].data == 1
        if sys.platform == "linux":
            status = Path(f"/proc/{asking.process.pid}/status").read_text()
            (peak,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
            assert int(peak.split()[1]) < 100_000, "kB"


@pytest.mark.parametrize("fetches", [100, pytest.param(1_000, marks=pytest.mark.slow)])
def test_browsed_while_the_application_writes(
    fetches: int, tmp_path: Path, start_child: StartChild
) -> None:
    """Faults 29: each answer is a checkpoint that was there; the application sees no lock, and its
    tables are those that it made itself."""
    path = tmp_path / "c.sqlite"
    child = start_child("-m", "tests.long_thread", str(path), "--turns", "40", "--thread", "told")
    twin = tmp_path / "twin.sqlite"
    with SqliteSaver.from_conn_string(str(twin)) as saver:
        saver.setup()
    wait_for(lambda: path.exists() and child.poll() is None and _rows(path), "the first row")
    attach(tmp_path, "sqlite", str(path))
    seen = set()
    for _ in range(0, fetches, 100):
        with Asking(tmp_path) as asking:
            for _ in range(100):
                answer = asking.ask("sqlite")
                assert answer.problem == ""
                seen.add(answer.checkpoint)
                if answer.parent:
                    assert asking.ask("sqlite", answer.parent).checkpoint == answer.parent
    assert child.wait(300) == 0, child.log_path.read_text()  # type: ignore[attr-defined]
    with closing(sqlite3.connect(path)) as connection, closing(sqlite3.connect(twin)) as other:
        schema = "SELECT type, name, sql FROM sqlite_schema ORDER BY name"
        assert connection.execute(schema).fetchall() == other.execute(schema).fetchall()
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = {name for (name,) in connection.execute("SELECT checkpoint_id FROM checkpoints")}
    assert seen <= kept
    with SqliteSaver.from_conn_string(str(path)) as saver:
        assert long_thread.build(saver).get_state(CONFIG).values["turn"] == 40  # type: ignore[arg-type]


def _rows(path: Path) -> int:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM checkpoints").fetchone()[0])
        except sqlite3.Error:
            return 0


def test_a_hostile_blob_costs_its_own_answer(file: Path, tmp_path: Path) -> None:
    """Pickles, tags of nobody and damaged bytes in every place: told, and nothing is run."""
    attach(tmp_path, "sqlite", str(file))
    mark = tmp_path / "called"
    pickled = b"cos\nsystem\n(S'touch " + str(mark).encode() + b"'\ntR."
    hostile = [
        ("pickle", pickled), ("msgpack", b"\xdf\xff\xff\xff\xff"), ("msgpack", b"\x91" * 500_000),
        ("json", b"[" * 500_000), ("?" * 100, b""), ("msgpack+aes", b"x" * 50),
    ]  # fmt: skip
    with Asking(tmp_path) as asking, closing(sqlite3.connect(file)) as connection:
        for tag, blob in hostile:
            connection.execute("UPDATE writes SET type = ?, value = ?", (tag, blob))
            connection.execute("UPDATE checkpoints SET type = ?, checkpoint = ?", (tag, blob))
            connection.execute("UPDATE checkpoints SET metadata = ?", (blob,))
            connection.commit()
            answer = asking.ask("sqlite")
            assert answer.problem == ""
            assert answer.document.problem or answer.document.data is not None
            assert answer.document.bytes == len(blob)
            assert answer.channels == {}
        connection.execute("DELETE FROM checkpoints WHERE parent_checkpoint_id IS NOT NULL")
        odd = "checkpoint_id = 7, type = x'ff', metadata = 1.5"
        connection.execute(f"UPDATE checkpoints SET {odd} WHERE checkpoint_ns = ''")
        connection.commit()
        answer = asking.ask("sqlite")
        assert answer.problem or answer.checkpoint == "7"
    assert not mark.exists()


def test_the_key_of_a_source_is_no_path(tmp_path: Path) -> None:
    """A key from a spool that is none names no file."""
    with Asking(tmp_path) as asking:
        for key in ("../../etc", KEY.upper() + "x", "", "\0"):
            assert asking.ask("postgres", saver=key).problem


def test_the_process_is_private(tmp_path: Path) -> None:
    """No core file of it is written, which would hold values."""
    with Asking(tmp_path) as asking:
        attach(tmp_path, "sqlite", str(tmp_path / "c.sqlite"))
        with SqliteSaver.from_conn_string(str(tmp_path / "c.sqlite")) as saver:
            long_thread.play(long_thread.build(saver), "told", 1)
        assert asking.ask("sqlite").problem == ""
        if os.path.exists("/proc"):
            limits = Path(f"/proc/{asking.process.pid}/limits").read_text()
            (core,) = [line for line in limits.splitlines() if line.startswith("Max core")]
            assert core.split()[4:6] == ["0", "0"]
