"""``python -m collector check URL``: is a database of LangGraph healthy, and what mends it?

The exit code is 0: nothing is wrong; 1: something is; 2: it could not be looked at.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from collector.inspection import child, inbox
from collector.inspection.errors import CouldNotLook
from collector.inspection.limits import KEY, LOOK_SECONDS
from collector.inspection.text import table
from statemeter import settings
from statemeter.errors import SettingError
from storage import inspections

EPILOG = """URL is the path of a SQLite file, or sqlite:///path, postgresql://…, redis://…,
valkey://… or mongodb://…; - reads it from standard input, so that its password is in no list of
processes."""


def main(arguments: list[str]) -> int:
    """Look, print, and hand the result to the collector."""
    told = _parser().parse_args(arguments)
    named = sys.stdin.readline().strip() if told.url == "-" else told.url
    try:
        folder = Path(told.spool).expanduser().absolute() if told.spool else settings.spool_folder()
        found = child.inspect(named, told.seconds, tuple(told.filter))
    except (CouldNotLook, SettingError) as error:
        sys.stderr.write(f"check: {error}\n")
        return 2
    shown = inspections.encode(found).decode() if told.json else table(found)
    sys.stdout.write(shown + "\n")
    if not told.no_save:
        try:
            inbox.hand_over(folder, found)
        except OSError as error:
            sys.stderr.write(
                f"check: the result was not saved for the dashboard: {folder} cannot be written "
                f"({error.strerror}). Set STATEMETER_SPOOL, or tell --no-save.\n"
            )
    return 1 if found.wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m collector check", description=__doc__, epilog=EPILOG
    )
    parser.add_argument("url", metavar="URL", help="the database")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    parser.add_argument(
        "--filter", metavar="KEY", action="append", default=[], type=_key,
        help="a metadata key that the application filters by, beside run_id",
    )  # fmt: skip
    parser.add_argument(
        "--seconds", metavar="N", type=_seconds, default=LOOK_SECONDS,
        help=f"time for the look, default {LOOK_SECONDS}",
    )  # fmt: skip
    parser.add_argument("--spool", metavar="DIR", help="spool; default: STATEMETER_SPOOL")
    parser.add_argument(
        "--no-save", action="store_true", help="do not hand the result to the collector"
    )
    return parser


def _key(text: str) -> str:
    if not KEY.fullmatch(text):
        raise ValueError(text)
    return text


def _seconds(text: str) -> float:
    number = float(text)
    if not 1 <= number <= 3600:
        raise ValueError(text)
    return number


_key.__name__ = "key (letters, digits, _ . -)"  # argparse names them in its messages
_seconds.__name__ = "number of seconds (1 to 3600)"
