"""``python -m storage history THREAD``: one thread's checkpoints, printed or saved to a file.

The files are those that the History page saves; their columns are documented in docs/store.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
from sqlalchemy.exc import DatabaseError

from statemeter.errors import SettingError
from storage import export_files, store, text_table
from storage.errors import StoreError
from storage.finding import one_thread
from storage.queries_history import history, to_save

MOST = 1_000_000
"""Most checkpoints of a file."""

_PRINTED = (
    "step", "source", "namespace", "nodes", "next", "checkpoint_bytes", "change_bytes",
    "pending_bytes", "interrupts", "fork", "held", "checkpoint",
)  # fmt: skip
"""Columns of the printed table; files and JSON have all."""


def main(arguments: list[str]) -> int:
    """The command; 0, or 2 for bad input."""
    told = _parser().parse_args(arguments)
    try:
        engine = store.open_reader(told.store)
        try:
            key = int(one_thread(engine, told.thread, told.saver or "").id)
            found = history(engine, key, told.limit)
        finally:
            engine.dispose()
        frame = to_save(found)
        for write, place in (
            (export_files.to_csv, told.csv), (export_files.to_parquet, told.parquet),
            (export_files.to_json, "-" if told.json else None),
        ):  # fmt: skip
            if place:
                _save(write, frame, place, found.left_out)
                break
        else:
            sys.stdout.write(text_table.table(_rows(frame)) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (StoreError, SettingError, OSError) as error:
        return _refused(str(error))
    except DatabaseError as error:
        return _refused(f"the store cannot be read now: {error.orig}")
    if found.left_out:
        sys.stderr.write(f"storage: {found.left_out} older checkpoints are left out\n")
    return 0


def _refused(why: str) -> int:
    sys.stderr.write(f"storage: {why}\n")
    return 2


def _save(
    write: Callable[[Iterable[pd.DataFrame], dict[str, str]], bytes],
    frame: pd.DataFrame,
    place: str,
    left_out: int,
) -> None:
    note = f"{left_out} older checkpoints are left out" if left_out else ""
    made = write([frame], export_files.about("history", note))
    if place == "-":
        sys.stdout.buffer.write(made)
        sys.stdout.buffer.flush()
    else:
        Path(place).write_bytes(made)


def _rows(frame: pd.DataFrame) -> list[text_table.Row]:
    return [
        {name: _plain(value) for name, value in row.items()}
        for row in frame[list(_PRINTED)].to_dict("records")
    ]


def _plain(value: object) -> object:
    if isinstance(value, list):
        return ", ".join(value)
    if pd.isna(value):
        return None
    return int(value) if isinstance(value, float) else value


def _limit(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MOST:
        raise ValueError(text)
    return number


_limit.__name__ = f"limit (1 to {MOST})"  # argparse names it in its message


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m storage history", description=__doc__)
    parser.add_argument("thread", metavar="THREAD", help="its id")
    parser.add_argument("--saver", metavar="KEY", help="where several storages have such a thread")
    parser.add_argument("--store", metavar="URL", help="metrics store; default: STATEMETER_STORE")
    parser.add_argument(
        "--limit", metavar="N", type=_limit, default=MOST, help="the newest N checkpoints"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON instead of a table")
    form.add_argument("--csv", metavar="FILE", help="save as CSV; -: print it")
    form.add_argument("--parquet", metavar="FILE", help="save as Parquet; -: print it")
    return parser
