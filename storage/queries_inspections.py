"""Inspections: what looks into databases of LangGraph found last."""

from __future__ import annotations

import msgspec
from sqlalchemy import Engine, text

from storage import inspections
from storage.inspections import Inspection
from storage.queries import reading
from storage.queries_resources import has_tables

SCHEMA = 3
"""The first that has them; a store stays older until a newer collector opens it."""

NEWEST = 200
"""Most storages told."""


def newest(engine: Engine) -> list[Inspection]:
    """The newest look into each storage, those with something wrong first, then by time."""
    with reading(engine) as connection:
        if not has_tables(connection, since=3):
            return []
        rows = connection.execute(
            text(
                "SELECT result FROM inspections AS i WHERE id = "
                "(SELECT id FROM inspections WHERE storage = i.storage "
                "ORDER BY at_us DESC, id DESC LIMIT 1) "
                "ORDER BY at_us DESC LIMIT :most"
            ),
            {"most": NEWEST},
        ).scalars()
        found = [one for row in rows if (one := _decoded(row)) is not None]
    order = inspections.STATUSES.index
    return sorted(found, key=lambda one: (-order(one.status), -one.at_us))


def history(engine: Engine, storage: str, limit: int = 20) -> list[Inspection]:
    """Looks into one storage, newest first.

    Args:
        engine: a reader's.
        storage: key of the storage.
        limit: most looks.
    """
    with reading(engine) as connection:
        if not has_tables(connection, SCHEMA):
            return []
        rows = connection.execute(
            text(
                "SELECT result FROM inspections WHERE storage = :storage "
                "ORDER BY at_us DESC, id DESC LIMIT :limit"
            ),
            {"storage": storage, "limit": limit},
        ).scalars()
        return [one for row in rows if (one := _decoded(row)) is not None]


def _decoded(row: str) -> Inspection | None:
    try:
        return inspections.decode(row)
    except msgspec.DecodeError:  # of a later version
        return None
