"""``statemeter run``: programs of every kind, as ``python`` runs them, and measured."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

import pytest

from statemeter import events, run
from statemeter.__main__ import main
from tests.conftest import REPOSITORY, StartChild
from tests.statemeter.spooled import read, segments

SECONDS = 120

GRAPH = """
from typing import TypedDict
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph

State = TypedDict("State", {"number": int})
CONFIG = {"configurable": {"thread_id": "thread"}}

def build(saver=None, node=lambda state: {"number": state["number"] + 1}):
    builder = StateGraph(State)
    builder.add_node("add", node)
    builder.add_edge(START, "add")
    return builder.compile(checkpointer=saver)
"""

FUNCTIONAL = """
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint

@entrypoint(checkpointer=InMemorySaver())
def work(number):
    return number + 1

assert work.invoke(1, {"configurable": {"thread_id": "thread"}}) == 2
"""

AGENT = """
import warnings
warnings.simplefilter("ignore")
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.prebuilt import create_react_agent

class Model(GenericFakeChatModel):
    def bind_tools(self, tools, **options):
        return self

agent = create_react_agent(
    Model(messages=iter([AIMessage("hello")])), [], checkpointer=InMemorySaver()
)
agent.invoke({"messages": [("user", "hi")]}, {"configurable": {"thread_id": "thread"}})
"""

PROGRAMS = {
    "script": GRAPH + 'build(InMemorySaver()).invoke({"number": 1}, CONFIG)',
    "asyncio": GRAPH
    + 'import asyncio\nasyncio.run(build(InMemorySaver()).ainvoke({"number": 1}, CONFIG))',
    "functional": FUNCTIONAL,
    "agent": AGENT,
    "subgraph": GRAPH + 'build(InMemorySaver(), build()).invoke({"number": 1}, CONFIG)',
    "spawned": GRAPH
    + """
import multiprocessing

def work():
    build(InMemorySaver()).invoke({"number": 1}, CONFIG)

if __name__ == "__main__":
    child = multiprocessing.get_context("spawn").Process(target=work)
    child.start()
    child.join()
    assert child.exitcode == 0
""",
}
"""Kind of program → its text, which runs one graph."""

SHOW = """
import os, sys
ours = sorted(name for name in sys.modules if "statemeter" in name and name[0] != "_")
print(sys.argv, [path for path in sys.path if path != os.environ["REPOSITORY"]], __name__,
      __spec__ and __spec__.name, globals().get("__file__"), sys.stdin.read(), os.getcwd(),
      sys.flags, ours, sys.modules["__main__"].__dict__ is globals())
print("to stderr", file=sys.stderr)
"""
"""A program that says what it sees, its standard input too."""


@pytest.fixture(autouse=True)
def repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs find Statemeter as if it were installed for them."""
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setenv("REPOSITORY", str(REPOSITORY))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of the user's, with a space in its name."""
    made = tmp_path / "my app"
    made.mkdir()
    return made


