"""``python -m collector look PID census``: what the memory of a running process is made of.

Without arguments: the processes that can be asked. The exit code is 0: it was found; 2: it could
not be.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from collector.look import folders, look, tables
from statemeter import settings
from statemeter.errors import SettingError
from storage import looks
from storage.looks import LONGEST_SECONDS
from storage.text_table import table

EPILOG = """A process is named by its pid or its incarnation. While a look takes time, Enter shows
the result now; Ctrl-C ends it, and everything in the process is as before."""


def main(arguments: list[str]) -> int:
    """Look, and print."""
    told = _parser().parse_args(arguments)
    try:
        spool = Path(told.spool).expanduser().absolute() if told.spool else settings.spool_folder()
    except SettingError as error:
        sys.stderr.write(f"look: {error}\n")
        return 2
    if told.process is None:
        rows = [
            {"pid": one.pid, "application": one.application, "incarnation": one.incarnation}
            for one in folders.listed(spool)
        ]
        sys.stdout.write(table(rows) + "\n")
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the request is taken back
    try:
        answer = look.answer(spool, told.process, _request(told), _finish(told.parent))
    except KeyboardInterrupt:
        return 130
    if answer.problem and not told.json:
        sys.stderr.write(f"look: {answer.problem}\n")
        return 2
    sys.stdout.write((looks.encode(answer).decode() if told.json else tables.text(answer)) + "\n")
    return 2 if answer.problem else 0


def _request(told: argparse.Namespace) -> dict[str, Any]:
    request = {"kind": told.kind, "seconds": told.seconds}
    names = ("frames", "name", "graph", "address", "run")
    request |= {name: getattr(told, name) for name in names if hasattr(told, name)}
    if getattr(told, "arenas", False):
        request["python_allocator"] = False
    return request


def _finish(parent: bool) -> Callable[[], bool]:
    """Whether a line was typed. Of a dashboard, the end of its input takes the request back: it is
    gone."""
    wanted = threading.Event()

    def read() -> None:
        # Not by sys.stdin: at the end of the program, its lock would be this thread's.
        while os.read(0, 100):
            wanted.set()
        if parent:
            os.kill(os.getpid(), signal.SIGTERM)

    if parent or sys.stdin.isatty():
        threading.Thread(target=read, daemon=True).start()
    return wanted.is_set


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m collector look", description=__doc__, epilog=EPILOG
    )
    parser.add_argument("process", metavar="PID|INCARNATION", nargs="?", help="the process")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="JSON instead of tables")
    common.add_argument("--parent", action="store_true", help=argparse.SUPPRESS)
    common.add_argument("--spool", metavar="DIR", help="spool; default: STATEMETER_SPOOL")
    parser.add_argument("--spool", metavar="DIR", help=argparse.SUPPRESS)
    kinds = parser.add_subparsers(dest="kind", metavar="KIND")

    def kind(name: str, text: str, seconds: float) -> argparse.ArgumentParser:
        made = kinds.add_parser(name, help=text, description=text, parents=[common])
        made.add_argument(
            "--seconds", type=_seconds, default=seconds,
            help=f"how long, default {seconds:g}, at most {LONGEST_SECONDS}",
        )  # fmt: skip
        return made

    kind("census", "objects by type; with --seconds, how they grow", 0)
    chain = kind("chain", "who holds objects of a type", 0)
    chain.add_argument("name", metavar="TYPE", help="full name, as a census tells it")
    chain.add_argument(
        "--address", type=_address, default=0, help="of one object, as a census tells it"
    )
    lines = kind("allocations", "allocations by line and how they grow (tracemalloc)", 20)
    lines.add_argument("--frames", type=_frames, default=10, help="calls of a traceback")
    recording = kind("memray", "a recording by memray: what is not freed, by function", 10)
    recording.set_defaults(kind="recording")
    recording.add_argument("--run", action="store_true", help="end with the next run of a graph")
    recording.add_argument(
        "--arenas", action="store_true", help="no small objects on their own: costs less"
    )
    node = kind("lines", "memory by line of the next call of a node's function", 60)
    node.add_argument("name", metavar="NODE", help="name of the node")
    node.add_argument("--graph", default="", help="name of its graph")
    return parser


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number <= LONGEST_SECONDS:
        raise ValueError(text)
    return number


def _frames(text: str) -> int:
    number = int(text)
    if not 5 <= number <= 50:
        raise ValueError(text)
    return number


def _address(text: str) -> int:
    return int(text, 16)


_seconds.__name__ = f"number of seconds (0 to {LONGEST_SECONDS})"  # argparse names them
_frames.__name__ = "number of calls (5 to 50)"
_address.__name__ = "address (hexadecimal)"
