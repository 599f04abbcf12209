"""Which checkpoints of a thread its backend still holds, by the removals that were told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from storage.history_writes import parsed
from storage.queries import fetch

_LATEST = "latest"
"""Layout of savers that keep the newest checkpoint of a namespace only."""


def held(connection: Connection, thread_key: int, puts: pd.DataFrame) -> np.ndarray[Any, Any]:
    """Truth values, one for each put (with operation, ns and checkpoint, in the order in which the
    checkpoints were made)."""
    removals = fetch(
        connection,
        "SELECT id, operation, detail FROM operations WHERE thread_key = :key AND error = '' "
        "AND operation IN ('delete_thread', 'prune', 'delete_for_runs', 'vanished') ORDER BY id",
        key=thread_key,
    )
    layout = fetch(
        connection,
        "SELECT s.layout FROM threads AS t JOIN savers AS s ON s.id = t.saver_id WHERE t.id = :key",
        key=thread_key,
    )["layout"].tolist()
    there: np.ndarray[Any, Any] = np.ones(len(puts), dtype=bool)
    if layout == [_LATEST]:
        there = (~puts.duplicated("ns", keep="last")).to_numpy(copy=True)
    numbers = puts["operation"].to_numpy(np.int64)
    keys = list(zip(puts["ns"], puts["checkpoint"], strict=True))
    for number, operation, text in removals.itertuples(index=False):
        detail = parsed(text, {})
        before = numbers < number
        if operation == "vanished" and detail.get("part") == "writes":
            continue
        if operation == "delete_for_runs" or (operation == "vanished" and detail.get("removed")):
            gone = {(ns, checkpoint) for ns, checkpoint in detail.get("removed", [])}
            there &= ~(before & np.array([key in gone for key in keys], dtype=bool))
        elif operation == "prune" and str(detail.get("strategy", "")).startswith("keep_latest"):
            kept = {(ns, checkpoint) for ns, checkpoint in detail.get("kept", [])}
            there &= ~(before & np.array([key not in kept for key in keys], dtype=bool))
        else:
            there &= ~before
    return there