def python(folder: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """What a Python says."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True,
        timeout=SECONDS, check=False, **{"stdin": subprocess.DEVNULL, **options},
    )  # fmt: skip


def measured(*arguments: str) -> tuple[str, ...]:
    return ("-m", "statemeter", "run", *arguments)


def told(isolated: Path) -> list[Any]:
    """The events of all processes."""
    return [event for paths in segments(isolated / "spool").values() for event in read(paths)]


@pytest.mark.parametrize("kind", PROGRAMS)
def test_programs_are_measured(kind: str, folder: Path, isolated: Path) -> None:
    """With no line changed: one run, its checkpoints, and nothing on stdout and stderr."""
    (folder / "app.py").write_text(PROGRAMS[kind], "utf-8")
    done = python(folder, "-W", "error", *measured("app.py"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    seen = told(isolated)
    (ended,) = [event for event in seen if isinstance(event, events.Run)]
    assert ended.status == "done"
    puts = [event for event in seen if isinstance(event, events.Put)]
    assert {event.thread for event in puts} == {"thread"}
    (name,) = {event.application for event in seen if isinstance(event, events.Process)}
    assert name == "app"
    if kind == "subgraph":
        assert len({event.ns for event in puts}) == 2


@pytest.mark.parametrize(
    "program", [("app.py",), ("-m", "package.app"), ("-m", "package"), ("package",), ("-c", SHOW)]
)
def test_a_program_sees_what_python_shows_it(program: tuple[str, ...], folder: Path) -> None:
    """Arguments, path, names, standard streams, flags: the same, and no module of ours."""
    package = folder / "package"
    package.mkdir()
    for path in (folder / "app.py", package / "app.py", package / "__main__.py"):
        path.write_text(SHOW, "utf-8")
    said = []
    for arguments in (program, measured(*program)):
        with (folder / "stdin").open("w+", encoding="utf-8") as file:
            file.write("typed in")
            file.seek(0)
            flags = ("-X", "dev", "-W", "error", "-O")
            said.append(python(folder, *flags, *arguments, "-x", "a b", "--help", stdin=file))
    bare, ours = said
    assert bare.returncode == 0, bare.stderr
    assert (ours.returncode, ours.stdout, ours.stderr) == (0, bare.stdout, bare.stderr)
    assert "typed in" in bare.stdout


def test_the_program_on_stdin(folder: Path) -> None:
    """``-`` reads the program itself from there."""
    (folder / "app.py").write_text("import sys; print('here', sys.argv)", "utf-8")
    with (folder / "app.py").open(encoding="utf-8") as file:
        assert python(folder, *measured("-", "a"), stdin=file).stdout == "here ['-', 'a']\n"


@pytest.mark.parametrize("end", ["raise ValueError('its own')", "import sys; sys.exit(7)", "1/0"])
def test_it_ends_as_it_would(end: str, folder: Path) -> None:
    """Exit code and traceback are the program's, to the letter."""
    (folder / "app.py").write_text(f"def work():\n    {end}\n\nwork()\n", "utf-8")
    bare, ours = python(folder, "app.py"), python(folder, *measured("app.py"))
    assert bare.returncode
    assert (ours.returncode, ours.stderr) == (bare.returncode, bare.stderr)


def test_a_sitecustomize_of_the_users_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs once, as it would without us; one that fails is told as Python does."""
    sites = folder / "sites"
    sites.mkdir()
    monkeypatch.setenv("PYTHONPATH", f"{sites}{os.pathsep}{REPOSITORY}")
    (folder / "app.py").write_text("import sitecustomize; print(sitecustomize.__file__)", "utf-8")
    own = sites / "sitecustomize.py"
    own.write_text("print('mine')\n", "utf-8")
    done = python(folder, *measured("app.py"))
    # The first line is of the Python that begins, the second of the one in its place.
    assert done.stdout == f"mine\nmine\n{own}\n"
    own.write_text("import a_module_that_is_missing\n", "utf-8")
    (folder / "app.py").write_text("print('ran')", "utf-8")
    bare, ours = python(folder, "app.py"), python(folder, *measured("app.py"))
    assert "a_module_that_is_missing" in bare.stderr
    assert (ours.stdout, ours.stderr) == ("ran\n", 2 * bare.stderr)


def test_a_child_without_statemeters_needs_says_so(folder: Path) -> None:
    """A Python of another environment runs its graphs unmeasured, with one line that tells."""
    (folder / "msgspec.py").write_text("raise ImportError('password')", "utf-8")
    (folder / "app.py").write_text(PROGRAMS["script"] + "\nprint('done')", "utf-8")
    done = python(folder, "app.py", env=os.environ | run.environment())
    assert (done.returncode, done.stdout) == (0, "done\n")
    (line,) = done.stderr.splitlines()
    assert line.startswith("statemeter: this process is not measured (ImportError)")


def test_disabled_it_only_runs(
    folder: Path, isolated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """STATEMETER_ENABLED=0 measures nothing."""
    monkeypatch.setenv("STATEMETER_ENABLED", "0")
    (folder / "app.py").write_text(PROGRAMS["script"], "utf-8")
    assert python(folder, *measured("app.py")).returncode == 0
    assert not isolated.exists()


def test_pytest_is_a_program(folder: Path, isolated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test-suite is measured like any module."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # those of this environment
    text = PROGRAMS["script"].rpartition("build(")
    (folder / "test_app.py").write_text(
        f"{text[0]}\ndef test_it():\n    assert {text[1]}{text[2]}\n", "utf-8"
    )
    done = python(folder, *measured("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_app.py"))
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    assert [event for event in told(isolated) if isinstance(event, events.Put)]


SERVER = (
    GRAPH
    + """
import asyncio, os, sys
graph = build(InMemorySaver())

async def answer(reader, writer):
    number = int(await reader.readline())
    state = await graph.ainvoke({"number": number}, CONFIG)
    writer.write(b"%d %d\\n" % (state["number"], os.getpid()))
    await writer.drain()
    writer.close()

async def serve():
    server = await asyncio.start_server(answer, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()

asyncio.run(serve())
"""
)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_server(
    stop: signal.Signals, folder: Path, isolated: Path, start_child: StartChild, free_port: int
) -> None:
    """It answers while it is measured, and a signal to the process that was started ends it."""
    (folder / "server.py").write_text(SERVER, "utf-8")
    child = start_child(*measured("server.py", str(free_port)), cwd=folder)
    deadline = time.monotonic() + SECONDS
    while True:
        assert child.poll() is None, child.log_path.read_text("utf-8")  # type: ignore[attr-defined]
        try:
            with socket.create_connection(("127.0.0.1", free_port), timeout=SECONDS) as connection:
                connection.sendall(b"41\n")
                with connection.makefile("r", encoding="ascii") as file:
                    said = file.readline()
            break
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert said.split() == ["42", str(child.pid)]
    spooled = isolated / "spool"
    while not any(b"thread" in path.read_bytes() for path in spooled.glob("*.spool")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    child.send_signal(stop)
    assert child.wait(SECONDS) == (-stop if stop == signal.SIGTERM else -signal.SIGINT)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "which program?"),
        (["-m"], "-m wants a module behind it"),
        (["-c"], "-c wants a program behind it"),
        (["missing.py"], "no file 'missing.py' in "),
        (["uvicorn", "app:app"], "statemeter run -m uvicorn app:app"),
        (["."], "has no __main__.py"),
        (["-m", "missing_module"], "no module named 'missing_module'"),
        (["-m", "missing_module.part"], "no module named 'missing_module'"),
        (["-m", ".relative"], "no module named ''"),
        (["--fast", "app.py"], "there is no option --fast"),
    ],
)
def test_what_cannot_be_run_is_told(
    arguments: list[str],
    says: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A message with the fix, and exit code 2."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert main(["run", *arguments]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("statemeter run: ")
    assert says in err


def test_a_python_that_ignores_its_environment(folder: Path) -> None:
    """PYTHONPATH would be ignored, so that nothing would be measured: that is said."""
    code = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); from statemeter import run; "
    done = python(folder, "-I", "-c", code + "sys.exit(run.main(['-c', 'pass']))")
    assert done.returncode == 2
    assert "-E, -I and -S keep it from measuring" in done.stderr


def test_the_environment_begins_with_our_folder_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What PYTHONPATH had stays behind it, an empty entry as well."""
    site, mark = str(run.SITE), os.pathsep
    for given, wanted in (
        ("", site),
        ("/a", f"{site}{mark}/a"),
        (f"/a{mark}", f"{site}{mark}/a{mark}"),
        (f"{site}{mark}/a", f"{site}{mark}/a"),
    ):
        monkeypatch.setenv("PYTHONPATH", given)
        assert run.environment()["PYTHONPATH"] == wanted
    monkeypatch.delenv("PYTHONPATH")
    assert run.environment()["PYTHONPATH"] == site


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["doctor", "--help"], []])
def test_help_is_there(arguments: list[str], folder: Path) -> None:
    """On stdout, with the commands; no command is bad input."""
    done = python(folder, "-m", "statemeter", *arguments)
    assert done.returncode == (0 if arguments else 2)
    assert "usage: statemeter" in done.stdout
    assert not done.stderr


