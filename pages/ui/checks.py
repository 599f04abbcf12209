"""A look into a database that a visitor names: a child runs ``python -m collector check``."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from pages.ui import children
from storage import inspections
from storage.inspections import Inspection

LOOK_SECONDS = 30
"""Time for the checks."""

WAIT_SECONDS = LOOK_SECONDS + 30
"""Time for the child: it ends by itself before."""


@dataclass
class Look(children.Asked):
    """One look, as far as it has come. A problem may also be that its result was not saved."""

    found: Inspection | None = None


def start(url: str) -> Look:
    """Begin a look; its end is written into the result."""
    look = Look()
    children.begin(look, lambda: _look(url, look), "look")
    return look


def _look(url: str, look: Look) -> None:
    arguments = ["collector", "check", "-", "--json", "--seconds", str(LOOK_SECONDS)]
    done = children.run(arguments, url, look, WAIT_SECONDS)
    if done is None:
        return
    if done.returncode in {0, 1}:
        try:
            look.found = inspections.decode(done.stdout)
        except msgspec.DecodeError:
            look.problem = "The look failed: its result cannot be read."
    elif done.returncode != 2 or not look.problem:
        look.problem = f"The look failed (exit code {done.returncode})."
