"""CSV files that run nothing."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pytest

from pages.ui.export import to_csv


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_formulas_are_text(start: str) -> None:
    """A cell that a spreadsheet would run begins with an apostrophe, header cells too."""
    written = to_csv(pd.DataFrame({f"{start}name": [f"{start}cmd|' /C calc'!A0", "plain"]}))
    rows = list(csv.reader(io.StringIO(written.decode(), newline="")))
    assert rows[0][0] == f"'{start}name"
    assert rows[1][0] == f"'{start}cmd|' /C calc'!A0"
    assert rows[2][0] == "plain"


def test_numbers_stay_numbers() -> None:
    """A negative number is no formula; a list is one cell."""
    written = to_csv(pd.DataFrame({"a": [-5], "b": [["x", "y"]], "c": [["=x"]]}))
    assert list(csv.reader(io.StringIO(written.decode())))[1] == ["-5", "x, y", "'=x"]
