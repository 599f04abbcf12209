"""``python -m collector detach URL``: stop reading a database that was attached.

Its URL is forgotten, its reader ends, and what was read stays in the store. In the database itself
nothing was ever changed. The exit code is 0, or 2 where no such database is attached.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from collector.inspection import url
from collector.inspection.errors import BadAddress
from statemeter import settings
from statemeter.errors import SettingError
from storage import sources
from storage.sources import SourceError, SourceMissing


def main(arguments: list[str]) -> int:
    """Detach databases."""
    parser = _parser()
    told = parser.parse_args(arguments)
    if bool(told.url) == told.all:
        parser.error("name one database, or tell --all")
    try:
        spool = Path(told.spool).expanduser().absolute() if told.spool else settings.spool_folder()
        keys = [one.key for one in sources.list_(spool)] if told.all else [find(spool, told.url)]
        for key in keys:
            gone = sources.remove(spool, key)
            sys.stdout.write(f"{gone.shown} ({key}) is detached; what was read stays.\n")
    except (SourceError, SettingError) as error:
        sys.stderr.write(f"detach: {error}\n")
        return 2
    return 0


def find(spool: Path, named: str) -> str:
    """The key of the attached database that a key, a path or a URL names.

    A URL may lack its password: it is found by its shown form as well.

    Raises:
        SourceMissing: none is, or several are.
    """
    known = sources.list_(spool)
    if any(one.key == named for one in known):
        return named
    try:
        address = url.parse(named)
    except BadAddress as error:
        raise SourceMissing(f"{error} Or give its key: python -m collector sources.") from None
    found = {one.key for one in known if one.backend and _is_at(spool, one.key, address)}
    found = found or {one.key for one in known if one.shown == address.shown}
    if len(found) != 1:
        what = "Several are" if found else "None is"
        raise SourceMissing(
            f"{what} attached as {address.shown}. Give the key: python -m collector sources tells "
            "all of them."
        )
    return found.pop()


def _is_at(spool: Path, key: str, address: url.Address) -> bool:
    try:
        return sources.load(spool, key).url == address.url
    except SourceError:
        return False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m collector detach", description=__doc__)
    parser.add_argument("url", metavar="URL|KEY", nargs="?", default="", help="the database")
    parser.add_argument("--all", action="store_true", help="all that are attached")
    parser.add_argument("--spool", metavar="DIR", help="spool; default: STATEMETER_SPOOL")
    return parser
