"""A recorded thread under another design: a ``DeltaChannel``, a reference, durability ``exit``.

Each function takes a thread as it is and gives it as it would be, for the same inputs. What is not
known of it is assumed as written at each function.
"""

from __future__ import annotations

from dataclasses import replace

from storage.design_thread import Put, Recorded, Write
from storage.history_writes import START

MAX_SUPERSTEPS = 5_000
"""Super-steps after which a ``DeltaChannel`` is snapshot whatever its updates
(``DELTA_MAX_SUPERSTEPS_SINCE_SNAPSHOT`` of langgraph 1.2)."""

STUB_BYTES = 190
"""An empty checkpoint, which durability ``exit`` puts before the first of a thread to keep deltas
under (measured with langgraph 1.2.24)."""

_SPECIAL = ("__interrupt__", "__error__")


def delta(thread: Recorded, channel: str, frequency: int) -> Recorded:
    """A channel as ``DeltaChannel(reducer, snapshot_frequency=frequency)``.

    A checkpoint has its value where the updates since the last one reach ``frequency``
    (langgraph 1.2, ``delta_channels_to_snapshot``), and where a state was set by hand on a new
    thread. Pending writes are what they were: a node of a channel with a reducer returns what it
    adds. Where none is kept (durability ``exit``) or a node returns the whole value, the growth of
    the channel is what it would write.
    """
    sizes = _written_to(thread, channel)
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    puts: list[Put] = []
    growth: dict[tuple[str, str], int] = {}
    added: list[Write] = []
    for each, parent in thread.ways():
        put = each
        updates, steps = counts.get(parent.key, (0, 0)) if parent else (0, 0)
        updates, steps = updates + (channel in put.written), steps + 1
        before = parent.values.get(channel, 0) if parent else 0
        grown = max(put.values.get(channel, 0) - before, 0)
        if channel in put.written and put.parent:
            growth[put.ns, put.parent] = grown
        keeps = channel in put.values and (
            updates >= frequency
            or steps >= MAX_SUPERSTEPS
            or (put.source == "update" and not put.parent)
        )
        untold = grown and channel in put.written and (put.ns, put.parent) not in sizes
        if untold and not keeps and (parent or not put.parent):
            if not parent:
                stub = _stub(put)
                puts.append(stub)
                put = put.but(parent=stub.checkpoint)
            added.append(Write(put.ns, put.parent, "", put.run, ((channel, grown),), grown))
        counts[put.key] = (0, 0) if keeps else (updates, steps)
        puts.append(put if keeps else _without(thread, put, channel, steps))
    if not returns_all(thread, channel):
        return replace(thread, puts=tuple(puts), writes=(*thread.writes, *added))
    writes = [
        write.with_parts(
            (name, min(size, growth.get(write.key, size)) if name == channel else size)
            for name, size in write.parts
        )
        for write in thread.writes
    ]
    return replace(thread, puts=tuple(puts), writes=(*writes, *added))


def _stub(put: Put) -> Put:
    return Put(put.ns, f"{put.checkpoint[:-1]}.", "", "loop", put.run, STUB_BYTES, {}, frozenset(),
               place=put.place)  # fmt: skip


def _without(thread: Recorded, put: Put, channel: str, steps: int) -> Put:
    """The checkpoint without the value of a channel."""
    if channel not in put.values:
        return put
    values = {name: size for name, size in put.values.items() if name != channel}
    frame = put.frame_bytes - thread.key_bytes(channel)
    walked = put.walked | {channel: steps}
    return put.but(values=values, frame_bytes=frame, walked=walked)


def _written_to(thread: Recorded, channel: str) -> dict[tuple[str, str], int]:
    """Checkpoint → bytes of the pending writes to a channel under it."""
    found: dict[tuple[str, str], int] = {}
    for write in thread.writes:
        for name, size in write.parts:
            if name == channel:
                found[write.key] = found.get(write.key, 0) + size
    return found


