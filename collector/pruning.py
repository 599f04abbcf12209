"""What ``prune(strategy="keep_latest")`` leaves of a thread, by the rules of each saver.

Everywhere the newest checkpoint of each namespace stays, with its pending writes and the blobs of
its channels. PostgresSaver (langgraph-checkpoint-postgres 3.2.0, ``_keep_latest``) also removes the
namespaces of subgraph calls that started from a checkpoint which goes, and leaves pending writes
whose checkpoint was never saved. RedisSaver (langgraph-checkpoint-redis 0.5.2) leaves such writes,
too, and keeps as many checkpoints as its ``keep_last`` says.
"""

from __future__ import annotations

from collector.held import Entry, Key

Entries = dict[Key, Entry]


KEEP_LATEST = "keep_latest"
"""The strategy; followed by a colon and a number where more than one checkpoint is kept."""


def keep_latest(entries: Entries, backend: str, strategy: str = KEEP_LATEST) -> Entries:
    """What is left of the checkpoints of a thread; blobs are not looked at."""
    if backend == "redis":
        return _in_redis(entries, int(strategy.partition(":")[2] or 1))
    return _in_postgres(entries) if backend == "postgres" else _everywhere(entries)


def _everywhere(entries: Entries) -> Entries:
    newest: dict[str, str] = {}
    for ns, checkpoint in entries:
        newest[ns] = max(newest.get(ns, ""), checkpoint)
    return {key: entry for key, entry in entries.items() if newest[key[0]] == key[1]}


def _in_redis(entries: Entries, count: int) -> Entries:
    saved: dict[str, list[str]] = {}
    for (ns, checkpoint), entry in entries.items():
        if entry.put is not None:
            saved.setdefault(ns, []).append(checkpoint)
    kept = {(ns, name) for ns, names in saved.items() for name in sorted(names)[-count:]}
    return {key: entry for key, entry in entries.items() if entry.put is None or key in kept}


def _in_postgres(entries: Entries) -> Entries:
    heads: dict[str, str] = {}
    for (ns, checkpoint), entry in entries.items():
        if entry.put is not None:
            heads[ns] = max(heads.get(ns, ""), checkpoint)
    gone = set()
    for ns, checkpoint in heads.items():
        root = entries[ns, checkpoint].root
        saved = entries.get(("", root))
        # A namespace with a task id belongs to one call; without, its state outlives each call.
        if ":" in ns and saved is not None and saved.put is not None and root != heads.get(""):
            gone.add(ns)
    return {
        (ns, checkpoint): entry
        for (ns, checkpoint), entry in entries.items()
        if ns not in gone and (entry.put is None or heads[ns] == checkpoint)
    }
