"""Orders about costs: prices and settings that a visitor changed.

What is ordered is checked once more: the file is as good as whoever can write the spool.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from storage import cost_settings, inserts
from storage.prices import ROWS_MOST, parse

_COLUMNS = inserts.columns_of("prices")
_KEEP = (
    f"INSERT INTO prices ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "
    "ON CONFLICT (key) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name != "key")
    + " WHERE excluded.changed_us >= prices.changed_us"
)
_REMOVE = (
    "INSERT INTO prices (key, service, backend, item, currency, unit, region, as_of, source, "
    "confidence, removed, changed_us) VALUES (?, '', '', '', '', '', '', '', '', '', 1, ?) "
    "ON CONFLICT (key) DO UPDATE SET removed = 1, changed_us = excluded.changed_us "
    "WHERE excluded.changed_us >= prices.changed_us"
)
_SET = (
    "INSERT INTO cost_settings (name, value, changed_us) VALUES (?, ?, ?) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_us = excluded.changed_us "
    "WHERE excluded.changed_us >= cost_settings.changed_us"
)
_FIGURES_MOST = 100
_TEXT_MOST = 200


def set_prices(connection: Connection, body: dict[str, Any], at_us: int) -> None:
    """``prices``: rows that are new or changed; ``removed``: keys."""
    told, removed = _list(body, "prices"), _list(body, "removed")
    prices = [parse(row) for row in told]
    if not all(isinstance(key, str) and 0 < len(key) <= 2 * _TEXT_MOST for key in removed):
        raise ValueError("removed is a list of keys")
    inserts.run(connection, _REMOVE, [(key, at_us) for key in removed])
    rows = [price.row() | {"key": price.key, "removed": 0, "changed_us": at_us} for price in prices]
    inserts.run(connection, _KEEP, [tuple(row[name] for name in _COLUMNS) for row in rows])


def reset_prices(connection: Connection, body: dict[str, Any], at_us: int) -> None:
    """All as it was shipped."""
    del body
    connection.exec_driver_sql("DELETE FROM prices WHERE changed_us <= ?", (at_us,))


def set_costs(connection: Connection, body: dict[str, Any], at_us: int) -> None:
    """``values``: setting → value; empty: as it comes."""
    values = body["values"]
    if not isinstance(values, dict) or len(values) > _FIGURES_MOST:
        raise ValueError("values is a map of settings")
    for name, value in values.items():
        if name.startswith(cost_settings.CHOICES):
            if not isinstance(value, str) or len(value) > _TEXT_MOST:
                raise ValueError(f"{name} is no text")
        elif value != "":
            cost_settings.check(name, value)
    rows = [(name, str(value), at_us) for name, value in values.items()]
    inserts.run(connection, _SET, rows)


def _list(body: dict[str, Any], name: str) -> list[Any]:
    found = body.get(name, [])
    if not isinstance(found, list) or len(found) > ROWS_MOST:
        raise ValueError(f"{name} is a list of at most {ROWS_MOST} rows")
    return found
