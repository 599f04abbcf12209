"""Connections of a PostgreSQL server: transactions left open, and how many are free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.inspection.findings import Findings
from collector.inspection.limits import Limits

if TYPE_CHECKING:
    from collector.inspection.postgres import Reader

FULL_SHARE = 0.9

_IDLE = (
    "SELECT pid, application_name, "
    "extract(epoch FROM pg_catalog.clock_timestamp() - state_change)::float8 "
    "FROM pg_catalog.pg_stat_activity WHERE datname = pg_catalog.current_database() "
    "AND state LIKE 'idle in transaction%%' AND pid <> pg_catalog.pg_backend_pid() "
    "AND state_change < pg_catalog.clock_timestamp() - %s * interval '1 second' "
    "ORDER BY 3 DESC LIMIT 5"
)
_HIDDEN = (
    "SELECT count(*) FROM pg_catalog.pg_stat_activity "
    "WHERE datname = pg_catalog.current_database() AND query = '<insufficient privilege>'"
)
_CONNECTIONS = (
    "SELECT (SELECT count(*) FROM pg_catalog.pg_stat_activity "
    "WHERE backend_type IS NULL OR backend_type = 'client backend'), "
    "pg_catalog.current_setting('max_connections')::int"
)


def check(reader: Reader, findings: Findings, limits: Limits) -> None:
    """Tell of open idle transactions and of connections."""
    idle = reader.rows(_IDLE, limits.idle_seconds)
    hidden = reader.one(_HIDDEN)
    for pid, application, seconds in idle:
        findings.add(
            "activity.idle", "Idle in transaction", seconds, "seconds",
            subject=f"process {pid} ({application})" if application else f"process {pid}",
            status="warning",
            why="VACUUM cannot remove rows that died since it began, and its locks stay. A saver's "
            "list() that is not used up, or a connection without autocommit=True, leaves one.",
            mend=f"SELECT pg_terminate_backend({pid});", language="sql",
        )  # fmt: skip
    if not idle:
        findings.add(
            "activity.idle", "Idle in transaction", 0, "connections",
            status="unknown" if hidden else "ok",
            why=f"{hidden} connections of other users are hidden. "
            "GRANT pg_read_all_stats TO this user shows them." if hidden else "",
        )  # fmt: skip
    used, most = reader.rows(_CONNECTIONS)[0]
    full = used >= FULL_SHARE * most
    findings.add(
        "activity.connections", "Connections of the server", used, f"of {most}",
        status="warning" if full else "ok",
        why="Further ones are refused soon. Let applications share pools, or raise the maximum and "
        "restart the server." if full else "",
        mend=f"ALTER SYSTEM SET max_connections = {most * 2};" if full else "",
        language="sql" if full else "",
    )  # fmt: skip
