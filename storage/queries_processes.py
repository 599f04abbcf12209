"""Instrumented processes, alive and gone: a list of them, and all that the page of one shows.

A process is one life (``incarnation``): a pid that was used again is another process. The window of
one that is gone ends where it was seen last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine, text

from storage import explained, leaks, node_memory, process_series, suspects
from storage.deaths import ALIVE, SILENT_US, Ending, ending
from storage.leaks import Leaks, Rules
from storage.process_series import Series
from storage.queries import ALL, Scope, fetch, now_us, reading
from storage.queries_findings import changed
from storage.queries_health import KINDS_SINCE
from storage.queries_resources import has_tables
from storage.suspects import Suspect

ROWS = 200
"""Most processes of a list."""
DRAWN = 40
"""Of these, the first have a curve."""
LEAK_SPAN_S = 6 * 3600
"""Leaks are looked for in the newest hours."""
CURVE_POINTS = 60

_ABOUT = (
    "id", "incarnation", "application", "host", "pid", "started_us", "python", "langgraph", "probe",
    "first_seen_us", "last_seen_us", "ended", "rss_bytes", "threads", "emitted", "failures",
)  # fmt: skip


@dataclass(frozen=True)
class Process:
    """One process over a window."""

    about: dict[str, Any]
    """Its row, as of ``processes``."""
    ending: Ending
    series: Series
    areas: pd.DataFrame
    """``storage.explained.explain`` of each slot."""
    nodes: pd.DataFrame
    """``storage.node_memory.by_node`` of the window."""
    node_runs: pd.DataFrame
    """``storage.node_memory.runs`` of the window."""


@dataclass(frozen=True)
class Judged:
    """Whether a process leaks, by its newest hours."""

    leaks: Leaks
    suspects: list[Suspect]
    """What the growth may come from, the likeliest first."""


def processes(engine: Engine, scope: Scope = ALL, at_us: int | None = None) -> pd.DataFrame:
    """Processes, those alive first, then the one seen last first.

    Columns: id, incarnation, application, host, pid, started_us, python, langgraph, probe,
    first_seen_us, last_seen_us, ended, rss_bytes, threads, emitted, failures; state (of
    ``deaths.Ending``), cpu_percent (newest; of one core), curve (list of rss_bytes, newest at the
    end).
    """
    at_us = now_us() if at_us is None else at_us
    with reading(engine) as connection:
        table = _rows(connection, scope.application, at_us)
        states, curves, percents = [], [], []
        for place, row in enumerate(table.to_dict("records")):
            last = process_series.last(connection, row["id"])
            states.append(ending(row["ended"], row["last_seen_us"], at_us, last).state)
            curve, percent = _curve(connection, row["id"]) if place < DRAWN else ([], None)
            curves.append(curve)
            percents.append(percent)
    return table.assign(state=states, cpu_percent=pd.Series(percents, dtype=float), curve=curves)


def process(
    engine: Engine, incarnation: str, window_s: int, at_us: int | None = None
) -> Process | None:
    """A process over the last ``window_s`` seconds of its life; None: there is no such process."""
    at_us = now_us() if at_us is None else at_us
    with reading(engine) as connection:
        table = _rows(connection, None, at_us, incarnation)
        if table.empty:
            return None
        row = table.to_dict("records")[0]
        span = _span(row, at_us)
        series = process_series.read(connection, row["id"], window_s, span)
        grid = series.grid
        ran = node_memory.runs(connection, row["id"], grid.start_us, grid.end_us)
        return Process(
            about=row,
            ending=ending(row["ended"], row["last_seen_us"], at_us, series.last),
            series=series,
            areas=explained.explain(series.levels),
            nodes=node_memory.by_node(ran),
            node_runs=ran,
        )


def judged(
    engine: Engine, incarnation: str, at_us: int | None = None, rules: Rules | None = None
) -> Judged | None:
    """Whether a process leaks; None: there is no such process.

    Args:
        engine: a reader's.
        incarnation: of the process.
        at_us: now.
        rules: the thresholds; None: those of the rule ``process-leak``, as they are set.
    """
    at_us = now_us() if at_us is None else at_us
    with reading(engine) as connection:
        table = _rows(connection, None, at_us, incarnation)
        if table.empty:
            return None
        row = table.to_dict("records")[0]
        if not has_tables(connection):
            return Judged(Leaks("unknown", "The store has no readings of it.", 0.0, 0.0), [])
        series = process_series.read(connection, row["id"], LEAK_SPAN_S, _span(row, at_us))
        if "rss_bytes" not in series.levels:
            why = "The probe of this process tells no readings of its memory."
            return Judged(Leaks("unknown", why, 0.0, 0.0), [])
        if rules is None:
            rules = leaks.RULES.with_limits(changed(connection).get(leaks.RULE, {}))
        found = leaks.find(series, row["first_seen_us"], rules)
        if not found.flagged:
            return Judged(found, [])
        grid = series.grid
        ran = node_memory.runs(connection, row["id"], grid.start_us, grid.end_us)
        return Judged(found, suspects.find(connection, found, series, node_memory.by_node(ran)))


def of_thread(engine: Engine, thread_key: int) -> str:
    """Incarnation of the instrumented process that used a thread last, empty: there is none.

    Args:
        engine: a reader's.
        thread_key: row of the thread.
    """
    with reading(engine) as connection:
        kind = " AND p.kind = ''" if has_tables(connection, KINDS_SINCE) else ""
        found = connection.execute(
            text(
                "SELECT p.incarnation FROM operations AS o JOIN processes AS p "
                f"ON p.id = o.process_id WHERE o.thread_key = :thread{kind} "
                "ORDER BY o.at_us DESC LIMIT 1"
            ),
            {"thread": thread_key},
        ).scalar()
    return str(found or "")


def _rows(
    connection: Connection, application: str | None, at_us: int, incarnation: str | None = None
) -> pd.DataFrame:
    where = " AND p.kind = ''" if has_tables(connection, KINDS_SINCE) else ""
    where += " AND p.application = :application" if application is not None else ""
    where += " AND p.incarnation = :incarnation" if incarnation is not None else ""
    alive = f"(p.ended = {ALIVE} AND p.last_seen_us >= :recent)"
    given = {"application": application, "incarnation": incarnation}
    return fetch(
        connection,
        f"SELECT p.{', p.'.join(_ABOUT)} FROM processes AS p WHERE 1 = 1{where} "
        f"ORDER BY {alive} DESC, CASE WHEN {alive} THEN p.id ELSE -p.last_seen_us END, p.id "
        "LIMIT :limit",
        recent=at_us - SILENT_US,
        limit=ROWS,
        **{name: value for name, value in given.items() if value is not None},
    )


def _span(row: dict[str, Any], at_us: int) -> tuple[int, int]:
    """When a process was seen first, and where its windows end."""
    gone = row["ended"] != ALIVE or at_us - row["last_seen_us"] > SILENT_US
    return row["first_seen_us"], row["last_seen_us"] if gone else max(at_us, row["last_seen_us"])


def _curve(connection: Connection, process_id: int) -> tuple[list[float], float | None]:
    """The newest minutes of resident memory, by samples, and the newest CPU percent."""
    rows = connection.exec_driver_sql(
        "SELECT rss_bytes, cpu_percent FROM samples WHERE process_id = ? "
        "ORDER BY at_us DESC LIMIT 900",
        (process_id,),
    ).all()
    values = np.array([row[0] for row in rows][::-1], dtype=np.float64)
    parts = np.array_split(values, min(CURVE_POINTS, len(values))) if len(values) else []
    return [float(part.max()) for part in parts], rows[0][1] if rows else None
