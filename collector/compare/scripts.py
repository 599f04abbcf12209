"""From what is asked for to what clients do, and what room that needs."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from collector.compare import attached, recorded
from collector.compare.replay import Replay
from collector.compare.workloads import Graphs, Script
from collector.inspection.errors import CouldNotLook
from collector.jobs.errors import CannotRun
from collector.viewer import place
from statemeter import settings
from storage import queries_recorded
from storage.comparisons import Asked, Comparison
from storage.errors import StoreError
from storage.queries_recorded import RecordedThread
from storage.store import open_reader
from storage.values import Ask
from storage.workloads import WORKLOADS, estimate

SAMPLE_BYTES = 8_000_000
"""Of a thread's newest checkpoint, compressed to see what zlib leaves of it."""

Tick = Callable[[str], None]


def make(asked: Asked, secrets: dict[str, str], result: Comparison, tick: Tick) -> Script:
    """What all clients do; what was assumed is noted in the result.

    Raises:
        CannotRun: the thread or the database cannot be replayed.
    """
    if WORKLOADS[asked.workload].built_in:
        result.notes.append(f"Content is made up; zlib leaves {asked.compressed:.0%} of it.")
        return Graphs(asked.workload, asked.size, asked.compressed)
    try:
        engine = open_reader(secrets.get("store") or settings.store_url())
    except StoreError as error:
        raise CannotRun(str(error)) from None
    spool = Path(secrets.get("spool") or settings.spool_folder())
    try:
        if asked.workload == "thread":
            return _recorded(engine, spool, asked, result)
        return _attached(engine, spool, asked, result, tick)
    finally:
        engine.dispose()


def needs(asked: Asked, thread_bytes: int = 0) -> tuple[int, int]:
    """Bytes that the workload holds in the end: in memory, and on disk of whole checkpoints.

    Args:
        asked: what is asked for.
        thread_bytes: of one thread, where it is replayed.
    """
    clients = max(asked.concurrency, default=1)
    size = asked.size
    if clients > size.threads:
        size = type(size)(
            turns=size.turns, threads=clients, value_bytes=size.value_bytes, width=size.width
        )
    return estimate(asked.workload, size, thread_bytes)


def _recorded(engine: Engine, spool: Path, asked: Asked, result: Comparison) -> Script:
    threads = queries_recorded.find_threads(engine, asked.thread, asked.saver)
    if not threads:
        raise CannotRun(
            f"No thread {asked.thread!r} was recorded. The Threads page lists those that were."
        )
    (thread,) = threads
    calls = queries_recorded.calls(engine, thread.key, asked.size.turns)
    compressed = _compressed(thread, spool, asked.compressed, result)
    made = recorded.steps(calls, compressed)
    if not made:
        raise CannotRun(
            f"Of the thread {asked.thread!r} no single call is kept any longer "
            "(STATEMETER_RETENTION_DAYS). Choose one that was used lately."
        )
    result.notes.append(
        f"The first {len(made):,} checkpoints of the thread {thread.thread_id} are done again, "
        "with the sizes of its channels, writes and metadata. Turns are super-steps; nodes do not "
        "run, and messages are texts of their size."
    )
    if thread.partial:
        result.notes.append("Its beginning was not seen, and is missing.")
    return Replay([made], asked.size.threads)


def _compressed(thread: RecordedThread, spool: Path, assumed: float, result: Comparison) -> float:
    """What zlib leaves of the thread's values: measured where values may be read, else assumed."""
    why = "STATEMETER_SHOW_VALUES is not 1, so the thread's own values were not read"
    if settings.get("STATEMETER_SHOW_VALUES"):
        ask = Ask(
            saver=thread.saver, backend=thread.backend, database=thread.database,
            spool=str(spool), thread=thread.thread_id,
        )  # fmt: skip
        try:
            with place.opened(ask) as (reader, _):
                found = reader.find(thread.thread_id, "", "", None)
        except CouldNotLook as error:
            found, why = None, str(error)
        if found is not None:
            content = found.document.content + b"".join(
                blob.content for blob in found.channels.values()
            )
            content = content[:SAMPLE_BYTES]
            if content:
                share = len(zlib.compress(content)) / len(content)
                result.notes.append(
                    f"zlib leaves {share:.0%} of its newest checkpoint; the content that is made "
                    "up is as compressible."
                )
                return share
    result.notes.append(f"Assumed: zlib leaves {assumed:.0%} of the content ({why.rstrip('.')}).")
    return assumed


def _attached(engine: Engine, spool: Path, asked: Asked, result: Comparison, tick: Tick) -> Script:
    threads = queries_recorded.find_threads(engine, saver=asked.saver, limit=asked.size.threads)
    calls = [
        (one.thread_id, queries_recorded.calls(engine, one.key, asked.size.turns))
        for one in threads
    ]
    missing = attached.Missing()
    made = attached.steps(spool, asked.saver, calls, missing, tick)
    if not made:
        raise CannotRun(
            "No checkpoint of that database could be read. Wait until its history is read (the "
            "Connect page tells), and see whether its threads are still there."
        )
    result.notes.append(
        f"{sum(map(len, made)):,} real checkpoints of {len(made)} threads, written again as they "
        "are. Turns are super-steps; nodes do not run."
    )
    result.notes += missing.notes()
    return Replay(made, asked.size.threads)
