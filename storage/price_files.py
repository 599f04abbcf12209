"""The price book as CSV: the shipped one, and what users import and export.

A spreadsheet runs a cell that begins with ``= + - @`` as a formula; exported ones get an apostrophe
before them (``storage.export_files``), which an import takes off again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from storage.export_files import harmless
from storage.prices import COLUMNS, ROWS_MOST, Price, PriceError, parse

SHIPPED = Path(__file__).with_name("prices.csv")
FILE_BYTES = 2_000_000


@dataclass(frozen=True)
class Imported:
    """What a file had."""

    prices: tuple[Price, ...]
    faults: tuple[str, ...]
    """One for each line that was left out, with its number."""


@lru_cache(maxsize=1)
def shipped() -> tuple[Price, ...]:
    """The book that comes with Statemeter."""
    return tuple(parse(row) for row in csv.DictReader(io.StringIO(SHIPPED.read_text("utf-8"))))


def export(prices: Iterable[Price]) -> bytes:
    """The book as CSV, formulas as text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for price in prices:
        row = price.row()
        row["price"] = None if price.price is None else repr(price.price)
        writer.writerow([_cell(row[name]) for name in COLUMNS])
    return out.getvalue().encode()


def read(data: bytes) -> Imported:
    """The prices of a file; each line that cannot be taken is told, and the others are.

    Raises:
        PriceError: it is no such file at all.
    """
    if len(data) > FILE_BYTES:
        raise PriceError([f"The file has {len(data):,} bytes; {FILE_BYTES:,} at most are read."])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PriceError(["The file is no text in UTF-8: export it as CSV in UTF-8."]) from None
    reader = csv.DictReader(io.StringIO(text))
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise PriceError([
            f"The first line does not name {', '.join(missing)}: the columns are "
            f"{','.join(COLUMNS)}."
        ])  # fmt: skip
    found: dict[str, Price] = {}
    lines: dict[str, int] = {}
    faults = []
    try:
        for row in reader:
            if len(found) >= ROWS_MOST:
                faults.append(f"Line {reader.line_num} and on: {ROWS_MOST:,} prices at most.")
                break
            told = {name: _plain(row.get(name)) for name in COLUMNS}
            if not any(told.values()):
                continue
            try:
                price = parse(told)
            except PriceError as error:
                faults.append(f"Line {reader.line_num}: {error}")
                continue
            if price.key in found:
                faults.append(
                    f"Line {reader.line_num}: {price.service}, {price.item}, {price.region} is in "
                    f"line {lines[price.key]} already, which is taken: keep one of them."
                )
                continue
            found[price.key], lines[price.key] = price, reader.line_num
    except csv.Error as error:
        faults.append(f"Line {reader.line_num} and on: not CSV ({error}).")
    return Imported(tuple(found.values()), tuple(faults))


def _cell(value: object) -> object:
    """Text that is a formula, or begins with an apostrophe of its own, with one before it."""
    if isinstance(value, str) and value.startswith("'"):
        return f"'{value}"
    return harmless(value)


def _plain(value: str | None) -> str:
    text = value or ""
    return (
        text[1:]
        if text.startswith("'") and text[1:2] in {"=", "+", "-", "@", "\t", "\r", "'"}
        else text
    )
