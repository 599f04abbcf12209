"""Who causes a backend's cost: bytes are divided by what is stored, calls by what is called."""

from __future__ import annotations

import pandas as pd
from sqlalchemy import Engine, text

from storage.cost_terms import SECONDS, MonthlyCost
from storage.costs import Costs
from storage.queries import SECOND_US, reading

COLUMNS = (
    "application", "backend", "usd_a_month", "complete", "threads", "usd_per_thread",
    "usd_per_1000_runs", "stored_bytes",
)  # fmt: skip


def share_of(cost: MonthlyCost, by_bytes: float, by_calls: float) -> float | None:
    """USD a month of a part of what a backend holds; None: nothing of its cost is known.

    Args:
        cost: of the whole backend.
        by_bytes: the part's share of stored bytes, 0 to 1.
        by_calls: its share of the calls, 0 to 1.
    """
    known = [part for part in cost.parts if part.usd is not None and part.keys]
    if not known:
        return None
    return sum(
        (part.usd or 0.0) * (by_calls if part.name == "operations" else by_bytes) for part in known
    )


def applications(found: Costs) -> pd.DataFrame:
    """A row for each application and backend, of ``COLUMNS``: USD where not said otherwise;
    ``complete`` is false where a part is unknown, and the rest a lower bound."""
    rows = []
    for one in found.measured.workloads:
        cost = found.now[one.backend]
        same = [other for other in found.measured.workloads if other.backend == one.backend]
        stored = sum(other.stored_bytes for other in same)
        calls = sum(sum(other.calls.values()) for other in same)
        by_bytes = one.stored_bytes / stored if stored else 1 / len(same)
        by_calls = sum(one.calls.values()) / calls if calls else by_bytes
        usd = share_of(cost, by_bytes, by_calls)
        runs = one.a_month(one.work.runs)
        rows.append({
            "application": one.application, "backend": one.backend, "usd_a_month": usd,
            "complete": cost.usd is not None, "threads": one.threads,
            "usd_per_thread": usd / one.threads if usd is not None and one.threads else None,
            "usd_per_1000_runs": usd / runs * 1000 if usd is not None and runs else None,
            "stored_bytes": one.stored_bytes,
        })  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def thread(
    engine: Engine, found: Costs, backend: str, thread_key: int
) -> tuple[float | None, bool]:
    """What one thread causes of its backend's cost, USD a month, and whether that is all.

    Args:
        engine: a reader's.
        found: costs of the thread's backend, of all applications.
        backend: the thread's.
        thread_key: row of the thread.
    """
    cost = found.now.get(backend)
    if cost is None:
        return None, False
    workloads = [one for one in found.measured.workloads if one.backend == backend]
    seconds = found.measured.seconds
    with reading(engine) as connection:
        stored, mine = connection.execute(
            text(
                "SELECT t.stored_bytes, (SELECT count(*) FROM operations AS o "
                "WHERE o.thread_key = t.id AND o.at_us >= :start AND o.duration_us >= 0) "
                "FROM threads AS t WHERE t.id = :key"
            ),
            {"key": thread_key, "start": found.at_us - round(seconds * SECOND_US)},
        ).one()
    whole = sum(one.stored_bytes for one in workloads)
    calls = sum(sum(one.calls.values()) for one in workloads) * seconds / SECONDS
    by_bytes = stored / whole if whole else 0.0
    by_calls = min(1.0, mine / calls) if calls else by_bytes
    return share_of(cost, by_bytes, by_calls), cost.usd is not None
