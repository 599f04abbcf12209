"""``python -m storage share``: a report of a thread, an application or a comparison, as one file.

The file opens offline and holds no content of states: docs/report.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError

from statemeter.errors import SettingError
from storage import queries, shared_html, store
from storage.errors import StoreError
from storage.shared_application import of_application
from storage.shared_comparison import of_comparison
from storage.shared_names import Names
from storage.shared_report import Report
from storage.shared_thread import of_thread

DEFAULT_WINDOW = "24h"


def main(arguments: list[str]) -> int:
    """The command; 0, or 2 for bad input."""
    told = _parser().parse_args(arguments)
    try:
        if told.saver and told.thread is None:
            return _refused("--saver says of which storage a --thread is: give its id, too.")
        engine = store.open_reader(told.store)
        try:
            report = _report(engine, told)
        finally:
            engine.dispose()
        _write(report, told)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (StoreError, SettingError, OSError) as error:
        return _refused(str(error))
    except DatabaseError as error:
        return _refused(f"the store cannot be read now: {error.orig}")
    return 0


def _report(engine: Engine, told: argparse.Namespace) -> Report:
    names = Names(told.anonymous)
    window_s = queries.WINDOWS[told.window]
    if told.thread is not None:
        return of_thread(engine, told.thread, told.saver or "", window_s=window_s, names=names)
    if told.app is not None:
        return of_application(engine, told.app, window_s=window_s, names=names)
    return of_comparison(engine, told.comparison, names=names)


def _write(report: Report, told: argparse.Namespace) -> None:
    html = told.html
    if html is None and told.json is None:
        html = shared_html.file_name(report, "html")
    for place, made in ((html, shared_html.to_html), (told.json, shared_html.to_json)):
        if place == "-":
            sys.stdout.buffer.write(made(report))
            sys.stdout.buffer.flush()
        elif place is not None:
            Path(place).write_bytes(made(report))
            sys.stderr.write(f"{place}\n")


def _refused(why: str) -> int:
    sys.stderr.write(f"storage: {why}\n")
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m storage share", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--thread", metavar="ID", help="of this thread")
    what.add_argument("--app", metavar="NAME", help="of this application")
    what.add_argument("--comparison", metavar="ID", help="of this comparison, by its id")
    parser.add_argument("--saver", metavar="KEY", help="where several storages have such a thread")
    parser.add_argument(
        "--html", metavar="FILE",
        help="where the HTML goes; -: print it; default, without --json: statemeter-….html here",
    )  # fmt: skip
    parser.add_argument("--json", metavar="FILE", help="where the same as JSON goes; -: print it")
    parser.add_argument(
        "--window", choices=queries.WINDOWS, default=DEFAULT_WINDOW,
        help=f"in which calls are counted; default: {DEFAULT_WINDOW}",
    )  # fmt: skip
    parser.add_argument(
        "--anonymous",
        action="store_true",
        help="short names instead of thread ids, storages and addresses of databases",
    )
    parser.add_argument("--store", metavar="URL", help="metrics store; default: STATEMETER_STORE")
    return parser
