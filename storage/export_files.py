"""Tables as files: CSV, Parquet and JSON, typed alike, written part by part.

Names of columns say their unit (``stored_bytes``, ``duration_us``, ``calls_per_second``), and a
moment is UTC (``last_seen_at``). What is not known is an empty cell in CSV and null in the others,
never NaN or 0.

A cell of CSV that begins with ``= + - @``, TAB or CR is a formula to a spreadsheet, and names of
threads come from anybody: such text gets an apostrophe before it (OWASP, "CSV injection").
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from storage.migrations import NEWEST

_LIVE = ("=", "+", "-", "@", "\t", "\r")

_MOMENTS = frozenset(
    f"{stem}_us"
    for stem in ("at", "first_seen", "last_seen", "deleted", "last", "added", "updated", "removed",
                 "problem_since", "started", "begin")
)  # fmt: skip
"""Columns that are moments, in µs since 1970, 0 for never; others in ``_us`` are spans."""

_NAMED = {"p50": "p50_us", "p95": "p95_us", "p99": "p99_us", "get_p95": "get_p95_us"}
"""Columns of queries whose name does not say their unit."""

_UNITS = (
    ("_bytes", "bytes"), ("_us", "µs"), ("_ms", "ms"), ("_seconds", "s"), ("_per_second", "1/s"),
    ("_percent", "%"), ("_share", "share of 1"), ("_rate", "share of 1"), ("_at", "UTC"),
)  # fmt: skip
_WHOLE = ("_bytes", "_keys", "step", "elements", "index", "size", "in_use", "waiting", "maximum")
"""Ends of the names of columns that count, though pandas keeps them as floats where some miss."""


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with one type a column: whole numbers, moments, lists and text told apart."""
    columns: dict[str, pd.Series] = {}
    for key in frame.columns:
        name, values = _NAMED.get(str(key), str(key)), frame[key].reset_index(drop=True)
        if name in _MOMENTS and pd.api.types.is_numeric_dtype(values):
            numbers = pd.to_numeric(values, errors="coerce")
            moments = pd.to_datetime(numbers.where(numbers > 0), unit="us", utc=True)
            name, values = f"{name.removesuffix('_us')}_at".removeprefix("at_"), moments
        elif pd.api.types.is_float_dtype(values):
            values = values.where(np.isfinite(values.astype(float)))
            if f"_{name}".endswith(_WHOLE) and bool((values.dropna() % 1 == 0).all()):
                values = values.astype("Int64")
        elif isinstance(values.dtype, pd.DatetimeTZDtype):
            values = values.dt.tz_convert("UTC")
        elif pd.api.types.is_object_dtype(values):
            values = _plain(name, values)
        columns[name] = values
    return pd.DataFrame(columns)


def harmless(value: Any) -> Any:
    """The value; text that would be a formula with an apostrophe before it."""
    if _is_list(value):
        value = ", ".join(str(part) for part in value)
    if isinstance(value, datetime):
        return None if value is pd.NaT else _moment(value)
    if isinstance(value, str) and value.startswith(_LIVE):
        return f"'{value}"
    return value


def to_csv(parts: Iterable[pd.DataFrame], about: dict[str, str]) -> bytes:
    """The frames as one table in CSV in UTF-8, with a header."""
    del about  # a comment would be a row to a spreadsheet
    out = io.StringIO()
    for number, part in enumerate(parts):
        frame = typed(part)
        safe = {
            str(harmless(name)): frame[name]
            if pd.api.types.is_numeric_dtype(frame[name])
            else frame[name].map(harmless).astype(object)
            for name in frame.columns
        }
        # Text is quoted, so that a line break within it is no new line of the table.
        pd.DataFrame(safe).to_csv(
            out, index=False, header=not number, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n"
        )
    return out.getvalue().encode("utf-8", "replace")


def to_json(parts: Iterable[pd.DataFrame], about: dict[str, str]) -> bytes:
    """The frames as one list of objects."""
    del about  # it is a list of the rows, as ``python -m storage --json`` prints
    out = io.BytesIO()
    out.write(b"[")
    for number, part in enumerate(parts):
        frame = typed(part)
        columns = [_jsonable(frame[name]) for name in frame.columns]
        rows = [
            orjson.dumps(dict(zip(frame.columns, row, strict=True)))
            for row in zip(*columns, strict=True)
        ]
        out.write((b",\n" if number and rows else b"\n") + b",\n".join(rows))
    out.write(b"\n]\n")
    return out.getvalue()


