"""``python -m collector attach URL``: measure a database of LangGraph from the outside, read-only.

It is opened once, to see whether it can be read; the collector then reads its history and keeps up
with it. The exit code is 0: it is attached; 3: it was before, and nothing was changed; 2: it cannot
be attached.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from collector.attach import check
from collector.errors import CollectorError
from statemeter import settings
from statemeter.errors import SettingError
from storage import sources
from storage.sources import Source, SourceError, SourceExists

EPILOG = """URL is the path of a SQLite file, or sqlite:///path, postgresql://…, redis://…,
valkey://… or mongodb://…; - reads it from standard input, so that its password is in no list of
processes. It is kept in a file of the spool that only this user can read, until
``python -m collector detach``."""

FAILED, KNOWN = 2, 3


def main(arguments: list[str]) -> int:
    """Attach a database."""
    told = _parser().parse_args(arguments)
    named = sys.stdin.readline().strip() if told.url == "-" else told.url
    try:
        spool = Path(told.spool).expanduser().absolute() if told.spool else settings.spool_folder()
        source = check.check(
            named, spool=spool, store=told.store or settings.store_url(), application=told.app,
            mode="values" if told.values else "attach", confined=told.confined,
        )  # fmt: skip
        sources.add(spool, source)
    except SourceExists as error:
        if told.check:
            _tell(error.source)
        sys.stderr.write(f"attach: {error}\n")
        return KNOWN
    except (CollectorError, SourceError, SettingError) as error:
        sys.stderr.write(f"attach: {error}\n")
        return FAILED
    if told.check:
        _tell(source)
    else:
        sys.stdout.write(
            f"{source.shown} is attached as {source.key}, its application is called "
            f"{source.application}. The collector reads it: streamlit run app.py has one, "
            "python -m collector is one.\n"
        )
    return 0


def _tell(source: Source) -> None:
    """Tell a form how it is attached: without its URL."""
    shown = msgspec.structs.replace(source, url="")
    sys.stdout.write(msgspec.json.encode(shown).decode() + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m collector attach", description=__doc__, epilog=EPILOG
    )
    parser.add_argument("url", metavar="URL", help="the database")
    parser.add_argument(
        "--app", metavar="NAME", default="",
        help="name under which its threads are shown; default: as the database is called",
    )  # fmt: skip
    parser.add_argument(
        "--values", action="store_true",
        help="do not read its history: show values of checkpoints on demand, no more",
    )  # fmt: skip
    parser.add_argument(
        "--check", action="store_true",
        help="for forms: tell on standard output, as JSON, how it is attached",
    )  # fmt: skip
    parser.add_argument(
        "--confined", action="store_true",
        help="for forms: a file has to lie inside STATEMETER_ROOTS",
    )  # fmt: skip
    parser.add_argument("--store", metavar="URL", help="metrics store; default: STATEMETER_STORE")
    parser.add_argument("--spool", metavar="DIR", help="spool; default: STATEMETER_SPOOL")
    return parser
