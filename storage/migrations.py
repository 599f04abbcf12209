"""Schema changes, in order. Each is applied once, together with its row in ``migrations``.

A change that was released is never edited: the next one gets the next number.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, insert, inspect, select
from sqlmodel import SQLModel

from storage import (
    models,
    models_alerts,
    models_costs,
    models_findings,
    models_inspections,
    models_jobs,
    models_regions,
    models_resources,
    models_sources,
)
from storage.errors import StoreTooNew
from storage.models import Migration

APPLICATION_ID = int.from_bytes(b"SMtr", "big")
"""``PRAGMA application_id`` of a store: tells it from any other SQLite file."""


@dataclass(frozen=True)
class Change:
    """A step from schema ``version - 1`` to ``version``."""

    version: int
    name: str
    apply: Callable[[Connection], None]


def _create_first(connection: Connection) -> None:
    SQLModel.metadata.create_all(connection, tables=models.TABLES)
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")


def _create_resources(connection: Connection) -> None:
    SQLModel.metadata.create_all(connection, tables=models_resources.TABLES)


def _create_inspections(connection: Connection) -> None:
    SQLModel.metadata.create_all(connection, tables=models_inspections.TABLES)


def _index_failures(connection: Connection) -> None:
    # Few calls fail: without it, finding them would read all.
    connection.exec_driver_sql(
        "CREATE INDEX operations_failed ON operations (at_us) WHERE error <> ''"
    )


def _create_sources(connection: Connection) -> None:
    SQLModel.metadata.create_all(connection, tables=models_sources.TABLES)
    if "kind" not in {column["name"] for column in inspect(connection).get_columns("processes")}:
        connection.exec_driver_sql(
            "ALTER TABLE processes ADD COLUMN kind VARCHAR NOT NULL DEFAULT ''"
        )


def _index_names(connection: Connection) -> None:
    # Written when a thread is new, or fails: what a put changes of a thread is in neither.
    connection.exec_driver_sql("CREATE INDEX threads_by_name ON threads (thread_id)")
    connection.exec_driver_sql("CREATE INDEX threads_failed ON threads (errors) WHERE errors > 0")


def _create_jobs(connection: Connection) -> None:
    SQLModel.metadata.create_all(connection, tables=models_jobs.TABLES)


def _create_costs(connection: Connection) -> None:
    SQLModel.metadata.create_all(connection, tables=models_costs.TABLES)


def _create_regions(connection: Connection) -> None:
    SQLModel.metadata.create_all(connection, tables=models_regions.TABLES)


def _add_node_memory(connection: Connection) -> None:
    there = {column["name"] for column in inspect(connection).get_columns("node_runs")}
    for name in ("rss_before_bytes", "rss_after_bytes", "rss_peak_bytes"):
        if name not in there:
            connection.exec_driver_sql(f"ALTER TABLE node_runs ADD COLUMN {name} BIGINT")
    connection.exec_driver_sql(
        "CREATE INDEX IF NOT EXISTS node_runs_by_process ON node_runs (process_id, at_us)"
    )


def _create_findings(connection: Connection) -> None:
    SQLModel.metadata.create_all(connection, tables=models_findings.TABLES)


def _create_alerts(connection: Connection) -> None:
    SQLModel.metadata.create_all(connection, tables=models_alerts.TABLES)
    # Few threads are that large: storage.alerts.LARGE_BYTES.
    connection.exec_driver_sql(
        "CREATE INDEX threads_large ON threads (live_bytes) WHERE live_bytes >= 1000000"
    )


CHANGES = (
    Change(1, "all tables", _create_first),
    Change(2, "stores, caches, embeddings, pools", _create_resources),
    Change(3, "inspections", _create_inspections),
    Change(4, "failed operations by time", _index_failures),
    Change(5, "attached databases", _create_sources),
    Change(6, "threads by id, and those with errors", _index_names),
    Change(7, "jobs", _create_jobs),
    Change(8, "costs: work by hour, prices, settings", _create_costs),
    Change(9, "regions of applications", _create_regions),
    Change(10, "memory of nodes, by process", _add_node_memory),
    Change(11, "findings, and how their rules ran", _create_findings),
    Change(12, "alerts", _create_alerts),
)

NEWEST = CHANGES[-1].version
"""The schema that this version of Statemeter writes and reads."""


def version_of(connection: Connection) -> int:
    """The newest change that was applied, 0 for an empty database."""
    if not inspect(connection).has_table(Migration.__tablename__):
        return 0
    table = SQLModel.metadata.tables[Migration.__tablename__]
    rows = connection.execute(select(table.c.version)).scalars().all()
    return max(rows, default=0)


def refuse_newer(version: int, name: str) -> None:
    """Raise ``StoreTooNew`` for a schema that this version does not know.

    Args:
        version: schema version found.
        name: the store as it may be shown.
    """
    if version > NEWEST:
        raise StoreTooNew(
            f"The store {name} has schema {version}; this Statemeter knows schemas up to {NEWEST}. "
            "Upgrade Statemeter, or point STATEMETER_STORE at another file."
        )


def migrate(engine: Engine, name: str) -> int:
    """Bring a store to the newest schema; returns how many changes were made.

    Each change and its record are one transaction: a crash leaves the schema before or after it.
    """
    table = SQLModel.metadata.tables[Migration.__tablename__]
    applied = 0
    for change in CHANGES:
        with engine.begin() as connection:  # BEGIN IMMEDIATE: a second migrator waits here
            version = version_of(connection)
            refuse_newer(version, name)
            if change.version <= version:
                continue
            change.apply(connection)
            connection.execute(
                insert(table),
                {
                    "version": change.version,
                    "name": change.name,
                    "applied_us": time.time_ns() // 1000,
                },
            )
            applied += 1
    return applied
