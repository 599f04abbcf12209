"""What serializing costs an application: time and bytes, by operation, channel, type and node.

Sums of a window come from the rollups, exact. What they do not hold (channels, nodes, tags, runs)
is read of the newest ``SAMPLE`` calls of savers, as far as they lie in the window.

The probe times each *call* of a saver. A call that serialized one channel tells that channel's
time; of one that serialized several together, whose time is whose is not known, and not divided.
Such a call is one of ``put_writes`` in which a single channel has bytes: ``branch:to:…`` has none.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine, text

from storage.history_writes import parsed
from storage.queries import (
    ALL,
    SECOND_US,
    WRITES,
    Grid,
    IntArray,
    Scope,
    fetch,
    grid_for,
    now_us,
    reading,
    slots_of,
)

SAMPLE = 5_000
"""Calls of which channels, nodes and tags are read, the newest of the store."""

READS = ("get_tuple", "list", "get_delta_channel_history")
"""Operations that deserialize."""

_PAST = {
    ("postgres", "put"), *((backend, read) for backend in ("redis",) for read in READS),
}  # fmt: skip
"""Backend and operation whose bytes are not, or not all, those that went through the serializer: a
document of PostgreSQL is JSON, and the client of Redis parses what RedisSaver reads."""

_ALL = ("put", "put_writes", *READS)


@dataclass(frozen=True)
class Serializing:
    """Everything that the page draws of instrumented runs, read in one transaction.

    Times are µs, mb_per_s are 10⁶ bytes per second in the serializer; missing: not known.
    """

    grid: Grid
    operations: pd.DataFrame
    """A row for each operation of the window: operation, writes (truth value), count,
    payload_bytes, duration_us, serde_us, share (of the calls, 0 to 1), mean_us (in the serializer,
    a call), mb_per_s (of backends whose bytes all go through the serializer)."""
    over_time: pd.DataFrame
    """A row for each slot: at_us, dump_us, load_us, dump_share (of the duration of the calls that
    write, 0 to 1; missing without such calls)."""
    sampled: int
    """Calls of the sample in the window, by the filters."""
    complete: bool
    """The sample has all calls of the window."""
    channels: pd.DataFrame
    """A row for each channel of the sample, most written bytes first: channel, type (of the largest
    element of its newest list, empty: no list), writes (values of pending writes), write_bytes,
    rewritten_bytes (inside whole documents, in which each step serializes it again), timed_bytes,
    timed_us (of calls that serialized it alone), mb_per_s (of those)."""
    types: pd.DataFrame
    """The same summed by type, slowest first: type, channels (names), write_bytes, timed_bytes,
    timed_us, mb_per_s."""
    nodes: pd.DataFrame
    """A row for each node: node, calls, write_bytes, serde_us, duration_us, share, mb_per_s."""
    tags: pd.DataFrame
    """A row for each serializer's tag: tag, calls, payload_bytes, serde_us, pickled (truth value).
    A call has the tag of its document, or of its first value."""
    runs: int
    """Runs that lie in the sample whole."""
    run_share: float | None
    """Time in the serializer, reading and writing, in a second of those runs."""
    step_us: float | None
    """Serializing, a checkpoint, with its pending writes; of the whole window."""


def serializing(
    engine: Engine, window_s: int, scope: Scope = ALL, at_us: int | None = None
) -> Serializing:
    """Serializing over the last ``window_s`` seconds."""
    at_us = now_us() if at_us is None else at_us
    with reading(engine) as connection:
        grid = grid_for(connection, window_s, at_us)
        sums = _sums(connection, grid, scope)
        since_us = at_us - window_s * SECOND_US
        calls, complete = _sample(connection, since_us, scope)
        if not complete and len(calls):
            since_us = int(calls["at_us"].min())
        runs = _runs(connection, calls, since_us)
    operations = _operations(sums)
    puts = operations.loc[operations["operation"] == "put", "count"].sum()
    written = operations.loc[operations["writes"], "serde_us"].sum()
    channels = _channels(calls)
    return Serializing(
        grid=grid, operations=operations, over_time=_over_time(grid, sums), sampled=len(calls),
        complete=complete, channels=channels, types=_types(channels), nodes=_nodes(calls),
        tags=_tags(calls), runs=len(runs),
        run_share=float(runs["serde_us"].sum() / runs["duration_us"].sum())
        if runs["duration_us"].sum() else None,
        step_us=float(written / puts) if puts else None,
    )  # fmt: skip


def _sums(connection: Connection, grid: Grid, scope: Scope) -> pd.DataFrame:
    names = ", ".join(f"'{name}'" for name in _ALL)
    frame = fetch(
        connection,
        "SELECT bucket_us, backend, operation, count, payload_bytes, duration_us, serde_us "
        "FROM rollups "
        f"WHERE resolution_s = :resolution AND bucket_us >= :start AND operation IN ({names})"
        f"{scope.where()}",
        resolution=grid.resolution_s,
        start=grid.start_us,
        **scope.values(),
    )
    numbers = ["bucket_us", "count", "payload_bytes", "duration_us", "serde_us"]
    frame = frame.astype(dict.fromkeys(numbers, np.int64))
    past = pd.Series(
        [pair in _PAST for pair in zip(frame["backend"], frame["operation"], strict=True)],
        dtype=bool,
    )
    frame["timed_bytes"] = frame["payload_bytes"].where(~past, 0)
    frame["timed_us"] = frame["serde_us"].where(~past, 0)
    return frame


def _operations(sums: pd.DataFrame) -> pd.DataFrame:
    table = sums.drop(columns=["bucket_us", "backend"]).groupby("operation", as_index=False).sum()
    table.insert(1, "writes", table["operation"].isin(WRITES))
    table["share"] = _ratio(table["serde_us"], table["duration_us"])
    table["mean_us"] = _ratio(table["serde_us"], table["count"])
    table["mb_per_s"] = _ratio(table.pop("timed_bytes"), table.pop("timed_us"))
    return table.sort_values("serde_us", ascending=False, ignore_index=True)


def _over_time(grid: Grid, sums: pd.DataFrame) -> pd.DataFrame:
    frame = pd.DataFrame({"at_us": grid.starts_us})
    slots, writes = slots_of(grid, sums["bucket_us"]), sums["operation"].isin(WRITES).to_numpy()
    for name, column, chosen in (
        ("dump_us", "serde_us", writes), ("load_us", "serde_us", ~writes),
        ("duration_us", "duration_us", writes),
    ):  # fmt: skip
        by_slot: IntArray = np.zeros(len(frame), dtype=np.int64)
        np.add.at(by_slot, slots[chosen], sums[column].to_numpy()[chosen])
        frame[name] = by_slot
    frame["dump_share"] = _ratio(frame["dump_us"], frame.pop("duration_us"))
    return frame


def _sample(connection: Connection, since_us: int, scope: Scope) -> tuple[pd.DataFrame, bool]:
    """The newest calls by the filters, newest first, and whether these are all of the window."""
    names = ", ".join(f"'{name}'" for name in _ALL)
    newest = connection.execute(text("SELECT max(id) FROM operations")).scalar() or 0
    after = newest - SAMPLE
    calls = fetch(
        connection,
        "SELECT o.process_id, o.run, o.at_us, o.operation, o.duration_us, o.serde_us, "
        "o.serializer, o.node, o.payload_bytes, o.channels, o.lists, s.layout "
        "FROM operations AS o JOIN threads AS t ON t.id = o.thread_key "
        "JOIN savers AS s ON s.id = t.saver_id WHERE o.id > :after AND o.at_us >= :since "
        f"AND o.error = '' AND o.duration_us >= 0 AND o.operation IN ({names})"
        f"{scope.where('t')} ORDER BY o.id DESC",
        after=after,
        since=since_us,
        **scope.values(),
    )
    before = connection.execute(
        text("SELECT at_us FROM operations WHERE id <= :after ORDER BY id DESC LIMIT 1"),
        {"after": after},
    ).scalar()
    return calls, before is None or before < since_us


def _runs(connection: Connection, calls: pd.DataFrame, since_us: int) -> pd.DataFrame:
    """duration_us and serde_us of the runs whose calls are all in the sample."""
    if calls.empty:
        return pd.DataFrame({"duration_us": [], "serde_us": []}, dtype=np.int64)
    newest = connection.execute(text("SELECT max(id) FROM runs")).scalar() or 0
    runs = fetch(
        connection,
        "SELECT process_id, number AS run, duration_us FROM runs "
        "WHERE id > :after AND at_us >= :since",
        after=newest - SAMPLE,
        since=since_us,
    )
    sums = calls[calls["run"] > 0].groupby(["process_id", "run"], as_index=False)["serde_us"].sum()
    return runs.merge(sums, on=["process_id", "run"])


def _channels(calls: pd.DataFrame) -> pd.DataFrame:
    rows: defaultdict[str, dict[str, Any]] = defaultdict(
        lambda: {"type": "", "writes": 0, "write_bytes": 0, "rewritten_bytes": 0,
                 "timed_bytes": 0, "timed_us": 0}
    )  # fmt: skip
    for call in calls[calls["operation"].isin(WRITES)].itertuples(index=False):
        if call.operation == "put":
            told = parsed(call.channels, {})
            for channel, (_, largest, *_) in parsed(call.lists, {}).items():
                if not rows[channel]["type"] and largest:
                    rows[channel]["type"] = str(largest[0][1])
            if call.layout == "whole":
                for channel, size in told.items():
                    rows[channel]["rewritten_bytes"] += size or 0
            continue
        sizes = [(channel, size) for channel, size in parsed(call.channels, []) if size > 0]
        for channel, size in sizes:
            rows[channel]["writes"] += 1
            rows[channel]["write_bytes"] += size
        if len(sizes) == 1:
            rows[sizes[0][0]]["timed_bytes"] += sizes[0][1]
            rows[sizes[0][0]]["timed_us"] += call.serde_us
    table = pd.DataFrame(
        [{"channel": name, **row} for name, row in rows.items()],
        columns=["channel", "type", "writes", "write_bytes", "rewritten_bytes", "timed_bytes",
                 "timed_us"],
    )  # fmt: skip
    table["mb_per_s"] = _ratio(table["timed_bytes"], table["timed_us"])
    table["all"] = table["write_bytes"] + table["rewritten_bytes"]
    return table.sort_values(["all", "channel"], ascending=[False, True], ignore_index=True).drop(
        columns="all"
    )


def _types(channels: pd.DataFrame) -> pd.DataFrame:
    typed = channels[channels["type"] != ""]
    rows = [
        {
            "type": kind, "channels": sorted(part["channel"]),
            **{name: int(part[name].sum()) for name in ("write_bytes", "timed_bytes", "timed_us")},
        }
        for kind, part in typed.groupby("type")
    ]  # fmt: skip
    table = pd.DataFrame(
        rows, columns=["type", "channels", "write_bytes", "timed_bytes", "timed_us"]
    )
    table["mb_per_s"] = _ratio(table["timed_bytes"], table["timed_us"])
    return table.sort_values("mb_per_s", ignore_index=True, na_position="last")


def _nodes(calls: pd.DataFrame) -> pd.DataFrame:
    chosen = calls[(calls["operation"] == "put_writes") & (calls["node"] != "")]
    table = chosen.groupby("node", as_index=False).agg(
        calls=("serde_us", "size"), write_bytes=("payload_bytes", "sum"),
        serde_us=("serde_us", "sum"), duration_us=("duration_us", "sum"),
    )  # fmt: skip
    table["share"] = _ratio(table["serde_us"], table["duration_us"])
    table["mb_per_s"] = _ratio(table["write_bytes"], table["serde_us"])
    return table.sort_values("serde_us", ascending=False, ignore_index=True)


def _tags(calls: pd.DataFrame) -> pd.DataFrame:
    chosen = calls[calls["serializer"] != ""]
    table = chosen.groupby("serializer", as_index=False).agg(
        calls=("serde_us", "size"), payload_bytes=("payload_bytes", "sum"),
        serde_us=("serde_us", "sum"),
    )  # fmt: skip
    table = table.rename(columns={"serializer": "tag"})
    table["pickled"] = [is_pickle(tag) for tag in table["tag"]]
    return table.sort_values("payload_bytes", ascending=False, ignore_index=True)


def is_pickle(tag: str) -> bool:
    """Whether values of a tag are pickles, compressed or encrypted ones too."""
    return tag.partition("+")[0].rpartition(":")[2] == "pickle"


def _ratio(top: pd.Series, bottom: pd.Series) -> pd.Series:
    """Missing where there is nothing to divide by."""
    return top.astype(float) / bottom.astype(float).where(bottom > 0)
