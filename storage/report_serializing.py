"""Reports of serializing: see ``storage.report``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from sqlalchemy import Connection

from storage.queries_serializing import serializing

if TYPE_CHECKING:
    from storage.report import Choice

Row = dict[str, Any]

_NAMES = (
    "of", "name", "type", "calls", "bytes", "rewritten_bytes", "timed_bytes", "serde_us",
    "duration_us", "share", "mb_per_s",
)  # fmt: skip


def serialization(connection: Connection, choice: Choice) -> list[Row]:
    """One row an operation, channel, type, node and tag; ``of`` tells which of them it is."""
    found = serializing(connection.engine, choice.window_s)
    operations = found.operations.rename(
        columns={"operation": "name", "count": "calls", "payload_bytes": "bytes"}
    )
    channels = found.channels.rename(
        columns={"channel": "name", "writes": "calls", "write_bytes": "bytes",
                 "timed_us": "serde_us"}
    )  # fmt: skip
    types = found.types.rename(
        columns={"type": "name", "write_bytes": "bytes", "timed_us": "serde_us"}
    )
    nodes = found.nodes.rename(columns={"node": "name", "write_bytes": "bytes"})
    tags = found.tags.rename(columns={"tag": "name", "payload_bytes": "bytes"})
    parts = {
        "operation": operations, "channel": channels, "type": types, "node": nodes, "tag": tags,
    }  # fmt: skip
    rows = [row for of, table in parts.items() for row in _rows(of, table)]
    return rows[: choice.limit]


def _rows(of: str, table: pd.DataFrame) -> list[Row]:
    return [
        {"of": of} | {name: _known(row.get(name)) for name in _NAMES[1:]}
        for row in table.to_dict("records")
    ]


def _known(value: Any) -> Any:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return None
    return (
        value
        if isinstance(value, str)
        else round(float(value), 4)
        if isinstance(value, float)
        else int(value)
    )


REPORTS = {"serialization": serialization}
