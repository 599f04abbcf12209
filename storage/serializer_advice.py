"""Which of the serializers that were tried a thread's saver should have, and the code for it.

Only what loses nothing and can be given to a saver is recommended. The thresholds are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

from storage.serializer_trials import ADOPTABLE, Candidate, Trial

WORTH = 0.10
"""Least share of the bytes that has to be saved, or of the time, for a change to be advised."""
SLOWER = 1.5
"""What saves bytes may take so many times the time of today's serializer …"""
SLOWER_US = 1_000.0
"""… or so much more a step: a call to a database takes as long."""
NEAR = 1.03
"""Bytes that are so close count as equal: the faster one wins."""

FIXED = {"redis": "JsonPlusRedisSerializer"}
"""Backend → serializer that its savers are built on: they take no other."""

NOTES = {
    "postgres": "PostgreSQL compresses values beyond 2 KB itself (TOAST), so its disk gains less "
    "than these bytes; what goes over the network and through the WAL's sender gains all of it.",
    "mongodb": "WiredTiger compresses its blocks itself (snappy), so the disk gains less than "
    "these bytes; the cache, the network and the limit of 16 MB a document gain all of it.",
    "valkey": "ValkeySaver writes base64, a third more than these bytes, before and after.",
    "memory": "What an InMemorySaver holds is memory of the process: it shrinks by this.",
}
"""Backend → what else decides there: https://www.postgresql.org/docs/current/storage-toast.html,
https://www.mongodb.com/docs/manual/core/wiredtiger/#compression."""

_OPENED = {
    "InMemorySaver": "InMemorySaver({})", "SqliteSaver": "SqliteSaver(connection, {})",
    "AsyncSqliteSaver": "AsyncSqliteSaver(connection, {})",
    "PostgresSaver": "PostgresSaver(pool, {})",
    "AsyncPostgresSaver": "AsyncPostgresSaver(pool, {})",
    "MongoDBSaver": "MongoDBSaver(client, {})", "ValkeySaver": "ValkeySaver(client, {})",
    "AsyncValkeySaver": "AsyncValkeySaver(client, {})",
}  # fmt: skip
_PACKAGES = {"zstd": "zstandard", "lz4": "lz4"}


@dataclass(frozen=True)
class Advice:
    """What to do, and what it would save."""

    kind: str
    """``smaller``, ``faster``, ``stay`` (today's is the best of those that lose nothing), ``fixed``
    (the saver takes no other) or ``unknown`` (today's serializer was not among the candidates)."""
    base: Candidate | None
    """Today's; LangGraph's msgpack where that is not known."""
    best: Candidate | None
    """The one that is recommended; today's for ``stay``."""
    code: str = ""
    """Python to paste."""
    install: str = ""
    """Command that it needs before."""
    note: str = ""
    """What else decides on this backend."""

    @property
    def saved_bytes(self) -> float:
        """Of a step; negative: more."""
        return self.base.bytes - self.best.bytes if self.base and self.best else 0.0

    @property
    def saved_share(self) -> float:
        """Of the bytes, 0 to 1."""
        return self.saved_bytes / self.base.bytes if self.base and self.base.bytes else 0.0

    @property
    def saved_us(self) -> float:
        """Of a step, dump and load together; negative: more."""
        return self.base.total_us - self.best.total_us if self.base and self.best else 0.0

    @property
    def same_time(self) -> bool:
        """Whether the times of both lie within each other's spread."""
        return bool(self.base and self.best and overlap(self.base, self.best))


def advise(trial: Trial) -> Advice:
    """What to do about a thread's serializer."""
    note = NOTES.get(trial.backend, "")
    base = trial.of(trial.today) or trial.of("msgpack")
    if base is None or not base.measured:
        return Advice("unknown", None, None, note=note)
    if trial.backend in FIXED:
        return Advice("fixed", base, base, note=note)
    able = [one for one in trial.candidates if one.adoptable and not one.encrypted]
    limit_us = max(base.total_us * SLOWER, base.total_us + SLOWER_US)
    small = min((one.bytes for one in able if one.total_us <= limit_us), default=base.bytes)
    near = [one for one in able if one.total_us <= limit_us and one.bytes <= small * NEAR]
    best = min(near, key=lambda one: one.total_us, default=base)
    # Of two that take as long, the one with less to change.
    best = next((one for one in near if one.format == base.format and overlap(one, best)), best)
    if best.bytes <= base.bytes * (1 - WORTH):
        return _adopting("smaller", trial, base, best, note)
    quick = [
        one for one in able
        if one.bytes <= base.bytes * NEAR and one.total_us <= base.total_us * (1 - WORTH)
        and not overlap(one, base)
    ]  # fmt: skip
    if quick:
        best = min(quick, key=lambda one: one.total_us)
        return _adopting("faster", trial, base, best, note)
    return Advice("stay", base, base, note=note)


def thread_bytes(trial: Trial, one: Candidate) -> float:
    """What all steps of the thread would hold under a candidate, bytes.

    By the share that the candidate has of the stored bytes of the measured steps, as steps differ
    more than their shares do. PostgreSQL's documents pass the serializer by and are in the thread's
    bytes: there, the mean step counts for each.
    """
    if trial.thread_bytes and trial.stored_bytes and trial.backend != "postgres":
        return trial.thread_bytes * one.bytes / trial.stored_bytes
    return one.bytes * trial.of_steps


def overlap(one: Candidate, other: Candidate) -> bool:
    """Whether a difference in time is inside the noise: a tie."""
    return one.low_us <= other.high_us and other.low_us <= one.high_us


def front(trial: Trial) -> list[Candidate]:
    """Candidates that no other beats in bytes and in time, smallest first; lossy ones too."""
    found: list[Candidate] = []
    for one in sorted(
        (one for one in trial.candidates if one.measured), key=lambda c: (c.bytes, c.total_us)
    ):
        if not found or one.total_us < found[-1].total_us:
            found.append(one)
    return found


def code(class_name: str, one: Candidate) -> str:
    """Python that gives a serializer to a saver."""
    inner = ADOPTABLE[one.format]
    names = [name for name in (inner, "CompressedSerializer" if one.codec else "") if name]
    made = f"{inner}()" if inner else ""
    if one.codec:
        made = f'CompressedSerializer({made + ", " if made else ""}codec="{one.codec}")'
    if not names:
        names, made = ["CompressedSerializer"], 'CompressedSerializer(codec="none")'
    opened = _OPENED.get(class_name, f"{class_name or 'Saver'}(…, {{}})").format(f"serde={made}")
    return (
        f"from statemeter.serializers import {', '.join(sorted(names))}, adopt\n\n"
        f"saver = {opened}\n"
        f"# or, for a saver that exists:\nadopt(saver, {made})"
    )


def _adopting(kind: str, trial: Trial, base: Candidate, best: Candidate, note: str) -> Advice:
    package = _PACKAGES.get(best.codec, "")
    return Advice(
        kind, base, best, code(trial.class_name, best),
        f"pip install {package}" if package else "", note,
    )  # fmt: skip