def test_the_package_installs_by_itself(
    tmp_path: Path, isolated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``pip install`` into an environment of its own gives the package and its command."""
    monkeypatch.delenv("PYTHONPATH")
    source, wheels, place = tmp_path / "source", tmp_path / "wheels", tmp_path / "my venv"
    shutil.copytree(
        REPOSITORY / "statemeter", source / "statemeter",
        ignore=shutil.ignore_patterns("__pycache__"),
    )  # fmt: skip
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    pip = ("-m", "pip", "--disable-pip-version-check", "--quiet")
    offline = ("--no-deps", "--no-index")
    built = python(
        tmp_path, *pip, "wheel", *offline, "--no-build-isolation", "-w", str(wheels), str(source)
    )
    assert built.returncode == 0, built.stderr
    venv.create(place)
    (wheel,) = wheels.glob("statemeter-*.whl")
    done = python(tmp_path, *pip, "--python", str(place), "install", *offline, str(wheel))
    assert done.returncode == 0, done.stderr
    (site,) = place.glob("lib/python*/site-packages")
    # What it needs is here already: the environment of these tests lends it.
    lent = next(path for path in map(Path, sys.path) if (path / "msgspec").is_dir())
    (site / "lent.pth").write_text(f"{lent}\n", "utf-8")
    (tmp_path / "app.py").write_text(PROGRAMS["script"], "utf-8")
    command = place / "bin" / "statemeter"
    for arguments, says in (
        (["--version"], "statemeter 0.1.0"),
        (["run", "app.py"], ""),
        (["doctor"], "was measured"),
    ):
        ran = subprocess.run(
            [command, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS,
            check=False,
        )  # fmt: skip
        assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
        assert says in ran.stdout
    assert str(site / "statemeter") in ran.stdout
    assert "found 2 times" not in ran.stdout
    assert (site / "statemeter" / "serializers" / "compressed.py").exists()
    assert [event for event in told(isolated) if isinstance(event, events.Put)]
    text = next(site.glob("statemeter-*.dist-info/METADATA")).read_text("utf-8")
    needs = [
        line for line in text.splitlines()
        if line.startswith("Requires-Dist:") and "extra ==" not in line
    ]  # fmt: skip
    assert sorted(line.split()[1].partition(">")[0] for line in needs) == [
        "msgspec",
        "platformdirs",
        "psutil",
    ]
