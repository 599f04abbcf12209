"""A recorded thread whose list is cut: trimmed to its newest elements, or summarized.

How many bytes the newest elements of a list take follows from its history: what a step appended is
the difference of the bytes before and after. Between two known lengths elements count as equal.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from storage.design_thread import Put, Recorded, Write, runs_of

REMOVE_BYTES = 250
"""``RemoveMessage(REMOVE_ALL_MESSAGES)`` as a pending write (measured with langchain-core 1.8)."""

NODE_BYTES = 153
"""What a node more costs the notes of every later checkpoint: its trigger in ``channel_versions``
(20 + 51 bytes) and its entry in ``versions_seen`` (11 + 20 + 51), versions being texts of 49."""

_TRIGGER_BYTES = 21
"""``branch:to:summarize`` in a document, with no value."""


@dataclass(frozen=True)
class _Growth:
    """A list as it grew: bytes of its first elements, for the lengths that are known."""

    counts: list[int] = field(default_factory=lambda: [0])
    """Shared by the steps of a branch: each uses the first ``known`` of it."""
    sizes: list[float] = field(default_factory=lambda: [0.0])
    known: int = 1

    @property
    def count(self) -> int:
        """Elements of the whole list."""
        return self.counts[self.known - 1]

    @property
    def size(self) -> float:
        """Bytes of the whole list."""
        return self.sizes[self.known - 1]

    def to(self, count: int, size: float) -> _Growth:
        """After a step: longer by new elements, or another list where it is no longer."""
        if (count, size) == (self.count, self.size):
            return self
        if count < self.count:  # elements were taken away: which, nobody knows
            return _Growth([0, count], [0.0, size], 2)
        if count == self.count:  # the newest were replaced
            place = max(self.known - 1, 1)
            return _Growth([*self.counts[:place], count], [*self.sizes[:place], size], place + 1)
        counts, sizes = self.counts, self.sizes
        if len(counts) > self.known:  # a fork
            counts, sizes = counts[: self.known], sizes[: self.known]
        counts.append(count)
        sizes.append(max(size, self.size))
        return _Growth(counts, sizes, self.known + 1)

    def first(self, count: int) -> float:
        """Bytes of the first so many elements."""
        place = bisect_left(self.counts, count, hi=self.known)
        if place >= self.known:
            return self.size
        if not place or self.counts[place] == count:
            return self.sizes[place]
        low, high = self.counts[place - 1], self.counts[place]
        part = (count - low) / (high - low)
        return self.sizes[place - 1] + part * (self.sizes[place] - self.sizes[place - 1])

    def newest(self, count: int) -> float:
        """Bytes of the last so many elements."""
        return self.size - self.first(max(self.count - count, 0))


def header(thread: Recorded, count: int) -> int:
    """Bytes of a list beside its elements: the header of a msgpack array; one more than the commas
    of JSON, which count with the elements."""
    return 1 if thread.is_json or count < 16 else 3 if count < 65_536 else 5


def _grown(thread: Recorded, channel: str) -> Iterator[tuple[Put, Put | None, int, _Growth]]:
    """Each checkpoint with its parent, and length and growth of a list there."""
    known: dict[tuple[str, str], tuple[int, _Growth]] = {}
    for put, parent in thread.ways():
        count, growth = known.get(parent.key, (0, _Growth())) if parent else (0, _Growth())
        if channel not in put.values:
            count, growth = 0, _Growth()
        elif channel in put.elements:
            count = put.elements[channel]
            held = put.values[channel] / thread.value_scale
            growth = growth.to(count, max(held - header(thread, count), 0.0))
        known[put.key] = (count, growth)
        yield put, parent, count, growth


def _cut(thread: Recorded, put: Put, channel: str, size: float, count: int) -> Put:
    scaled = round((size + header(thread, count)) * thread.value_scale)
    return put.but(values=put.values | {channel: scaled})


def trim(thread: Recorded, channel: str, most: int) -> Recorded:
    """A list whose reducer keeps its newest ``most`` elements; nodes return what they did."""
    puts = [
        put if count <= most else _cut(thread, put, channel, growth.newest(most), most)
        for put, _, count, growth in _grown(thread, channel)
    ]
    return replace(thread, puts=tuple(puts))


@dataclass(frozen=True)
class Summary:
    """How a list is summarized."""

    every: int
    """At the end of a run that leaves at least so many elements."""
    to_bytes: int
    """Bytes of the summary, an element of its own."""
    keep: int
    """Newest elements that stay beside it."""


def summarize(thread: Recorded, channel: str, how: Summary) -> Recorded:
    """A node at the end of a run replaces all but the newest elements of the root graph's list by a
    summary: one more super-step, with its checkpoint and its pending write."""
    ends = _ends(thread)
    dropped: dict[tuple[str, str], int] = {}
    moved: dict[str, str] = {}
    begun: set[tuple[str, str]] = set()
    puts: list[Put] = []
    added: list[Write] = []
    size_of: float
    for put, parent, count, growth in _grown(thread, channel):
        gone = dropped.get(parent.key, 0) if parent else 0
        gone = gone if count >= gone else 0
        dropped[put.key] = gone
        kept = count - gone + (gone > 0)
        size_of = growth.newest(count - gone) + (how.to_bytes if gone else 0)
        made = put.but(parent=moved.get(put.parent, put.parent) if not put.ns else put.parent)
        if parent is not None and parent.key in begun:
            begun.add(put.key)
            made = made.but(frame_bytes=made.frame_bytes + NODE_BYTES)
        if gone and channel in put.values:
            made = _cut(thread, made, channel, size_of, kept)
        if put.key not in ends or kept < how.every or count - how.keep <= gone:
            puts.append(made)
            continue
        trigger = 0 if thread.layout == "channels" else _TRIGGER_BYTES
        first = 0 if put.key in begun else NODE_BYTES // 2
        puts.append(made.but(frame_bytes=made.frame_bytes + trigger + first))
        dropped[put.key] = count - how.keep
        size_of = growth.newest(how.keep) + how.to_bytes
        after = f"{put.checkpoint}~"
        frame = made.frame_bytes + (0 if put.key in begun else NODE_BYTES)
        extra = made.but(
            checkpoint=after, parent=put.checkpoint, written=frozenset({channel}),
            frame_bytes=frame,
        )  # fmt: skip
        puts.append(_cut(thread, extra, channel, size_of, how.keep + 1))
        sent = round((REMOVE_BYTES + size_of + 3) * _write_scale(thread))
        added.append(Write(put.ns, put.checkpoint, "summarize", put.run, ((channel, sent),), sent))
        moved[put.checkpoint] = after
        begun.add(put.key)
    return replace(thread, puts=tuple(puts), writes=(*thread.writes, *added))


def _ends(thread: Recorded) -> set[tuple[str, str]]:
    """The last checkpoint of each run of the root graph, but of one that stopped in the middle."""
    stopped = {
        write.key
        for write in thread.writes
        if any(name in {"__interrupt__", "__error__"} for name, _ in write.parts)
    }
    last: dict[int, tuple[str, str]] = {}
    for put in thread.puts:
        if not put.ns and put.source != "update":
            last[put.run] = put.key
    return set(last.values()) - stopped if runs_of(thread.puts) else set()


def _write_scale(thread: Recorded) -> float:
    """Bytes held of a pending write for each byte of its value: base64 for Redis and Valkey."""
    return 4 / 3 if thread.backend in {"redis", "valkey"} else 1.0
