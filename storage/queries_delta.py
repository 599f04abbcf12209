"""What a ``DeltaChannel`` costs a thread: its snapshots, its deltas, and the reads that rebuild it.

A checkpoint holds no value of such a channel. It is rebuilt from its last snapshot and the pending
writes of every checkpoint since; a snapshot is written from time to time (``snapshot_frequency``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Engine, text

from storage.queries import reading
from storage.queries_steps import plain_namespace

OPERATIONS_READ = 20_000
"""Calls read of a thread, the newest."""

_parse = msgspec.json.Decoder().decode


@dataclass
class DeltaUse:
    """A ``DeltaChannel`` in one namespace of a thread."""

    namespace: str
    """Without task ids."""
    channel: str
    snapshots: int = 0
    """Puts that wrote its full value."""
    snapshot_bytes: int = 0
    """Written by them."""
    deltas: int = 0
    """Pending writes to it."""
    delta_bytes: int = 0
    """Written by them."""
    reads: int = 0
    """Calls of ``get_delta_channel_history`` for it. RedisSaver and MongoDBSaver have no such
    method of their own: there each ancestor is a ``get_tuple``."""
    ancestors: int = 0
    """Checkpoints that these reads walked, together."""
    most_ancestors: int = 0
    """The longest walk; it costs every read of such a checkpoint."""
    since_snapshot: int = 0
    """Super-steps since the last snapshot, at the newest checkpoint: what a read walks now."""


def delta_channels(engine: Engine, thread_key: int, limit: int = OPERATIONS_READ) -> list[DeltaUse]:
    """The channels of a thread that are a ``DeltaChannel``, those with most bytes first."""
    found: dict[tuple[str, str], DeltaUse] = {}
    writes: dict[tuple[str, str], list[int]] = {}
    walks: dict[tuple[str, str], dict[str, int]] = {}
    with reading(engine) as connection:
        rows = connection.execute(
            text(
                "SELECT * FROM (SELECT id, at_us, operation, ns, checkpoint, channels, detail "
                "FROM operations WHERE thread_key = :key AND error = '' AND operation IN "
                "('put', 'put_writes', 'get_delta_channel_history') "
                "ORDER BY at_us DESC, id DESC LIMIT :limit) AS newest ORDER BY at_us, id"
            ),
            {"key": thread_key, "limit": limit},
        )
        for _, _, operation, ns, checkpoint, channels, packed in rows:
            namespace = plain_namespace(ns)
            detail: dict[str, Any] = _parse(packed)
            if operation == "put_writes":
                for channel, size in _parse(channels):
                    writes.setdefault((namespace, channel), []).append(max(size, 0))
            elif operation == "put":
                _put(found, walks, namespace, (ns, checkpoint), _parse(channels), detail)
            else:
                walked = walks.get((ns, checkpoint), {})
                for channel in detail.get("channels", []):
                    use = _use(found, namespace, channel)
                    use.reads += 1
                    use.ancestors += walked.get(channel, 0)
                    use.most_ancestors = max(use.most_ancestors, walked.get(channel, 0))
    for key, use in found.items():
        use.deltas, use.delta_bytes = len(writes.get(key, [])), sum(writes.get(key, []))
    return sorted(found.values(), key=lambda use: -(use.snapshot_bytes + use.delta_bytes))


def _put(  # noqa: PLR0917 (one row, taken apart)
    found: dict[tuple[str, str], DeltaUse],
    walks: dict[tuple[str, str], dict[str, int]],
    namespace: str,
    key: tuple[str, str],
    sizes: dict[str, int],
    detail: dict[str, Any],
) -> None:
    deltas: dict[str, int] = detail.get("deltas", {})
    if deltas:
        walks[key] = deltas
    for channel, since in deltas.items():
        _use(found, namespace, channel).since_snapshot = since
    for channel in detail.get("snapshots", []):
        use = _use(found, namespace, channel)
        use.snapshots += 1
        use.snapshot_bytes += sizes.get(channel, 0)
        use.since_snapshot = 0


def _use(found: dict[tuple[str, str], DeltaUse], namespace: str, channel: str) -> DeltaUse:
    return found.setdefault((namespace, channel), DeltaUse(namespace, channel))
