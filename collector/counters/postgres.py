"""PostgreSQL: the row of the database in ``pg_stat_database``, and its size."""

from __future__ import annotations

import psycopg

from collector.counters.reading import Reading, whole
from collector.inspection import postgres
from collector.inspection.limits import from_settings
from collector.inspection.url import Address

_NAMES = (
    "size_bytes", "clients", "commits", "rollbacks", "blocks_read", "blocks_hit", "rows_read",
    "rows_written", "deadlocks", "temporary_bytes",
)  # fmt: skip
_SELECT = (
    "SELECT pg_catalog.pg_database_size(datid), numbackends, xact_commit, xact_rollback, "
    "blks_read, blks_hit, tup_fetched, tup_inserted + tup_updated + tup_deleted, deadlocks, "
    "temp_bytes "
    "FROM pg_catalog.pg_stat_database WHERE datname = pg_catalog.current_database()"
)


def read(address: Address) -> Reading:
    """Connect, read, and close.

    Raises:
        CouldNotLook: it cannot be reached, refuses the login, or does not answer in time.
    """
    with postgres.connected(address) as (connection, _):
        try:
            row = postgres.Reader(connection, from_settings()).rows(_SELECT)[0]
        except psycopg.Error as error:
            raise postgres.refused(address, error) from None
        identity, label = postgres.place_of(connection)
    return Reading(identity, label, dict(zip(_NAMES, map(whole, row), strict=True)))
