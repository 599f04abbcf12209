"""``python -m collector``: collect, or with a command do something else: see ``COMMANDS``."""

from __future__ import annotations

import sys
from importlib import import_module

COMMANDS = {
    "": "collector.command",
    "check": "collector.inspection.command",
    "attach": "collector.attach.command",
    "detach": "collector.attach.detaching",
    "sources": "collector.attach.listing",
    "compare": "collector.compare.command",
    "designs": "collector.designs.command",
    "look": "collector.look.command",
    "alert-test": "collector.alerts.command",
}
"""First argument → module whose ``main`` takes the others; each loads only what it needs."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns its exit code, 2 for bad input."""
    arguments = sys.argv[1:] if arguments is None else arguments
    name = arguments[0] if arguments and arguments[0] in COMMANDS else ""
    code: int = import_module(COMMANDS[name]).main(arguments[1:] if name else arguments)
    return code


if __name__ == "__main__":
    sys.exit(main())
