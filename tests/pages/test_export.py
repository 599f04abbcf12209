"""Tables as files: each is whole, typed, and runs nothing; every table of every page has them."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pages.ui import export
from storage import export_files
from storage.export_files import to_csv, to_json, to_parquet, typed
from tests.pages.conftest import Visit
from tests.storage import seed

AT_US = 1_790_000_000_123_456
AT = datetime(2026, 9, 21, 14, 13, 20, 123456, UTC)
TABLE = pd.DataFrame(
    {
        "thread_id": ["a", "=1+1", None],
        "stored_bytes": [5, 2**53 + 1, 0],
        "gained_bytes": [1.0, np.nan, -3.0],
        "duration_us": [1.5, np.inf, np.nan],
        "last_seen_us": [AT_US, 0, AT_US],
        "nodes": [["x", "y"], [], None],
        "flag": [True, False, True],
        "mixed": [1, None, 3],
        "p95": [2.0, 3.0, np.nan],
    }
)
ABOUT = export_files.about("things", "half of it")


def rows(written: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(written.decode(), newline="")))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_formulas_are_text(start: str) -> None:
    """A cell that a spreadsheet would run begins with an apostrophe, header cells too."""
    table = pd.DataFrame({f"{start}name": [f"{start}cmd|' /C calc'!A0", "plain"]})
    found = rows(to_csv([table], {}))
    assert found[0][0] == f"'{start}name"
    assert found[1][0] == f"'{start}cmd|' /C calc'!A0"
    assert found[2][0] == "plain"


def test_numbers_stay_numbers() -> None:
    """A negative number is no formula; a list is one cell."""
    written = to_csv([pd.DataFrame({"a": [-5], "b": [["x", "y"]], "c": [["=x"]]})], {})
    assert rows(written)[1] == ["-5", "x, y", "'=x"]


def test_csv_leaves_out_what_is_unknown() -> None:
    """An empty cell, never nan; whole numbers stay whole, moments are UTC."""
    names, *cells = rows(to_csv([TABLE], {}))
    found = [dict(zip(names, row, strict=True)) for row in cells]
    assert found[1] == {
        "thread_id": "'=1+1", "stored_bytes": "9007199254740993", "gained_bytes": "",
        "duration_us": "", "last_seen_at": "", "nodes": "", "flag": "False", "mixed": "",
        "p95_us": "3.0",
    }  # fmt: skip
    assert found[0]["last_seen_at"] == "2026-09-21T14:13:20.123456Z"
    assert (found[2]["gained_bytes"], found[2]["mixed"]) == ("-3", "3.0")


def test_json_has_types() -> None:
    """Numbers are numbers, lists are lists, unknown is null; every parser takes it."""
    found = json.loads(to_json([TABLE], {}), parse_constant=pytest.fail)
    assert found[1] == {
        "thread_id": "=1+1", "stored_bytes": 2**53 + 1, "gained_bytes": None, "duration_us": None,
        "last_seen_at": None, "nodes": [], "flag": False, "mixed": None, "p95_us": 3.0,
    }  # fmt: skip
    assert found[0]["nodes"] == ["x", "y"]
    assert found[0]["last_seen_at"] == "2026-09-21T14:13:20.123456Z"
    assert found[2]["thread_id"] is None
    assert json.loads(to_json([TABLE.iloc[:0]], {})) == []


def test_parquet_has_types_and_units() -> None:
    """Types, lists and moments of Parquet's own; units and source in the schema."""
    table = pq.read_table(io.BytesIO(to_parquet([TABLE], ABOUT)))
    assert {field.name: field.type for field in table.schema} == {
        "thread_id": pa.string(), "stored_bytes": pa.int64(), "gained_bytes": pa.int64(),
        "duration_us": pa.float64(), "last_seen_at": pa.timestamp("us", "UTC"),
        "nodes": pa.list_(pa.string()), "flag": pa.bool_(), "mixed": pa.float64(),
        "p95_us": pa.float64(),
    }  # fmt: skip
    assert table.to_pylist()[0] | {"mixed": 1} == {
        "thread_id": "a", "stored_bytes": 5, "gained_bytes": 1, "duration_us": 1.5,
        "last_seen_at": AT, "nodes": ["x", "y"], "flag": True, "mixed": 1, "p95_us": 2.0,
    }  # fmt: skip
    assert table.to_pylist()[1]["duration_us"] is None
    units = {field.name: (field.metadata or {}).get(b"unit") for field in table.schema}
    assert units["stored_bytes"] == b"bytes"
    assert units["duration_us"] == "µs".encode()
    assert units["last_seen_at"] == b"UTC"
    assert units["thread_id"] is None
    told = table.schema.metadata
    assert told[b"statemeter.table"] == b"things"
    assert told[b"statemeter.note"] == b"half of it"
    assert told[b"statemeter.source"].startswith(b"metrics store of Statemeter")