def returns_all(thread: Recorded, channel: str) -> bool:
    """Whether nodes return the whole value rather than what they add: most writes are as large as
    the channel that they made. For a ``DeltaChannel`` such nodes have to change."""
    written, alike, larger = _written_to(thread, channel), 0, 0
    for put, parent in thread.ways():
        size = written.get((put.ns, put.parent))
        if size is None or parent is None or not parent.values.get(channel):
            continue
        if channel in put.values and channel in put.written:
            larger += 1
            alike += abs(size - put.values[channel]) <= max(16, 0.05 * put.values[channel])
    return larger >= 2 and alike > larger / 2


REFERENCE_BYTES = 45
"""A key of a store: a UUID of 36 letters with a prefix."""


def reference(thread: Recorded, channel: str) -> Recorded:
    """A channel that holds the key of a store's item, and the value in the store.

    Each value that a step wrote becomes an item of its own, so that older checkpoints find theirs;
    the store is taken to hold as many bytes as the channel did.
    """
    written = _written_to(thread, channel)
    puts, elsewhere = [], 0
    for put, parent in thread.ways():
        size = put.values.get(channel, 0)
        known = channel in put.written and size > REFERENCE_BYTES
        if known and (
            not parent or parent.values.get(channel) != size or _is_written(put, written)
        ):
            elsewhere += size
        values = dict(put.values)
        if size > REFERENCE_BYTES:
            values[channel] = REFERENCE_BYTES
        given = written.get(put.key, 0)
        # The input holds the value, too: it is referred to before the graph is called.
        if START in values and values[START] > given > REFERENCE_BYTES:
            values[START] -= given - REFERENCE_BYTES
        puts.append(put.but(values=values))
    writes = [
        write.with_parts(
            (name, min(size, REFERENCE_BYTES) if name == channel else size)
            for name, size in write.parts
        )
        for write in thread.writes
    ]
    return replace(
        thread, puts=tuple(puts), writes=tuple(writes),
        elsewhere_bytes=thread.elsewhere_bytes + elsewhere,
    )  # fmt: skip


def _is_written(put: Put, written: dict[tuple[str, str], int]) -> bool:
    return bool(written.get((put.ns, put.parent)))


def exit_(thread: Recorded) -> Recorded:
    """Durability ``exit``: one checkpoint at the end of a run, and no pending writes but those of a
    run that stopped in the middle.

    A subgraph writes none, but where its state outlives its call or it was interrupted or failed
    (langgraph 1.2, ``_suppress_interrupt``). A state that is set by hand is written as before.
    """
    stopped = {
        write.key for write in thread.writes if any(name in _SPECIAL for name, _ in write.parts)
    }
    last: dict[tuple[str, int], Put] = {}
    for put in thread.puts:
        last[put.ns, put.run] = put
    first: dict[tuple[str, int], Put] = {}
    written: dict[tuple[str, int], frozenset[str]] = {}
    for put in thread.puts:
        group = (put.ns, put.run)
        first.setdefault(group, put)
        written[group] = written.get(group, frozenset()) | put.written
    kept = {
        put.key: put
        for (ns, _), put in last.items()
        if not ns or ":" not in ns or put.key in stopped
    }
    by_hand = {put.key for put in thread.puts if put.source == "update"}
    stands_for = {put.key: last[put.ns, put.run].checkpoint for put in thread.puts}
    puts = []
    for put in thread.puts:
        group = (put.ns, put.run)
        if put.key in by_hand:
            puts.append(put)
        elif put.key in kept:
            begin = first[group].parent
            parent = stands_for.get((put.ns, begin), begin)
            puts.append(put.but(parent=parent, written=written[group]))
    run_of = {put.key: put.run for put in puts}
    writes = [
        write
        for write in thread.writes
        if run_of.get(write.key) == write.run or write.key in by_hand
    ]
    return replace(thread, puts=tuple(puts), writes=tuple(writes))
