"""Shallow savers: of each namespace they keep the newest checkpoint, and replace it at every put.

ShallowPostgresSaver has one row for the checkpoint of a namespace and one for the blob of each of
its channels. A put replaces them, and deletes the pending writes of all checkpoints but the new one
and its parent (langgraph-checkpoint-postgres 3.2.0, ``ShallowPostgresSaver.put``).
ShallowRedisSaver has one document for each namespace, and keeps all pending writes until the thread
is deleted (langgraph-checkpoint-redis 0.5.2, ``ShallowRedisSaver.put``).
"""

from __future__ import annotations

from collector.held import Entry, Key

LAYOUT = "latest"
"""Of the savers that this is about."""


def head(entries: dict[Key, Entry], ns: str) -> Entry | None:
    """The checkpoint that a namespace has."""
    return next(
        (entry for key, entry in entries.items() if key[0] == ns and entry.put is not None), None
    )


LEFT = ""
"""Stands for the id of all checkpoints of which only pending writes are left."""
_LEFT_WRITES = ("", 0)


def replace(entries: dict[Key, Entry], key: Key, parent: str, live_bytes: int, backend: str) -> int:
    """Put a checkpoint that is in ``entries`` already; the change of stored bytes.

    Args:
        entries: all that the thread has, or all of the namespace.
        key: of the new checkpoint.
        parent: id of its parent.
        live_bytes: its document and the blobs of all its channels.
        backend: of the saver.
    """
    change = 0
    left = (key[0], LEFT)
    for other in [o for o in entries if o[0] == key[0] and o not in {key, left}]:
        entry = entries[other]
        change -= entry.put or 0
        entry.put = None
        if backend == "redis":
            # Newer ones are about to be put: their writes came first, and may come again.
            if other[1] < min(parent or key[1], key[1]):
                held = entries.setdefault(left, Entry()).writes
                held[_LEFT_WRITES] = held.get(_LEFT_WRITES, 0) + entry.write_bytes
                del entries[other]
        elif other[1] != parent:
            change -= entry.write_bytes
            del entries[other]
    return change + entries[key].replace(live_bytes, live_bytes)
