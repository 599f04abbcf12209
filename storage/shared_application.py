"""A report of one application: what Overview, Threads, Backends and Costs show of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine, text

from storage import (
    cost_shares,
    formats,
    queries,
    queries_backends,
    queries_threads,
    shared_findings,
)
from storage.cost_terms import MonthlyCost
from storage.costs import Costs, costs
from storage.errors import StoreError
from storage.queries import SECOND_US, Overview, Scope, now_us, reading
from storage.queries_serializing import Serializing, serializing
from storage.shared_names import Names
from storage.shared_report import (
    Chart,
    Column,
    Figure,
    Report,
    Section,
    Series,
    Table,
    known,
    numbers,
)
from storage.shared_thread import rows_of
from storage.thread_filter import Filter

THREADS = 50
"""Most threads listed, those with most stored bytes."""

ROWS = 40
"""Most channels, types and nodes listed, those with most bytes or time."""

RANKED = (
    Column("thread", "Thread"), Column("flags", "Flags", "names"), Column("backend", "Backend"),
    Column("storage", "Storage"), Column("steps", "Steps", "count"),
    Column("live_bytes", "Live", "bytes"),
    Column("stored_bytes", "Stored", "bytes"), Column("written_bytes", "Written", "bytes"),
    Column("amplification", "Written / live", "factor"),
    Column("gained_bytes", "Gained", "signed_bytes"),
    Column("errors", "Failed", "count"), Column("last_seen_at", "Last seen (UTC)", "at"),
)  # fmt: skip
OPERATIONS = (
    Column("backend", "Backend"), Column("operation", "Operation"),
    Column("count", "Calls", "count"), Column("per_second", "Calls/s", "rate"),
    Column("errors", "Failed", "count"), Column("payload_bytes", "Bytes", "bytes"),
    Column("p50_us", "p50", "us"), Column("p95_us", "p95", "us"), Column("p99_us", "p99", "us"),
    Column("serde_share", "Serializing", "share"),
)  # fmt: skip
HELD = (
    Column("backend", "Backend"), Column("threads", "Threads", "count"),
    Column("live_bytes", "Live", "bytes"), Column("stored_bytes", "Stored", "bytes"),
    Column("written_bytes", "Written", "bytes"),
)  # fmt: skip
COSTS = (
    Column("backend", "Backend"), Column("service", "Service"),
    Column("usd_a_month", "USD a month", "usd"), Column("complete", "All known"),
    Column("unknown", "Unknown"),
)  # fmt: skip
SERIALIZERS = (
    Column("storage", "Storage"), Column("backend", "Backend"), Column("saver", "Saver"),
    Column("serializer", "Serializer"), Column("threads", "Threads", "count"),
)  # fmt: skip
SERDE = (
    Column("operation", "Operation"), Column("count", "Calls", "count"),
    Column("payload_bytes", "Bytes", "bytes"), Column("serde_us", "In the serializer", "us"),
    Column("share", "Of the calls' time", "share"), Column("mean_us", "A call", "us"),
)  # fmt: skip
CHANNELS = (
    Column("channel", "Channel"), Column("type", "Largest element"),
    Column("writes", "Writes", "count"), Column("write_bytes", "Written", "bytes"),
    Column("rewritten_bytes", "In whole documents", "bytes"),
)  # fmt: skip


def of_application(
    engine: Engine, application: str, *, window_s: int, names: Names | None = None,
    at_us: int | None = None,
) -> Report:  # fmt: skip
    """The report.

    Args:
        engine: a reader's.
        application: its name.
        window_s: seconds, of calls, latency and bytes gained.
        names: how threads and storages are called; default: as they are.
        at_us: now.

    Raises:
        StoreError: the store has none of that name; the message names those it has.
    """
    names, at_us = names or Names(), now_us() if at_us is None else at_us
    seen = _seen(engine, application)
    scope = Scope(application=application)
    shown = queries.overview(engine, window_s, scope, at_us)
    backends = queries_backends.backends(engine, window_s, scope, at_us)
    priced = costs(engine, window_s, scope, at_us)
    serde = serializing(engine, window_s, scope, at_us)
    total = int(shown.totals["threads"].sum())
    return Report(
        "application", f"Application {application}",
        (
            Figure("application", "Application", application),
            Figure("graphs", "Graphs", [name for name in seen["graphs"] if name], "names"),
            Figure("backends", "Backends", [formats.backend_name(one) for one in
                                            shown.totals["backend"]], "names"),
            Figure("first_seen_at", "First seen (UTC)", seen["first_us"], "at"),
            Figure("last_seen_at", "Last seen (UTC)", seen["last_us"], "at"),
        ),
        [
            _sizes(shown, backends, priced, total),
            _growth(shown),
            _threads(engine, scope, names, window_s, at_us),
            _operations(backends, shown),
            _serializers(engine, application, serde, names),
            _costs(priced),
            shared_findings.section(engine, names, scope),
        ],
        at_us, window_s, names.anonymous,
        ("Some of its threads were seen from the middle on: bytes that were written earlier are "
         "unknown.",) if seen["partial"] else (),
    )  # fmt: skip


def _seen(engine: Engine, application: str) -> dict[str, Any]:
    with reading(engine) as connection:
        first, last, partial = connection.execute(
            text(
                "SELECT min(first_seen_us), max(last_seen_us), max(partial) FROM threads "
                "WHERE application = :application"
            ),
            {"application": application},
        ).one()
        graphs = connection.execute(
            text("SELECT DISTINCT graph FROM threads WHERE application = :application ORDER BY 1"),
            {"application": application},
        ).scalars().all()  # fmt: skip
    if first is None:
        there = queries.choices(engine)[1]
        names = f"It has: {', '.join(there[:20])}." if there else "It has none."
        raise StoreError(f"The store has no threads of an application {application!r}. {names}")
    return {"first_us": first, "last_us": last, "partial": partial, "graphs": list(graphs)}


def _sizes(
    shown: Overview, backends: queries_backends.Backends, priced: Costs, threads: int
) -> Section:
    usd, whole = priced.total
    totals = backends.totals
    calls = int(totals["operations"].sum())
    p95 = shown.window_latency[0.95]
    held = {name: int(shown.totals[name].sum()) for name in
            ("live_bytes", "stored_bytes", "written_bytes")}  # fmt: skip
    return Section("sizes", "Sizes", figures=(
        Figure("threads", "Threads", threads, "count", "Those that exist."),
        Figure("active_threads", "Active threads", shown.active_threads, "count",
               "Used in the window."),
        Figure("live_bytes", "Live bytes", held["live_bytes"], "bytes",
               "The newest checkpoints."),
        Figure("stored_bytes", "Stored bytes", held["stored_bytes"], "bytes",
               "What the backends hold now."),
        Figure("written_bytes", "Written bytes", held["written_bytes"], "bytes",
               "Sent to the backends so far."),
        Figure("amplification", "Written / live",
               held["written_bytes"] / held["live_bytes"] if held["live_bytes"] else None,
               "factor", "Write amplification."),
        Figure("operations", "Calls", calls, "count", "Of savers, in the window."),
        Figure("errors", "Failed calls", int(totals["errors"].sum()), "count", "In the window."),
        Figure("put_p95_us", "p95 write latency", known(p95), "us",
               "Of checkpoints written in the window."),
        Figure("usd_a_month", "Cost a month", usd, "usd",
               "At what is held now and the calls of the window.",
               least=usd is not None and not whole),
    ), tables=(Table("held", "Held", HELD, _held(shown.totals)),))  # fmt: skip


def _held(totals: pd.DataFrame) -> list[list[Any]]:
    named = totals.assign(backend=[formats.backend_name(one) for one in totals["backend"]])
    return rows_of(named, HELD)


def _growth(shown: Overview) -> Section:
    levels, latency = shown.levels, shown.latency
    at = levels.index.to_numpy(np.int64)
    charts = []
    if levels.shape[1]:
        charts.append(
            Chart("stored", "Stored bytes by backend", "areas", "bytes", at.tolist(), "time",
                  [Series(formats.backend_name(name), numbers(levels[name]),
                          formats.BACKENDS.get(name, ("", 8))[1]) for name in levels.columns], "at")
        )  # fmt: skip
    if len(latency):
        charts.append(
            Chart("latency", "Checkpoint write latency", "lines", "us",
                  latency["at_us"].astype(np.int64).tolist(), "time",
                  [Series(name, numbers(latency[name]), place)
                   for place, name in enumerate(("p50", "p95", "p99"))], "at")
        )  # fmt: skip
    why = () if len(latency) else (
        "Write latency is unknown: the writes of this window were found in a database, no probe "
        "saw them." if shown.found_writes else "No checkpoint was written in this window.",
    )  # fmt: skip
    first = levels.sum(axis=1)
    return Section(
        "growth", "Growth", "in the window, UTC",
        figures=(
            Figure("gained_bytes", "Gained in the window",
                   int(first.iloc[-1] - first.iloc[0]) if len(first) else None, "signed_bytes"),
            Figure("window_written_bytes", "Written in the window",
                   int(shown.rates["written_bytes"].sum()) + shown.found_bytes, "bytes"),
            Figure("new_threads", "Threads gained", shown.new_threads, "count"),
        ),
        charts=tuple(charts), notes=why,
    )  # fmt: skip


def _threads(
    engine: Engine, scope: Scope, names: Names, window_s: int, at_us: int
) -> Section:  # fmt: skip
    chosen = Filter(scope=scope, begin_us=at_us - window_s * SECOND_US)
    page = queries_threads.list_threads(engine, chosen, "stored", 0, THREADS)
    rows = page.rows
    curves = queries_threads.histories(engine, list(rows["id"]), window_s, at_us)
    with reading(engine) as connection:
        found = connection.execute(text("SELECT key, id FROM savers")).all()
    savers = {row.key: row.id for row in found}
    table = rows.assign(
        thread=[names.thread(int(key), one) for key, one in zip(rows["id"], rows["thread_id"],
                                                               strict=True)],
        storage=[names.storage(savers[key], label) for key, label in
                 zip(rows["saver"], rows["saver_label"], strict=True)],
        backend=[formats.backend_name(one) for one in rows["backend"]],
        last_seen_at=rows["last_seen_us"], flags=queries_threads.flags(rows, curves),
    )  # fmt: skip
    total = int(page.total or 0)
    left = f"The largest {THREADS} of {formats.count(total)}." if total > len(rows) else ""
    return Section(
        "threads", "Threads", "those that store most first; gained: in the window",
        tables=(Table("threads", "", RANKED, rows_of(table, RANKED), left),),
    )  # fmt: skip


def _operations(found: queries_backends.Backends, shown: Overview) -> Section:
    table = found.operations.rename(columns={f"p{n}": f"p{n}_us" for n in (50, 95, 99)})
    table = table.assign(backend=[formats.backend_name(one) for one in table["backend"]])
    notes = () if not shown.found_writes else (
        f"{formats.count(shown.found_writes)} writes more were found in attached databases: how "
        "long they took is unknown.",
    )  # fmt: skip
    return Section(
        "operations", "Operations", "calls of savers in the window, by backend",
        tables=(Table("operations", "", OPERATIONS, rows_of(table, OPERATIONS)),), notes=notes,
    )  # fmt: skip


def _serializers(
    engine: Engine, application: str, found: Serializing, names: Names
) -> Section:  # fmt: skip
    with reading(engine) as connection:
        rows = connection.execute(
            text(
                "SELECT s.id, s.label, s.backend, s.class_name, s.serializer, count(*) "
                "FROM threads AS t JOIN savers AS s ON s.id = t.saver_id "
                "WHERE t.application = :application GROUP BY s.id ORDER BY count(*) DESC, s.id"
            ),
            {"application": application},
        ).all()
    used = [
        [names.storage(key, label) or None, formats.backend_name(backend), kind or None,
         serializer or None, count]
        for key, label, backend, kind, serializer, count in rows
    ]  # fmt: skip
    channels = found.channels.head(ROWS)
    sample = "" if found.complete else (
        f"Of the newest {formats.count(found.sampled)} calls of the window."
    )  # fmt: skip
    return Section(
        "serialization", "Serialization", "time and bytes in the window",
        tables=(
            Table("serializers", "Serializers", SERIALIZERS, used),
            Table("operations", "By operation", SERDE, rows_of(found.operations, SERDE)),
            Table("channels", "By channel", CHANNELS, rows_of(channels, CHANNELS), sample),
        ),
    )  # fmt: skip


def _costs(found: Costs) -> Section:
    now = [_cost(one) for one in found.now.values()]
    elsewhere = [_cost(one) for one in found.elsewhere.values()]
    shares = cost_shares.applications(found)
    each = known(shares["usd_per_thread"].iloc[0]) if len(shares) == 1 else None
    return Section(
        "costs", "Costs", "USD a month",
        figures=(Figure("usd_per_thread", "A thread", each, "usd", "Where one backend is used."),)
        if len(shares) == 1 else (),
        tables=(
            Table("now", "In use now", COSTS, now),
            Table("elsewhere", "The same threads on each backend", COSTS, elsewhere),
        ),
        notes=("Where not all is known, the cost is a lower bound. docs/costs.md has the model.",),
    )  # fmt: skip


def _cost(one: MonthlyCost) -> list[Any]:
    return [
        formats.backend_name(one.backend), one.service or None, known(one.least_usd),
        one.usd is not None, "; ".join(one.reasons) or None,
    ]  # fmt: skip
