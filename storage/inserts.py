"""SQL of bulk writes, compiled once from the tables: 10 times as fast as the ORM.

Rows are tuples in the order of the table's columns, without ``id`` where the database numbers
them. Run with ``connection.exec_driver_sql(sql, rows)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, insert, literal_column, update
from sqlalchemy.dialects import sqlite

from storage import (
    models,
    models_alerts,
    models_costs,
    models_findings,
    models_inspections,
    models_jobs,
    models_regions,
    models_resources,
)

Row = tuple[Any, ...]

_TABLES: dict[str, Table] = {
    table.name: table
    for module in (
        models,
        models_resources,
        models_inspections,
        models_jobs,
        models_costs,
        models_regions,
        models_findings,
        models_alerts,
    )
    for table in module.TABLES
}
ABSENT = -(1 << 62)
"""NULL in rows that are many: for each ``None`` that is bound ``sqlite3`` looks for an adapter of
its type, in vain, which takes longer than to bind ten numbers."""

_DIALECT = sqlite.dialect(paramstyle="qmark")


def table(name: str) -> Table:
    """A table of the store by its name."""
    return _TABLES[name]


def columns_of(name: str, without: Sequence[str] = ()) -> tuple[str, ...]:
    """Column names in the order of the table."""
    return tuple(c.name for c in table(name).columns if c.name not in without)


def insert_sql(
    name: str, without: Sequence[str] = (), prefix: str = "", absent: bool = False
) -> str:
    """``INSERT`` of whole rows; ``prefix`` such as ``OR IGNORE``; with ``absent`` a row may have
    ``ABSENT`` for ``None``."""
    values: dict[str, Any] = {column: bindparam(column) for column in columns_of(name, without)}
    if absent:
        for column, value in values.items():
            if table(name).c[column].nullable:
                values[column] = func.nullif(value, literal_column(str(ABSENT)))
    statement = insert(table(name)).values(values)
    if prefix:
        statement = statement.prefix_with(prefix)
    return str(statement.compile(dialect=_DIALECT))


def update_sql(name: str, columns: Sequence[str], key: str = "id") -> str:
    """``UPDATE`` of columns, in their order, of the row with a key, which comes last."""
    target = table(name)
    statement = (
        update(target)
        .where(target.c[key] == bindparam("row_key"))
        .ordered_values(*((target.c[column], bindparam(column)) for column in columns))
    )
    return str(statement.compile(dialect=_DIALECT))


def run(connection: Connection, sql: str, rows: list[Row]) -> None:
    """Execute a statement for all rows, if there are any."""
    if rows:
        connection.exec_driver_sql(sql, rows)


OPERATION_COLUMNS = columns_of("operations", without=("id",))
INSERT_OPERATION = insert_sql("operations", without=("id",), absent=True)
INSERT_RUN = insert_sql("runs", without=("id",))
INSERT_NODE_RUN = insert_sql("node_runs", without=("id",), absent=True)
INSERT_REGION = insert_sql("regions", without=("id",), absent=True)
INSERT_SAMPLE = insert_sql("samples", prefix="OR IGNORE")
INSERT_DEAD_LETTER = insert_sql("dead_letters", without=("id",))
