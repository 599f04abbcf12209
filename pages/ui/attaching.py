"""A database that a visitor attaches, by a child process: ``python -m collector attach --check``.

The child opens it once, says whether it can be read, and leaves the file that the collector goes
by. Nothing here opens a database, and the URL is gone with the click.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from pages.ui import children
from storage.sources import Mode, Source

WAIT_SECONDS = 40
"""Time for the child: opening a database takes it a few seconds, or it gives up before."""

ATTACHED, KNOWN = 0, 3
"""Exit codes: it is attached now; it was before."""


@dataclass
class Attaching(children.Asked):
    """One database on its way, as far as it has come."""

    source: Source | None = None
    """As what it is attached, without its URL."""
    known: bool = False
    """Whether it was so before."""


def start(url: str, application: str, mode: Mode) -> Attaching:
    """Begin to attach; its end is written into the result.

    Args:
        url: a path or a URL as the visitor typed it.
        application: under which name its threads are shown; empty: as the database is called.
        mode: see ``storage.sources.Mode``.
    """
    attaching = Attaching()
    children.begin(attaching, lambda: _attach(url, application, mode, attaching), "attaching")
    return attaching


def _attach(url: str, application: str, mode: Mode, attaching: Attaching) -> None:
    # The name in one argument, so that one that begins with a dash is a name all the same.
    arguments = ["collector", "attach", "--check", "-", "--confined", f"--app={application}"]
    if mode == "values":
        arguments.append("--values")
    done = children.run(arguments, url, attaching, WAIT_SECONDS)
    if done is None:
        return
    if done.returncode in {ATTACHED, KNOWN}:
        try:
            attaching.source = msgspec.json.decode(done.stdout, type=Source)
        except msgspec.DecodeError:
            attaching.problem = "The attaching failed: its result cannot be read."
            return
        attaching.known = done.returncode == KNOWN
        attaching.problem = ""
    elif done.returncode != 2 or not attaching.problem:
        attaching.problem = f"The attaching failed (exit code {done.returncode})."
