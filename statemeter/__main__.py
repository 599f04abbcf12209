"""``statemeter`` and ``python -m statemeter``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import metadata

from statemeter import doctor, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["run"]:  # what follows is another program's, and none of argparse's business
        return run.main(given[1:])
    told = _parser().parse_args(given)
    if told.command == "doctor":
        return doctor.main(as_json=told.json)
    _parser().print_help()
    return run.NOT_STARTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="statemeter",
        description="Measure what the memory of LangGraph applications costs.",
        epilog="In a program: import statemeter; statemeter.instrument()",
    )
    parser.add_argument("--version", action="version", version=f"statemeter {_version()}")
    commands = parser.add_subparsers(dest="command", metavar="command", title="commands")
    commands.add_parser("run", help="run app.py or -m module with every graph in it measured")
    check = commands.add_parser(
        "doctor",
        help="check this environment and say what to do next",
        description="Check this environment and say what to do next. "
        "The exit code is 1 where something keeps Statemeter from measuring.",
    )
    check.add_argument("--json", action="store_true", help="for scripts")
    return parser


def _version() -> str:
    try:
        return metadata.version("statemeter")
    except metadata.PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())
