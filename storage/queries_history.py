"""The history of one thread: the tree of its checkpoints, as ``graph.get_state_history`` has it.

With each, what it costs. Sizes and times alone: values are nowhere in the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine, text

from storage import history_held, history_tree, history_writes
from storage.history_tree import NOWHERE
from storage.history_writes import START, Writes, parsed
from storage.queries import IntArray, fetch, reading
from storage.queries_steps import plain_namespace

CHECKPOINTS_READ = 5_000
"""Checkpoints read of a thread, the newest."""

BEFORE_US = 60_000_000
"""How much earlier than the put of a checkpoint its pending writes may begin (durability ``async``)
and still be found for the oldest that is read."""


@dataclass(frozen=True)
class History:
    """The newest checkpoints of a thread, oldest first."""

    table: pd.DataFrame
    """A row for each checkpoint of every namespace, in the order in which they were made:

    checkpoint, parent, ns (as it is), namespace (without task ids): text, empty where there is
    none; step (missing where unknown), source, graph, at_us;
    nodes (list of names whose step made this checkpoint, ``__start__`` for the input), next (list
    of names that were to run after it, as far as channels and writes tell);
    checkpoint_bytes (document and all channel blobs), change_bytes (to the parent; missing where
    that is not known), written_bytes (by this put), metadata_bytes, bookkeeping_bytes;
    writes, pending_bytes (pending writes kept under the checkpoint: count, bytes), interrupts,
    resumes, errors (tasks that wrote to ``__interrupt__``, ``__resume__``, ``__error__``);
    duration_us, serde_us (missing: unknown);
    held (whether the backend still has it); parent_row (place of the parent, -1: not here),
    children (count, of the same namespace), fork (its parent had a child before it);
    root (of a subgraph: the checkpoint of the root graph from which its call started, empty where
    unknown), from_row (place of the checkpoint whose step called the subgraph, -1: not here);
    lane (0: the way to the newest root checkpoint; 1, 2, …: other branches; -1, -2, …: subgraphs),
    operation (row id of the put)."""
    left_out: int
    """Older checkpoints that were not read."""

    @property
    def complete(self) -> bool:
        """Whether all that is known was read."""
        return not self.left_out

    def at(self, checkpoint: str) -> int:
        """The place of a checkpoint in ``table``, -1 where it is not there."""
        places = np.flatnonzero((self.table["checkpoint"] == checkpoint).to_numpy())
        return int(places[-1]) if len(places) else NOWHERE

    @property
    def parents(self) -> IntArray:
        """Places of parents, -1 where they are not here."""
        return history_tree.numbers(self.table["parent_row"])


def history(engine: Engine, thread_key: int, limit: int = CHECKPOINTS_READ) -> History:
    """The newest ``limit`` checkpoints of the thread in this row of ``threads``."""
    with reading(engine) as connection:
        puts, left_out = _puts(connection, thread_key, limit)
        since = int(puts["at_us"].min()) - BEFORE_US if len(puts) else 0
        writes = history_writes.read(connection, thread_key, since)
        nodes = fetch(
            connection,
            "SELECT process_id, run, ns, step, node FROM node_runs WHERE thread_key = :key "
            "AND at_us >= :since AND step >= 0 ORDER BY at_us, id",
            key=thread_key,
            since=since,
        )
        held = history_held.held(connection, thread_key, puts)
    table = _tree(puts, writes)
    table["held"] = held
    channels = [parsed(one, {}) for one in puts["channels"]]
    table["nodes"] = _nodes(table, channels, writes, nodes)
    table["next"] = [
        _next(known, writes.tasks.get(key, {}))
        for known, key in zip(channels, _keys(table), strict=True)
    ]
    return History(table.drop(columns=["channels", "process_id", "run"]), left_out)


SAVED = (
    "checkpoint", "parent", "ns", "namespace", "step", "source", "graph", "at_us", "nodes", "next",
    "checkpoint_bytes", "change_bytes", "written_bytes", "metadata_bytes", "bookkeeping_bytes",
    "writes", "pending_bytes", "interrupts", "resumes", "errors", "duration_us", "serde_us",
    "held", "children", "fork", "root",
)  # fmt: skip
"""Columns of a history in a file: those that mean something outside a page."""


def to_save(found: History) -> pd.DataFrame:
    """The history as files and scripts have it; documented in docs/store.md."""
    whole = dict.fromkeys(("change_bytes", "duration_us", "serde_us"), "Int64")
    return found.table[list(SAVED)].astype(whole)


def _puts(connection: Connection, thread_key: int, limit: int) -> tuple[pd.DataFrame, int]:
    """The newest puts that returned, in the order in which their checkpoints were made; each
    checkpoint once, as it was put last. And how many older ones there are."""
    puts = fetch(
        connection,
        "SELECT id AS operation, process_id, run, at_us, graph, ns, checkpoint, parent, step, "
        "source, payload_bytes AS written_bytes, live_bytes AS checkpoint_bytes, metadata_bytes, "
        "bookkeeping_bytes, duration_us, serde_us, channels, detail FROM operations "
        "WHERE thread_key = :key AND operation = 'put' AND error = '' "
        "ORDER BY at_us DESC, id DESC LIMIT :limit",
        key=thread_key,
        limit=limit + 1,
    )
    left_out = 0
    if len(puts) > limit:
        every = connection.execute(
            text(
                "SELECT count(*) FROM operations WHERE thread_key = :key "
                "AND operation = 'put' AND error = ''"
            ),
            {"key": thread_key},
        ).scalar_one()
        left_out = int(every) - limit
    puts = puts.iloc[:limit].drop_duplicates(["ns", "checkpoint"])
    places = history_tree.order(puts["checkpoint"].tolist(), puts["at_us"].to_numpy(np.int64))
    return puts.iloc[places].reset_index(drop=True), left_out


def _keys(table: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(table["ns"], table["checkpoint"], strict=True))


def _tree(puts: pd.DataFrame, writes: Writes) -> pd.DataFrame:
    table = puts.drop(columns="detail")
    table["step"] = puts["step"].astype("Int64")
    table["namespace"] = [plain_namespace(ns) for ns in puts["ns"]]
    for name in ("duration_us", "serde_us"):  # what was found in a database took no known time
        table[name] = puts[name].astype(float).where(puts[name] >= 0)
    keys = _keys(table)
    parents = history_tree.places_of(keys, list(zip(puts["ns"], puts["parent"], strict=True)))
    table["parent_row"] = parents
    count, elder = history_tree.children(parents)
    table["children"], table["fork"] = count, elder > 0
    sizes = puts["checkpoint_bytes"].to_numpy(np.float64)
    known = parents != NOWHERE
    table["change_bytes"] = np.where(known, sizes - sizes[parents], np.nan) if len(puts) else sizes
    table["root"] = [str(parsed(one, {}).get("root", "")) for one in puts["detail"]]
    roots = history_tree.places_of(keys, [("", root) for root in table["root"]])
    called = history_tree.places_of(keys, [writes.caller_of(ns) for ns in puts["ns"]])
    table["from_row"] = np.where(called != NOWHERE, called, roots)
    table["lane"] = history_tree.lanes(
        parents, puts["ns"].tolist(), table["from_row"].to_numpy(np.int64)
    )
    for name in ("writes", "pending_bytes", "interrupts", "resumes", "errors"):
        table[name] = writes.column(name, keys)
    return table


def _nodes(
    table: pd.DataFrame, channels: list[Any], writes: Writes, runs: pd.DataFrame
) -> list[list[str]]:
    """Who made each checkpoint: nodes that ran in the steps since its parent, and those whose
    writes lie under the parent (a run that was resumed does not run again what had finished)."""
    ran: dict[tuple[int, int, str, int], list[str]] = {}
    for process, run, ns, step, node in runs.itertuples(index=False):
        ran.setdefault((process, run, ns, step), []).append(node)
    steps = [NOWHERE if step is pd.NA else int(step) for step in table["step"]]
    found: list[list[str]] = []
    for row in table.itertuples():
        if row.source != "loop":
            found.append([])
            continue
        names: list[str] = []
        step, begin = steps[row.Index], steps[row.Index] - 1
        if row.parent_row != NOWHERE:
            begin = max(min(begin, steps[row.parent_row]), step - len(table))
            if START in channels[row.parent_row]:
                names.append(START)
        tasks = writes.tasks.get((row.ns, row.parent), {})
        names += [task.node for task in tasks.values() if task.node and task.finished]
        for number in range(begin + 1, step + 1):
            names += ran.get((row.process_id, row.run, row.ns, number), [])
        found.append(list(dict.fromkeys(names)))
    return found


def _next(channels: Any, tasks: dict[str, history_writes.Task]) -> list[str]:
    """Names of the tasks after a checkpoint: those that wrote under it, and those that its
    channels call (a ``Send`` is known by its writes alone)."""
    names = [task.node for task in tasks.values() if task.node]
    for channel in channels:
        name = START if channel == START else channel.removeprefix("branch:to:")
        if (name != channel or channel == START) and name not in names:
            names.append(name)
    return sorted(names)
