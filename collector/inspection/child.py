"""A look in a process of its own, with a time limit: for the command, the collector and pages.

``python -m collector.inspection`` reads one JSON object from its standard input, ``{"url": …,
"seconds": …, "filters": […]}``, so that no password is on a command line, and prints an
``Inspection`` as JSON. Its exit code is 0, or 2 with one line on standard error where it could not
look.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

from collector.inspection import url
from collector.inspection.errors import CouldNotLook
from collector.inspection.limits import LOOK_SECONDS, from_settings
from collector.inspection.run import inspect as inspect_here
from statemeter.errors import SettingError
from storage import inspections
from storage.inspections import Inspection

GRACE_SECONDS = 10
"""For the start of the process, and for the checks to end by themselves."""

_REPOSITORY = Path(__file__).resolve().parents[2]


def inspect(text: str, seconds: float = LOOK_SECONDS, filters: tuple[str, ...] = ()) -> Inspection:
    """Look into the database that a path or URL names.

    Args:
        text: a path, or a URL with its password where one is needed.
        seconds: time for the checks; what did not fit is told as unknown.
        filters: metadata keys that the application filters by.

    Raises:
        CouldNotLook: it cannot be reached or read, is none of LangGraph, or hangs.
    """
    shown = url.parse(text).shown  # a bad address needs no process
    asked = json.dumps({"url": text, "seconds": seconds, "filters": filters})
    try:
        done = subprocess.run(
            [sys.executable, "-m", "collector.inspection"],
            input=asked, capture_output=True, text=True, encoding="utf-8", check=False,
            timeout=seconds + GRACE_SECONDS, env=environment(),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise CouldNotLook(
            f"{shown} did not answer in {seconds:.0f} s. Look again when it has less to do, or "
            "give it longer: --seconds."
        ) from None
    if done.returncode == 0:
        return inspections.decode(done.stdout)
    last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
    if done.returncode == 2:
        raise CouldNotLook(last[0])
    kind = last[0].partition(":")[0]  # of a traceback: its class, never a text of a driver
    raise CouldNotLook(f"The look into {shown} failed ({kind}). Please report it.")


def serve(source: IO[str], target: IO[str]) -> int:
    """The other side of ``inspect``; returns the exit code."""
    asked = json.loads(source.read())
    # Outlives neither a parent that was killed nor a driver that hangs.
    timer = threading.Timer(asked["seconds"] + GRACE_SECONDS, os._exit, (3,))
    timer.daemon = True
    timer.start()
    try:
        limits = from_settings(tuple(asked["filters"]), asked["seconds"])
        found = inspect_here(asked["url"], limits)
    except (CouldNotLook, SettingError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    target.write(inspections.encode(found).decode())
    target.flush()
    return 0


def environment() -> dict[str, str]:
    """That of this process; modules are found wherever it runs."""
    paths = [str(_REPOSITORY), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
