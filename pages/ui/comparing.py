"""A comparison that a visitor asks for, by a child: ``python -m collector compare --form``.

The child checks what was typed and leaves the job; URLs go to it by standard input, and are gone
with the click.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pages.ui import children

WAIT_SECONDS = 30
"""Time for the child, which opens no database."""


@dataclass
class Comparing(children.Asked):
    """A comparison on its way to the collector."""

    job: str = ""
    """Its id, once it is left."""


def start(name: str, backends: list[str], asked: dict[str, Any]) -> Comparing:
    """Ask for a comparison; its id is written into the result.

    Args:
        name: what people call it.
        backends: ``memory``, ``sqlite`` and URLs as they were typed.
        asked: ``storage.comparisons.Asked`` as plain data, without targets.
    """
    line = json.dumps({"name": name, "backends": backends, "asked": asked})
    comparing = Comparing()
    children.begin(comparing, lambda: _ask(line, comparing), "request")
    return comparing


def _ask(line: str, comparing: Comparing) -> None:
    done = children.run(["collector", "compare", "--form"], line, comparing, WAIT_SECONDS)
    if done is None:
        return
    if done.returncode == 0:
        comparing.job = str(json.loads(done.stdout)["id"])
        comparing.problem = ""
    elif not comparing.problem or done.returncode != 2:
        comparing.problem = f"The comparison could not be asked for (exit code {done.returncode})."
