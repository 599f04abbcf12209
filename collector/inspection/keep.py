"""From the inbox to the store: what looks found becomes rows, and then only the files go."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import Connection

from collector.inspection import inbox
from storage import inserts, inspections
from storage.inspections import Inspection

logger = logging.getLogger("statemeter.collector")

KEPT_EACH = 20
"""Newest looks into one storage."""
KEPT_STORAGES = 200
"""Storages looked into most recently: temporary databases go in the end."""

_INSERT = inserts.insert_sql("inspections", without=("id",), prefix="OR IGNORE")
_DELETE_OLD = (
    "DELETE FROM inspections WHERE storage = ? AND id NOT IN "
    "(SELECT id FROM inspections WHERE storage = ? ORDER BY at_us DESC, id DESC LIMIT ?)"
)
_DELETE_FORGOTTEN = (
    "DELETE FROM inspections WHERE storage NOT IN "
    "(SELECT storage FROM inspections GROUP BY storage ORDER BY max(at_us) DESC LIMIT ?)"
)


def take(spool: Path, transaction: Callable[[], AbstractContextManager[Connection]]) -> int:
    """Store what waits; returns how many inspections.

    A file is deleted after the commit: a crash between the two stores it once more, which changes
    nothing, as its UUID is known.

    Args:
        spool: folder of the spool.
        transaction: opens one that the holder of the lease alone can commit.

    Raises:
        Fenced: another collector has the lease.
    """
    waiting = list(inbox.waiting(spool))
    found = [(path, one) for path, one in waiting if one is not None]
    if found:
        with transaction() as connection:
            inserts.run(connection, _INSERT, [_row(one) for _, one in found])
            for storage in {one.storage for _, one in found}:
                connection.exec_driver_sql(_DELETE_OLD, (storage, storage, KEPT_EACH))
            connection.exec_driver_sql(_DELETE_FORGOTTEN, (KEPT_STORAGES,))
    for path, one in waiting:
        try:
            if one is None:
                logger.warning("%s is no inspection that this version knows; set aside", path)
                path.rename(path.with_suffix(".rejected"))
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("%s cannot be removed: %s", path, error.strerror)
    return len(found)


def _row(one: Inspection) -> inserts.Row:
    result = inspections.encode(one).decode()
    return (one.id, one.storage, one.backend, one.label, one.at_us, one.status, result)