def to_parquet(parts: Iterable[pd.DataFrame], about: dict[str, str]) -> bytes:
    """The frames as one Parquet file; its metadata say what it is, and the unit of each column."""
    out = io.BytesIO()
    writer = None
    for part in parts:
        frame = typed(part)
        if writer is None:
            schema = _schema(frame, about)
            writer = pq.ParquetWriter(out, schema)
        writer.write_table(
            pa.table([_array(frame[field.name], field.type) for field in schema], schema=schema)
        )
    if writer is not None:
        writer.close()
    return out.getvalue()


def about(name: str, note: str = "") -> dict[str, str]:
    """What a file says of itself."""
    return {
        "statemeter.table": name,
        "statemeter.source": f"metrics store of Statemeter, schema {NEWEST}",
        "statemeter.exported_at": _moment(datetime.now(UTC)),
        **({"statemeter.note": note} if note else {}),
    }


def unit(name: str) -> str:
    """The unit of a column, empty: a count or text."""
    return next((told for end, told in _UNITS if f"_{name}".endswith(end)), "")


def _plain(name: str, values: pd.Series) -> pd.Series:
    known = values[values.notna()]
    if len(known) and all(_is_list(one) for one in known):
        return values.map(lambda one: np.asarray(one).tolist() if _is_list(one) else None)
    if len(known) and all(isinstance(one, bool | np.bool_) for one in known):
        return values.astype("boolean")
    if len(known) and all(isinstance(one, int | np.integer) for one in known):
        return values.astype("Int64")
    if len(known) and all(isinstance(one, int | float | np.number) for one in known):
        return values.astype(float)
    if len(known) and all(isinstance(one, datetime) for one in known):
        return pd.to_datetime(values, utc=True)
    return values.map(lambda one: None if _missing(one) else str(one)).astype(object)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple | np.ndarray)


def _missing(value: Any) -> bool:
    return value is None or (not isinstance(value, list) and bool(pd.isna(value)))


def _schema(frame: pd.DataFrame, about: dict[str, str]) -> pa.Schema:
    fields = []
    for name in frame.columns:
        told = unit(name)
        fields.append(pa.field(name, _type(frame[name]), metadata={"unit": told} if told else None))
    return pa.schema(fields, metadata=about)


def _type(values: pd.Series) -> pa.DataType:
    if pd.api.types.is_bool_dtype(values):
        return pa.bool_()
    if pd.api.types.is_integer_dtype(values):
        return pa.int64()
    if pd.api.types.is_float_dtype(values):
        return pa.float64()
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return pa.timestamp("us", "UTC")
    some = next((one for one in values if isinstance(one, list) and one), None)
    if some is not None or any(isinstance(one, list) for one in values):
        numbers = some is not None and all(isinstance(one, int | float) for one in some)
        return pa.list_(pa.float64() if numbers else pa.string())
    return pa.string()


def _array(values: pd.Series, kind: pa.DataType) -> pa.Array:
    """The column as that type; a later part may have types of its own where it is empty."""
    if pa.types.is_list(kind):
        text = pa.types.is_string(kind.value_type)
        rows = [
            [str(one) if text else one for one in row] if isinstance(row, list) else None
            for row in values
        ]
        return pa.array(rows, kind)
    if pa.types.is_string(kind):
        return pa.array([None if _missing(one) else str(one) for one in values], kind)
    return pa.array(values, kind, from_pandas=True)


def _jsonable(values: pd.Series) -> Iterator[Any]:
    """Values that JSON has; whatever is missing is None."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return (None if one is pd.NaT else _moment(one) for one in values)
    return (None if not isinstance(one, list) and _missing(one) else one
            for one in values.astype(object).tolist())  # fmt: skip


def _moment(value: datetime) -> str:
    """ISO 8601 in UTC, to the microsecond, as ``python -m storage`` prints it."""
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
