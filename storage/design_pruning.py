"""The code that keeps the newest checkpoints of a thread, for each saver that can.

The policy is the same everywhere but on Redis: the newest of the root graph stay, and of the
subgraphs called what was made since the oldest of these. A namespace without a task id outlives its
call, and nothing of it is deleted. The pieces run as they stand where ``saver`` and ``thread_id``
are defined; tests run them.
"""

from __future__ import annotations

from storage.design_thread import Recorded

WHY_NOT = {
    "memory": "InMemorySaver deletes whole threads only: move to a saver that persists, or call "
    "delete_thread when a thread is done.",
    "valkey": "ValkeySaver deletes whole threads only: give it a ttl.",
}
DELTAS = (
    "The thread has a DeltaChannel: its value is rebuilt from older checkpoints, and would be "
    "empty without them. PostgresSaver refuses to prune it."
)

_OLD = """\
(SELECT checkpoint_id FROM checkpoints WHERE thread_id = {p} AND checkpoint_ns = ''
   ORDER BY checkpoint_id DESC LIMIT 1 OFFSET {skip})"""

_SQLITE = """\
old = f'''thread_id = ? AND (checkpoint_ns = '' OR checkpoint_ns LIKE '%:%') AND checkpoint_id <
  {old}'''
with saver.cursor() as cursor:  # one transaction; VACUUM gives the pages back to the disk
    for table in ("writes", "checkpoints"):
        cursor.execute(f"DELETE FROM {{table}} WHERE {{old}}", (thread_id, thread_id))"""

_POSTGRES_LATEST = 'saver.prune([thread_id], strategy="keep_latest")'

_POSTGRES = """\
old = '''thread_id = %(t)s AND (checkpoint_ns = '' OR checkpoint_ns LIKE '%%:%%')
  AND checkpoint_id < {old}'''
with saver._cursor() as cursor, cursor.connection.transaction():
    for table in ("checkpoint_writes", "checkpoints"):
        cursor.execute(f"DELETE FROM {{table}} WHERE {{old}}", {{"t": thread_id}})
    cursor.execute('''DELETE FROM checkpoint_blobs b WHERE thread_id = %(t)s AND NOT EXISTS (
      SELECT 1 FROM checkpoints c WHERE c.thread_id = b.thread_id
      AND c.checkpoint_ns = b.checkpoint_ns
      AND c.checkpoint -> 'channel_versions' ->> b.channel = b.version)''', {{"t": thread_id}})"""

_REDIS = "saver.prune([thread_id], keep_last={keep})"

_MONGODB = """\
newest = saver.checkpoint_collection.find({{"thread_id": thread_id, "checkpoint_ns": ""}})
oldest = list(newest.sort("checkpoint_id", -1).skip({skip}).limit(1))
if oldest:
    old = {{
        "thread_id": thread_id,
        "checkpoint_id": {{"$lt": oldest[0]["checkpoint_id"]}},
        "checkpoint_ns": {{"$regex": "^$|:"}},
    }}
    saver.checkpoint_collection.delete_many(old)
    saver.writes_collection.delete_many(old)"""


def code(thread: Recorded, keep: int) -> str:
    """To paste, for the thread's saver; empty where there is none, see ``WHY_NOT``."""
    skip = keep - 1
    if thread.backend == "sqlite":
        return _SQLITE.format(old=_OLD.format(p="?", skip=skip))
    if thread.backend == "postgres":
        if keep == 1:
            return _POSTGRES_LATEST
        return _POSTGRES.format(old=_OLD.format(p="%(t)s", skip=skip))
    if thread.backend == "redis":
        return _REDIS.format(keep=keep)
    if thread.backend == "mongodb":
        return _MONGODB.format(skip=skip)
    return ""
