"""The report of processes: see ``storage.report``."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Connection

from storage import process_series, queries_processes
from storage.explained import AREAS
from storage.leaks import Growth

if TYPE_CHECKING:
    from storage.report import Choice, Row


def processes(connection: Connection, choice: Choice) -> list[Row]:
    """One row a process, those alive first: what it is, how it ended, what its memory is made of
    now, and whether it leaks."""
    table = queries_processes.processes(connection.engine)
    rows = []
    for row in table.head(choice.limit).to_dict("records"):
        found = queries_processes.process(connection.engine, row["incarnation"], choice.window_s)
        judged = queries_processes.judged(connection.engine, row["incarnation"])
        assert found is not None
        assert judged is not None
        last = process_series.last(connection, row["id"])
        areas = found.areas.ffill().iloc[-1] if len(found.areas) else {}
        leaks = judged.leaks
        rows.append({
            "incarnation": row["incarnation"], "application": row["application"],
            "host": row["host"], "pid": row["pid"], "state": found.ending.state,
            "how_sure": found.ending.sure or None, "began": _iso(row["first_seen_us"]),
            "seen": _iso(row["last_seen_us"]), "rss_bytes": row["rss_bytes"],
            "cpu_percent": _plain(row["cpu_percent"]), "threads": row["threads"],
            "explained": {name: _plain(areas.get(name)) for name in AREAS},
            "readings": last,
            "leak": leaks.verdict, "why_unknown": leaks.why or None,
            "judged_seconds": round(leaks.seconds), "judged_runs": round(leaks.runs),
            "memory": _growth(leaks.memory), "state_growth": _growth(leaks.state),
            "unexplained": _growth(leaks.unexplained), "freed": _growth(leaks.freed),
            "counts": {growth.name: _growth(growth) for growth in leaks.counts},
            "suspects": [dataclasses.asdict(one) for one in judged.suspects],
            "nodes": [
                {name: _plain(value) for name, value in node.items()}
                for node in found.nodes.to_dict("records")
            ],
        })  # fmt: skip
    return rows


def _growth(growth: Growth | None) -> dict[str, float | None] | None:
    """By hour, with the ends of its 95 % interval, and by run."""
    if growth is None:
        return None
    slope = growth.slope
    return {
        "per_hour": round(growth.per_hour), "low_per_hour": round(slope.low * 3600),
        "high_per_hour": round(slope.high * 3600),
        "per_run": None if growth.per_run is None else round(growth.per_run),
    }  # fmt: skip


def _plain(value: Any) -> Any:
    """A value as JSON has it; missing ones are null."""
    if value is None or isinstance(value, str | bool | np.bool_):
        return bool(value) if isinstance(value, np.bool_) else value
    number = float(value)
    return None if np.isnan(number) else int(number) if number.is_integer() else round(number, 3)


def _iso(at_us: int) -> str | None:
    if not at_us:
        return None
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="microseconds")[:26] + "Z"


REPORTS = {"processes": processes}
