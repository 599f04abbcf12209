"""A report of one thread: what the Threads page shows of it, by the same queries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine, text

from storage import cost_shares, formats, queries_steps, shared_findings
from storage.costs import costs
from storage.curves import areas, spread, step_axis
from storage.finding import one_thread
from storage.queries import Scope, now_us, reading
from storage.queries_steps import STEPS_READ, Steps
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
from storage.step_figures import ROOT, sent_before, written

NAMESPACES = 6
"""Most checkpoint namespaces with a section of their own, the root first."""

ROWS = 100
"""Most rows of a table: the newest, or the largest. A file to share is read by people."""

STEPS = (
    Column("step", "Step", "count"), Column("namespace", "Namespace"), Column("source", "Source"),
    Column("nodes", "Nodes that ran", "names"), Column("at", "At (UTC)", "at"),
    Column("checkpoint_bytes", "Checkpoint", "bytes"),
    Column("change_bytes", "Change", "signed_bytes"),
    Column("written_bytes", "Written", "bytes"), Column("pending_bytes", "Pending writes", "bytes"),
    Column("duration_us", "Put", "us"), Column("serde_us", "Serializing", "us"),
    Column("error", "Error"),
)  # fmt: skip
CHANNELS = (
    Column("channel", "Channel"), Column("bytes", "Bytes", "bytes"),
    Column("share", "Share", "share"),
)  # fmt: skip
ELEMENTS = (
    Column("namespace", "Namespace"), Column("channel", "Channel"),
    Column("index", "Index", "count"), Column("type", "Type"), Column("bytes", "Bytes", "bytes"),
    Column("share", "Of its channel", "share"), Column("elements", "Elements", "count"),
)  # fmt: skip
NODES = (
    Column("node", "Node"), Column("namespace", "Namespace"), Column("runs", "Runs", "count"),
    Column("cached", "Cached", "count"), Column("errors", "Errors", "count"),
    Column("p50_us", "p50", "us"), Column("p95_us", "p95", "us"),
    Column("total_us", "Total", "us"),
)  # fmt: skip


def of_thread(
    engine: Engine, thread: str, saver: str = "", *, window_s: int, names: Names | None = None,
    at_us: int | None = None,
) -> Report:  # fmt: skip
    """The report.

    Args:
        engine: a reader's.
        thread: its id.
        saver: key of its storage; empty: the one that has such a thread.
        window_s: seconds, of the calls that its cost is worked out from.
        names: how it is called; default: as it is.
        at_us: now.

    Raises:
        StoreError: no storage has it, or several have; the message says which.
    """
    names, at_us = names or Names(), now_us() if at_us is None else at_us
    row = one_thread(engine, thread, saver)
    steps = queries_steps.steps(engine, int(row.id))
    nodes = queries_steps.node_summary(engine, int(row.id))
    spaces = sorted(dict.fromkeys(steps.table["namespace"]))
    sections = [_sizes(engine, row, steps, window_s, at_us)]
    for space in spaces[:NAMESPACES]:
        mask = (steps.table["namespace"] == space).to_numpy()
        table = steps.table[mask].reset_index(drop=True)
        channels = steps.channels[mask].reset_index(drop=True)
        channels = channels.loc[:, (channels > 0).any()]
        before = sent_before(steps, int(row.written_bytes))
        sections.append(_namespace(space, len(spaces) > 1, table, channels, before))
    return Report(
        "thread", f"Thread {names.thread(int(row.id), row.thread_id)}",
        _subject(engine, row, names), [*sections, _elements(steps), _steps(row, steps),
        _nodes(nodes), shared_findings.section(engine, names, thread_key=int(row.id))],
        at_us, window_s, names.anonymous, tuple(_marks(row, spaces)),
    )  # fmt: skip


def _subject(engine: Engine, row: Any, names: Names) -> tuple[Figure, ...]:
    with reading(engine) as connection:
        number = connection.execute(
            text("SELECT id FROM savers WHERE key = :key"), {"key": row.saver}
        ).scalar_one()
    return (
        Figure("thread", "Thread", names.thread(int(row.id), row.thread_id)),
        Figure("application", "Application", row.application or None),
        Figure("graph", "Graph", row.graph or None),
        Figure("backend", "Backend", formats.backend_name(row.backend)),
        Figure("storage", "Storage", names.storage(number, row.saver_label) or None),
        Figure("serializer", "Serializer", row.serializer or None),
        Figure("first_seen_at", "First seen (UTC)", int(row.first_seen_us), "at"),
        Figure("last_seen_at", "Last seen (UTC)", int(row.last_seen_us), "at"),
        Figure("partial", "Partial", bool(row.partial)),
    )


def _marks(row: Any, spaces: list[str]) -> list[str]:
    found = []
    if row.partial:
        found.append("It was seen from the middle on: bytes that were written earlier are unknown.")
    if row.deleted_us and not row.live_bytes:
        found.append("It was deleted.")
    if not spaces:
        found.append("No single checkpoint of it is kept in the store any more.")
    if len(spaces) > NAMESPACES:
        found.append(f"The first {NAMESPACES} of {len(spaces)} checkpoint namespaces are drawn.")
    return found


def _sizes(engine: Engine, row: Any, steps: Steps, window_s: int, at_us: int) -> Section:
    first = steps.table["namespace"] == min(steps.table["namespace"], default="")
    told = written(steps.table[first])
    priced = costs(engine, window_s, Scope(row.backend), at_us)
    usd, whole = cost_shares.thread(engine, priced, row.backend, int(row.id))
    cost = priced.now.get(row.backend)
    where = f" of {cost.service}" if cost and cost.service else ""
    notes = [] if cost is None or whole else [f"Cost unknown in part: {'; '.join(cost.reasons)}."]
    return Section("sizes", "Sizes", figures=(
        Figure("steps", "Steps", int(row.steps), "count", "Checkpoints, all namespaces."),
        Figure("live_bytes", "Live bytes", int(row.live_bytes), "bytes",
               "The newest checkpoint of the root namespace."),
        Figure("stored_bytes", "Stored bytes", int(row.stored_bytes), "bytes",
               "What the backend holds now, all namespaces and pending writes."),
        Figure("written_bytes", "Written bytes", int(row.written_bytes), "bytes",
               "Sent to the backend so far."),
        Figure("amplification", "Written / live", known(row.amplification), "factor",
               "Write amplification."),
        Figure("metadata_bytes", "Metadata", int(row.metadata_bytes), "bytes",
               "Beside the stored bytes."),
        Figure("errors", "Failed calls",
               known(row.errors), "count",
               f"Of {formats.count(row.operations)} calls of the saver."),
        Figure("put_p95_us", "p95 write latency", known(told.p95_us), "us",
               "Of the root namespace's checkpoints."),
        Figure("serde_share", "Serialization share", known(told.serde_share), "share",
               "Of the time of these writes."),
        Figure("usd_a_month", "Cost a month", usd, "usd",
               f"Its share of the month{where}: bytes by what it stores, calls by what it made in "
               "the window.", least=usd is not None and not whole),
    ), notes=tuple(notes))  # fmt: skip


def _namespace(
    space: str, several: bool, table: pd.DataFrame, channels: pd.DataFrame, before: int
) -> Section:
    x, axis = step_axis(table["step"])
    keep = spread(channels.sum(axis=1).to_numpy(np.float64))
    drawn = areas(channels.iloc[keep])
    name = space or ROOT
    of = f", {name}" if several else ""
    newest = channels.iloc[-1] if len(channels) else pd.Series(dtype=float)
    newest = newest[newest > 0].sort_values(ascending=False, kind="stable")
    rows = [
        (str(channel), int(size), float(size / newest.sum()))
        for channel, size in newest.head(ROWS).items()
    ]
    sent: np.ndarray = before + np.cumsum(
        (table["written_bytes"] + table["pending_bytes"]).to_numpy(float)
    )
    few = spread(sent)
    live = table["checkpoint_bytes"].to_numpy(float)
    seen = np.flatnonzero(table["duration_us"].notna().to_numpy())
    slow = seen[spread(table["duration_us"].to_numpy(float)[seen])]
    charts = [
        Chart("channels", "Bytes by channel", "areas", "bytes", x[keep].tolist(), axis,
              [Series(str(one), numbers(drawn[one]), place)
               for place, one in enumerate(drawn.columns)]),
        Chart("written", "Written so far against live", "lines", "bytes", x[few].tolist(), axis,
              [Series("written so far", numbers(sent[few]), 1),
               Series("live", numbers(live[few]), 0)]),
    ]  # fmt: skip
    if len(seen):
        charts.append(
            Chart("latency", "Write latency and serialization", "lines", "us", x[slow].tolist(),
                  axis, [Series("put", numbers(table["duration_us"].iloc[slow]), 0),
                         Series("of it serializing", numbers(table["serde_us"].iloc[slow]), 1)])
        )  # fmt: skip
    return Section(
        "channels", f"Step by step{of}", f"over {axis}s", of={"namespace": name},
        charts=tuple(charts),
        tables=(Table("channels", "Channels of the newest checkpoint", CHANNELS, rows),),
        notes=() if len(seen) else (
            "Write latency is unknown: these writes were found in the database, no probe saw them.",
        ),
    )  # fmt: skip


def _elements(steps: Steps) -> Section:
    found = steps.elements.head(ROWS).assign(
        namespace=lambda one: [name or ROOT for name in one["namespace"]]
    )
    return Section(
        "elements", "Largest elements", "of lists such as messages: sizes and types, no content",
        tables=(Table("elements", "", ELEMENTS, rows_of(found, ELEMENTS)),),
    )  # fmt: skip


def _steps(row: Any, steps: Steps) -> Section:
    table = steps.table.tail(ROWS).iloc[::-1].rename(columns={"at_us": "at"})
    table = table.assign(namespace=[name or ROOT for name in table["namespace"]])
    left = "" if len(steps.table) <= ROWS and steps.complete else (
        f"The newest {formats.count(len(table))} of {formats.count(row.steps)} checkpoints"
        + ("." if steps.complete else f"; charts have the newest {formats.count(STEPS_READ)}.")
    )  # fmt: skip
    return Section(
        "steps", "Steps", "the newest first",
        tables=(Table("steps", "", STEPS, rows_of(table, STEPS), left),),
    )  # fmt: skip


def _nodes(nodes: pd.DataFrame) -> Section:
    shown = nodes.head(ROWS).assign(
        namespace=lambda one: [name or ROOT for name in one["namespace"]]
    )
    return Section(
        "nodes", "Nodes", "those that ran longest in all first",
        tables=(Table("nodes", "", NODES, rows_of(shown, NODES)),),
    )  # fmt: skip


def rows_of(frame: pd.DataFrame, columns: tuple[Column, ...]) -> list[list[Any]]:
    """Rows of a table from the columns of these names; empty text is unknown."""
    return [
        [known(row.get(column.name)) if row.get(column.name) != "" else None for column in columns]
        for row in frame.to_dict("records")
    ]
