"""Report of costs: see ``storage.report`` and docs/costs.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from storage.cost_terms import PARTS, MonthlyCost
from storage.costs import Costs
from storage.costs import costs as worked_out

if TYPE_CHECKING:
    from storage.report import Choice

Row = dict[str, Any]


def costs(connection: Connection, choice: Choice) -> list[Row]:
    """One row a backend in use, most stored bytes first; then one for each backend that could hold
    all threads together."""
    found = worked_out(connection.engine, choice.window_s, choice.threads.scope)
    rows = [_row(found, cost, "now") for cost in found.now.values()]
    rows += [_row(found, cost, "instead") for cost in found.elsewhere.values()]
    return rows[: choice.limit]


def _row(found: Costs, cost: MonthlyCost, kind: str) -> Row:
    parts = {part.name: part.usd for part in cost.parts}
    overhead = found.physical.overheads.get(cost.backend)
    stored: int | None
    if kind == "now":
        stored = sum(
            one.stored_bytes for one in found.measured.workloads if one.backend == cost.backend
        )
        threads = sum(
            one.threads for one in found.measured.workloads if one.backend == cost.backend
        )
    else:
        usage = found.usages[cost.backend]
        stored = None if usage.stored_bytes is None else round(usage.stored_bytes)
        threads = found.threads
    growth = found.fits.get(cost.backend) if kind == "now" else None
    return {
        "kind": kind,
        "backend": cost.backend,
        "service": cost.service,
        "region": cost.region,
        "usd": _cents(cost.usd),
        "least_usd": _cents(cost.least_usd),
        **{f"{name}_usd": _cents(parts.get(name)) for name in PARTS},
        "unknown": list(cost.reasons),
        "stored_bytes": stored,
        "threads": threads,
        "overhead": round(overhead.ratio, 4) if overhead else None,
        "overhead_measured": overhead.measured if overhead else None,
        "growth": getattr(growth, "model", None),
        "growth_unknown": growth if isinstance(growth, str) else None,
        "limits": [
            {"limit": one.label, "status": one.status, "why": one.why, "at_us": one.at_us,
             "earliest_us": one.earliest_us, "latest_us": one.latest_us}
            for one in found.limits if one.backend == cost.backend
        ] if kind == "now" else [],
    }  # fmt: skip


def _cents(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


REPORTS = {"costs": costs}
"""Reports of a window."""
