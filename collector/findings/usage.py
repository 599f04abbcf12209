"""What rules know of stores, caches and embeddings: their calls of the newest day, by part."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from collector.findings.look import Look
from collector.findings.rule import CannotLook
from storage.findings import Subject

DAY_US = 86_400_000_000
_HOUR_US = 3_600_000_000

_CALLS = """
SELECT r.id, r.key, r.backend, r.class_name, r.label, r.facts, r.last_seen_us, a.method, a.part,
min(a.bucket_us) AS since_us, min(a.application) AS application, sum(a.count) AS count,
sum(a.items) AS items, sum(a.asked) AS asked, sum(a.hits) AS hits,
sum(a.payload_bytes) AS payload_bytes, sum(a.duration_us) AS duration_us
FROM access_rollups a JOIN resources r ON r.id = a.resource_id
WHERE a.resolution_s = 3600 AND a.bucket_us >= :since AND r.kind = :kind
GROUP BY r.id, a.method, a.part ORDER BY r.id, a.part, a.method LIMIT 2000"""


def calls(look: Look, kind: str) -> Sequence[Row[Any]]:
    """A row for each resource of a kind, method and part (see ``AccessRollup``) with calls in the
    newest day.

    Raises:
        CannotLook: no resource of the kind was ever seen.
    """
    if not look.rows("SELECT 1 FROM resources WHERE kind = :kind LIMIT 1", kind=kind):
        raise CannotLook(
            f"No {kind} was seen yet. statemeter.instrument(graph) tells those of a graph."
        )
    since = (look.at_us - DAY_US) // _HOUR_US * _HOUR_US
    return look.rows(_CALLS, since=since, kind=kind)


def subject(row: Row[Any], detail: str = "", **more: str) -> Subject:
    """The resource of a row of calls."""
    return Subject(application=row.application, backend=row.backend, resource=row.key,
                   detail=detail, **more)  # fmt: skip


def fact(row: Row[Any], name: str) -> float | None:
    """What was set up; None: it was not."""
    found = json.loads(row.facts).get(name)
    return None if found is None else float(found)
