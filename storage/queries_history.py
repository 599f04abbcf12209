"""The history of one thread: the tree of its checkpoints, as ``graph.get_state_history`` has it.

With each, what it costs. Sizes and times alone: values are nowhere in the store.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from sqlalchemy import Engine

CHECKPOINTS_READ = 5_000
"""Checkpoints read of a thread, the newest."""


@dataclass(frozen=True)
class History:
    """The newest checkpoints of a thread, oldest first."""

    table: pd.DataFrame
    """A row for each checkpoint of every namespace, in the order in which they were made:

    checkpoint, parent, ns (as it is), namespace (without task ids): text, empty where there is
    none; step (missing where unknown), source, graph, at_us;
    nodes (list of names whose step made this checkpoint), next (list of names that were to run
    after it, as far as can be told from channels and writes);
    checkpoint_bytes (document and all channel blobs), change_bytes (to the parent; missing where
    it is not known), written_bytes (by this put), metadata_bytes, bookkeeping_bytes;
    writes, pending_bytes (pending writes kept under the checkpoint: count, bytes), interrupts,
    resumes, errors (of these, writes to ``__interrupt__``, ``__resume__``, ``__error__``);
    duration_us, serde_us (-1: unknown), error (class of the exception, the put raised);
    held (whether the backend still has it), children (count, of the same namespace),
    fork (another checkpoint with this parent was made before, or its source is fork or update of
    the past), root (of a subgraph: the checkpoint of the root graph from which its call started,
    empty where unknown), lane (0: the way to the newest root checkpoint; 1, 2, …: other branches;
    -1, -2, …: subgraphs), operation (row id of the put)."""
    complete: bool
    """False: there are older checkpoints that were not read."""
    left_out: int
    """How many those are."""

    def at(self, checkpoint: str) -> int:
        """The place of a checkpoint in ``table``, -1 where it is not there."""
        places = self.table.index[self.table["checkpoint"] == checkpoint]
        return int(places[-1]) if len(places) else -1


@dataclass(frozen=True)
class Difference:
    """What differs between two checkpoints of a namespace, by sizes."""

    table: pd.DataFrame
    """A row for each channel of either: channel, kind (``added``, ``removed``, ``changed``,
    ``same``), before_bytes, after_bytes (missing where it has none), change_bytes, nodes (list of
    those that wrote it on the way), writes (checkpoints on the way that wrote it, count);
    those that changed most first."""
    way: list[str]
    """Checkpoint ids from the one to the other, over their common ancestor."""
    ancestor: str
    """Their common ancestor, one of the two where it is the other's; empty: none is known."""


def history(engine: Engine, thread_key: int, limit: int = CHECKPOINTS_READ) -> History:
    """The newest ``limit`` checkpoints of the thread in this row of ``threads``."""
    raise NotImplementedError


def difference(
    engine: Engine, thread_key: int, found: History, before: str, after: str
) -> Difference:
    """Between two checkpoints of ``found``, by their ids; of one namespace."""
    raise NotImplementedError


def channel_curve(engine: Engine, thread_key: int, namespace: str, channel: str) -> pd.DataFrame:
    """One channel through time, oldest first: a row for each checkpoint of the namespace (without
    task ids): checkpoint, ns, step, source, at_us, bytes (missing where it has none), elements (of
    a list; missing where unknown), change_bytes (to the row before), written (bool: by this step).
    """
    raise NotImplementedError


def writes_of(engine: Engine, thread_key: int, ns: str, checkpoint: str) -> pd.DataFrame:
    """The pending writes kept under a checkpoint, in the order of their calls: task, node, at_us,
    index (as savers keep it, negative for special channels), channel, bytes (missing where it was
    not seen), kind (``interrupt``, ``resume``, ``error``, ``scheduled``; empty: a channel's)."""
    raise NotImplementedError