def test_parts_make_one_file() -> None:
    """A table read part by part is one table, though a part may lack what tells its types."""
    parts = [TABLE.iloc[:2], TABLE.iloc[2:]]
    assert to_csv(parts, {}) == to_csv([TABLE], {})
    assert json.loads(to_json(parts, {})) == json.loads(to_json([TABLE], {}))
    whole, joined = (pq.read_table(io.BytesIO(to_parquet(one, ABOUT))) for one in ([TABLE], parts))
    assert joined.to_pylist() == whole.to_pylist()
    assert joined.schema.types == whole.schema.types


def test_text_of_any_kind() -> None:
    """Line breaks and quotes within a cell are within it afterwards."""
    table = pd.DataFrame({"name": ["x", "ü\n\"'"]})
    assert rows(to_csv([table], {}))[2] == ["ü\n\"'"]
    assert json.loads(to_json([table], {}))[1] == {"name": "ü\n\"'"}
    assert pq.read_table(io.BytesIO(to_parquet([table], {}))).to_pylist()[1]["name"] == "ü\n\"'"


def test_empty_tables_keep_their_columns() -> None:
    """The header is there though no row is."""
    empty = TABLE.iloc[:0]
    assert rows(to_csv([empty], {})) == [list(typed(TABLE).columns)]
    assert pq.read_table(io.BytesIO(to_parquet([empty], {}))).num_rows == 0


@pytest.mark.parametrize(
    ("page", "address"),
    [
        ("overview", {}),
        ("threads", {}),
        ("threads", {"thread": "chat-1-0"}),
        ("backends", {}),
        ("caches", {}),
        ("history", {"thread": "chat-1-0"}),
    ],
)
def test_every_table_has_its_files(
    visit: Visit, store: Path, monkeypatch: pytest.MonkeyPatch, page: str,
    address: dict[str, str],
) -> None:  # fmt: skip
    """Each table of each page comes with all three kinds of files, with a row for each of its
    rows or more; they are made outside the page's run, as Streamlit does on a click."""
    made = seed.sample_backends(time.time_ns() // 1000)
    made.write(store, heartbeat_s=-3600)
    files: dict[tuple[str, str], Callable[[], bytes]] = {}
    writing = export._writing

    def noted(kind: Any, name: str, *rest: Any) -> Callable[[], bytes]:
        files[name, kind.ending] = writing(kind, name, *rest)
        return files[name, kind.ending]

    monkeypatch.setattr(export, "_writing", noted)
    shown = visit(page, **address)
    keys = [str(one.key) for one in shown.get("download_button")]
    asked = [key.removeprefix("export-") for key in keys if key.startswith("export-")]
    names = {key.rpartition("-")[0] for key in asked}
    assert len(asked) == 3 * len(names)
    assert names
    if page != "history":
        assert len(names) == len(shown.dataframe), names
    lengths = []
    for name in names:
        table = pq.read_table(io.BytesIO(files[name, "parquet"]()))
        found = json.loads(files[name, "json"](), parse_constant=pytest.fail)
        assert table.num_rows == len(found) == len(rows(files[name, "csv"]())) - 1 > 0
        assert table.schema.names == list(found[0]) == rows(files[name, "csv"]())[0]
        lengths.append(len(found))
    if page != "history":
        assert all(
            one >= len(frame.value)
            for one, frame in zip(
                sorted(lengths), sorted(shown.dataframe, key=lambda it: len(it.value)), strict=True
            )
        )
