"""``statemeter run``: a program of the user's, measured with no line changed.

This process becomes the program's: Python is started again in its place, by ``exec``, as
``python app.py`` would be. So ``sys.argv``, ``sys.path``, ``__main__``, tracebacks, signals and
exit code are the program's own. Only ``PYTHONPATH`` differs: it begins with a folder whose
``sitecustomize`` calls ``statemeter.instrument()`` once LangGraph is imported. The program's own
child processes inherit it, so that the workers of a server are measured as well.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

SITE = Path(__file__).resolve().parent / "site"

USAGE = """\
usage: statemeter run app.py [arguments…]
       statemeter run -m module [arguments…]
       statemeter run -c code [arguments…]

Run a Python program as python would, with every LangGraph graph in it measured.
All that follows the program's name is the program's own. Options of Python go in
front: python -X dev -m statemeter run app.py

examples:
  statemeter run app.py
  statemeter run -m uvicorn app:app --reload
  statemeter run -m streamlit run chat.py
  statemeter run -m pytest tests
"""

NOT_STARTED = 2


def main(arguments: Sequence[str]) -> int:
    """Become the program; returns an exit code only where it cannot be started."""
    if arguments and arguments[0] in {"-h", "--help"}:
        sys.stdout.write(USAGE)
        return 0
    problem = _problem(arguments) or _problem_here()
    if problem:
        sys.stderr.write(f"statemeter run: {problem}\n")
        return NOT_STARTED
    command = [sys.executable, *_options_of_python(), *arguments]
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        if os.name == "nt":  # its exec gives the prompt back while the program runs
            return subprocess.call(command, env=environment())  # noqa: S603 (the user's own)
        os.execve(sys.executable, command, environment())  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"statemeter run: {sys.executable} cannot be started: {error.strerror}.\n")
        return NOT_STARTED


def environment() -> dict[str, str]:
    """The environment in which each Python measures its graphs."""
    given = os.environ.get("PYTHONPATH", "")
    if given.split(os.pathsep)[0] != str(SITE):
        given = f"{SITE}{os.pathsep}{given}" if given else str(SITE)
    return os.environ | {"PYTHONPATH": given}


def _problem_here() -> str:
    """Why no program can be measured from here and what to do; empty where one can."""
    instead = "Call statemeter.instrument() in the program."
    if not sys.executable:
        return f"this Python does not know its own path. {instead}"
    if sys.flags.ignore_environment or sys.flags.no_site:
        return f"Python's options -E, -I and -S keep it from measuring. Leave them out. {instead}"
    if os.pathsep in str(SITE):
        return f"PYTHONPATH cannot name {SITE}. {instead}"
    return ""


def _problem(arguments: Sequence[str]) -> str:
    """Why the program cannot be started and what to do; empty where it can."""
    match arguments:
        case []:
            return f"which program?\n{USAGE}"
        case ["-m" | "-c" as option]:
            return f"{option} wants {'a module' if option == '-m' else 'a program'} behind it."
        case ["-m", name, *_]:
            return _problem_of_module(name)
        case ["-c" | "-", *_]:
            return ""
        case [option, *_] if option.startswith("-"):
            return f"there is no option {option}.\n{USAGE}"
    return _problem_of_file(arguments[0])


def _problem_of_module(name: str) -> str:
    """Only its package is looked for: to find what is inside would be to import it."""
    top = name.partition(".")[0]
    if not getattr(sys.flags, "safe_path", False):
        sys.path.insert(0, os.getcwd())
    try:
        found = bool(top) and importlib.util.find_spec(top) is not None
    except ValueError:
        found = True  # of this process, such as __main__: Python says what is wrong with it
    if found:
        return ""
    return (
        f"no module named {top!r} for {sys.executable} in {os.getcwd()}. Check its name, or "
        "install its package into the environment of this Python."
    )


def _problem_of_file(name: str) -> str:
    path = Path(name)
    if path.is_dir() and not (path / "__main__.py").exists():
        return f"the folder {name!r} has no __main__.py. Name a file in it, or -m and a module."
    if path.exists():
        return ""
    return (
        f"no file {name!r} in {os.getcwd()}. Name the file of a Python program, or -m and a "
        "module: statemeter run -m uvicorn app:app"
    )


def _options_of_python() -> list[str]:
    """The options that this Python was started with, such as -X dev or -W error."""
    options: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return options
