"""Jobs: what was asked for, how far it is, and what was found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, text

from storage.queries import reading
from storage.queries_resources import has_tables

SCHEMA = 7
"""The first that has them."""

MOST = 200
"""Most jobs listed, those asked for last."""


@dataclass(frozen=True)
class Job:
    """One job without its result."""

    id: str
    kind: str
    name: str
    asked: dict[str, Any]
    state: str
    """``waiting``, ``running``, ``done``, ``failed`` or ``cancelled``."""
    phase: str = ""
    share: float | None = None
    """How much is done, 0 to 1; None: unknown."""
    problem: str = ""
    partial: bool = False
    created_us: int = 0
    started_us: int = 0
    updated_us: int = 0
    ended_us: int = 0

    @property
    def ended(self) -> bool:
        """Whether it is over, for better or worse."""
        return self.state not in {"waiting", "running"}


_COLUMNS = (
    "id, kind, name, asked, state, phase, share, problem, partial, created_us, started_us, "
    "updated_us, ended_us"
)


def jobs(engine: Engine, kind: str) -> list[Job]:
    """Jobs of a kind, the newest first."""
    with reading(engine) as connection:
        if not has_tables(connection, SCHEMA):
            return []
        rows = connection.execute(
            text(
                f"SELECT {_COLUMNS} FROM jobs WHERE kind = :kind "
                "ORDER BY created_us DESC, id LIMIT :most"
            ),
            {"kind": kind, "most": MOST},
        ).all()
    return [_job(row) for row in rows]


def job(engine: Engine, key: str) -> tuple[Job, str] | None:
    """A job and the JSON of its result (``null``: none yet); None where there is no such job."""
    with reading(engine) as connection:
        if not has_tables(connection, SCHEMA):
            return None
        row = connection.execute(
            text(f"SELECT {_COLUMNS}, result FROM jobs WHERE id = :id"), {"id": key}
        ).one_or_none()
    return None if row is None else (_job(row[:-1]), str(row[-1]))


def _job(row: Any) -> Job:
    key, kind, name, asked, state, phase, share, problem, partial, *times = row
    return Job(
        key, kind, name, json.loads(asked), state, phase, share, problem, bool(partial), *times
    )
