"""A look is one at a time, ends with whoever asked, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from collector.look import asking, command, folders
from tests.collector.look.conftest import Serve
from tests.collector.look.services import LEAKING, Service, line_of, wait_for
from tests.conftest import REPOSITORY


def asker(service: Service, *arguments: str) -> subprocess.Popen[str]:
    """Somebody who asks from a terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "collector", "look", service.incarnation, *arguments],
        cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def is_tracing(service: Service) -> bool:
    """Whether tracemalloc is on there: a look at lines is refused then."""
    return "tracemalloc" in service.look("lines", 0.1, name="nowhere").problem


def test_one_at_a_time_and_none_after_whoever_asked(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second one is told what is under way; the first one is killed, and all is off again."""
    service = serve("objects").ready()
    first = asker(service, "memray", "--seconds", "300")
    wait_for(lambda: list(service.folder.glob("*.bin")), "recording")
    monkeypatch.setattr(asking, "BUSY_SECONDS", 0.5)
    problem = service.look("census").problem
    assert "under way" in problem
    assert "a recording" in problem
    first.kill()
    first.communicate()
    (request,) = service.folder.glob("*.look")
    os.utime(request, (time.time() - 60,) * 2)
    wait_for(lambda: service.look("census").problem == "", "census")
    assert service.found("recording", 0.5).seconds < 60
    assert [path.name for path in service.folder.iterdir()] == ["process"]
    # One that is stopped takes its request back itself, and one may want the result now.
    second = asker(service, "allocations", "--seconds", "300", "--parent")
    wait_for(lambda: list(service.folder.glob("*.look")), "request")
    second.terminate()
    second.communicate()
    assert second.returncode == 130
    wait_for(lambda: service.look("census").problem == "", "census")
    assert not is_tracing(service)
    with asker(service, "memray", "--seconds", "300", "--json", "--parent") as third:
        assert third.stdin is not None
        assert third.stdout is not None
        wait_for(lambda: list(service.folder.glob("*.bin")), "recording")
        assert all(path.stat().st_mode & 0o077 == 0 for path in service.folder.iterdir())
        third.stdin.write("now\n")
        third.stdin.flush()
        said = json.loads(third.stdout.read())
    assert said["ended"] == "ended when its result was asked for"
    assert 0 < said["recording"]["seconds"] < 300
    assert [path.name for path in service.folder.iterdir()] == ["process"]
    service.end()
    assert not service.folder.exists()


def test_lines_of_a_node_and_the_next_run(serve: Serve) -> None:
    """Each line's bytes are those that Python allocates for it; an async node too, and afterwards
    the node is as before."""
    service = serve("async").ready()
    found = service.found("lines", 60, name="awaited")
    assert (found.file, found.complete, found.error) == (LEAKING, True, "")
    by_line = {one.line: one for one in found.lines}
    held = by_line[line_of("held = bytearray(1_000_000)")]
    size = sys.getsizeof(bytearray(1_000_000))
    assert held.hits == 1
    assert abs(held.change_bytes - size) < 20_000
    assert held.text.strip() == "held = bytearray(1_000_000)"
    found = service.found("lines", 60, name="worker", graph="async")
    by_line = {one.line: one for one in found.lines}
    text = "block = [str(number) * 10 for number in range(500)]"
    block = [str(number) * 10 for number in range(500)]
    size = sum(map(sys.getsizeof, block)) + sys.getsizeof(block)
    made, freed = by_line[line_of(text)], by_line[line_of("del block")]
    assert size - 500 < made.change_bytes < size * 1.5, "other threads' too; 501 turns in 3.12"
    assert made.peak_bytes >= made.change_bytes
    assert freed.change_bytes < -size * 0.9
    assert made.held_bytes < 600, "but for the digits, of which Python keeps one each"
    recorded = service.found("recording", 60, run=True)
    assert recorded.run
    assert recorded.seconds < 60
    assert "awaited" in service.look("lines", 0.5, name="nowhere").problem
    assert not is_tracing(service)
    service.end()


def test_what_is_missing_is_told_with_the_command(serve: Serve, tmp_path: Path) -> None:
    """Without memray or objgraph in the application: the command that installs them."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    for name in ("memray", "objgraph"):
        (hidden / f"{name}.py").write_text(
            f"raise ModuleNotFoundError('No module named {name}', name='{name}')"
        )
    service = serve("objects", PYTHONPATH=str(hidden)).ready()
    for kind in ("recording", "chain"):
        problem = service.look(kind, 1, name="__main__.Session").problem
        assert "pip install 'statemeter[memory]'" in problem
    assert service.look("census").problem == ""
    service.end()


def test_a_process_that_allows_none_and_one_that_ended(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message says which setting, or that it ended."""
    service = serve("objects", STATEMETER_CONTROL="0")
    pid = str(service.child.pid)
    assert command.main([pid, "census"]) == 2
    assert "STATEMETER_CONTROL=0" in capsys.readouterr().err
    assert "STATEMETER_CONTROL=0" in service.look("census").problem
    service.child.kill()
    service.child.wait()
    assert command.main([pid, "census"]) == 2
    assert f"There is no process {pid}" in capsys.readouterr().err
    assert command.main(["app", "census"]) == 2
    assert "is no process" in capsys.readouterr().err
    killed = serve("objects").ready()
    killed.child.send_signal(signal.SIGKILL)
    killed.child.wait()
    assert "has ended" in killed.look("census").problem


def test_folders_that_are_not_for_us(tmp_path: Path, isolated: Path) -> None:
    """Of another host, of another user, damaged: each is told with what to do."""
    spool = isolated / "spool"
    name = "0" * 32
    folder = spool / "control" / name
    folder.mkdir(parents=True)

    def why() -> str:
        with pytest.raises(folders.CouldNotLook) as caught:
            folders.find(spool, name)
        return str(caught.value)

    assert "another version" in why()
    whose = {"pid": os.getpid(), "started_us": 1, "host": "elsewhere", "application": "bot"}
    (folder / "process").write_text(json.dumps(whose))
    assert "bot" in why()
    assert f"collector look {os.getpid()}" in why()
    (folder / "process").write_text(json.dumps(whose | {"host": socket.gethostname()}))
    assert "has ended" in why()
    assert folders.listed(spool) == []
    if os.getuid() == 0:
        os.chown(folder, 65534, 65534)
        assert "another user" in why()


def test_the_command_prints_tables(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    """The list of processes, and each kind as a table."""
    service = serve("objects").ready()
    assert command.main([]) == 0
    assert service.incarnation in capsys.readouterr().out
    pid = str(service.child.pid)
    for arguments, words in (
        (["census"], "Lists, dictionaries and sets"),
        (["chain", "__main__.Session"], ".SESSIONS → list"),
        (["lines", "keeper", "--seconds", "30"], "held_bytes"),
        (["memray", "--seconds", "1", "--arenas"], "not freed"),
        (["allocations", "--seconds", "1"], "change_bytes"),
    ):
        assert command.main([pid, *arguments]) == 0
        assert words in capsys.readouterr().out
    with pytest.raises(SystemExit):
        command.main([pid, "census", "--seconds", "1000"])
    assert "number of seconds" in capsys.readouterr().err
    service.end()
