"""``python -m storage``: what the metrics store knows, as a table or as JSON for scripts.

Fields are documented in docs/store.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

from sqlalchemy.exc import DatabaseError

from statemeter.errors import SettingError
from storage import queries, report, store, thread_options
from storage.errors import StoreError
from storage.text_table import table

OF_THREADS = ("threads", "operations", "channels", "durability", "deltas")


def main(arguments: list[str] | None = None) -> int:
    """Print a report; the exit code is 0, or 2 for bad input."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["history"]:
        from storage import history_command  # noqa: PLC0415 - what writes files is slow to import

        return history_command.main(given[1:])
    if given[:1] == ["share"]:
        from storage import share_command  # noqa: PLC0415 - templates and costs are slow to import

        return share_command.main(given[1:])
    told = _parser().parse_args(given)
    try:
        engine = store.open_reader(told.store)
        try:
            with engine.connect() as connection:
                window_s = queries.WINDOWS[told.window]
                choice = report.Choice(
                    told.thread, told.limit, window_s,
                    thread_options.chosen(told, window_s), told.sort,
                )  # fmt: skip
                rows = report.REPORTS[told.report](connection, choice)
                if told.thread is not None and told.report in OF_THREADS:
                    _expect_thread(connection, told.thread)
        finally:
            engine.dispose()
    except (StoreError, SettingError) as error:
        print(f"storage: {error}", file=sys.stderr)
        return 2
    except DatabaseError as error:
        print(f"storage: the store cannot be read now: {error.orig}", file=sys.stderr)
        return 2
    try:
        if told.json:
            print(json.dumps(rows[0] if told.report == "health" else rows, indent=1))
        else:
            print(table(rows))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _expect_thread(connection: Any, thread: str) -> None:
    known = connection.exec_driver_sql(
        "SELECT count(*) FROM threads WHERE thread_id = ?", (thread,)
    ).scalar_one()
    if not known:
        raise StoreError(
            f"The store has no thread {thread!r}. python -m storage threads lists those it has."
        )


def _limit(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1_000_000:
        raise ValueError(text)
    return number


_limit.__name__ = "limit (1 to 1000000)"  # argparse names it in its message


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m storage", description=__doc__,
        epilog="One thread, checkpoint by checkpoint: python -m storage history --help. "
        "A report to share, as one HTML file: python -m storage share --help",
    )  # fmt: skip
    parser.add_argument("report", choices=report.REPORTS, help="what to print")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    parser.add_argument("--store", metavar="URL", help="metrics store; default: STATEMETER_STORE")
    parser.add_argument("--thread", metavar="ID", help="this thread only")
    parser.add_argument(
        "--window", choices=queries.WINDOWS, default="1h",
        help="of backends, caches, stores, embeddings, pools, serialization, costs and processes, "
        "and of bytes gained; default: 1h",
    )  # fmt: skip
    parser.add_argument(
        "--limit", metavar="N", type=_limit, default=100, help="most rows, default 100"
    )
    thread_options.add(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
