"""A thread as its saver was called: what a change of its state design is worked out from.

Sizes alone, of each checkpoint by channel and of each pending write. A design (``storage.designs``)
makes another ``Recorded`` of one, as if the thread had been written that way; ``design_sums`` says
what either takes. Nothing here reads a value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

VALUE_SCALE = {"valkey": 4 / 3}
"""Backend → bytes that it holds in a document for each byte of a channel: base64 for Valkey."""


@dataclass(frozen=True, slots=True)
class Put:
    """One checkpoint."""

    ns: str
    checkpoint: str
    parent: str
    source: str
    run: int
    """Which run made it, see ``design_reading``."""
    frame_bytes: int
    """The document without the values of channels."""
    values: dict[str, int]
    """Channel → bytes of its value, as the saver holds them."""
    written: frozenset[str]
    """Of ``values``, those that this step wrote; with those that it emptied."""
    elements: dict[str, int] = field(default_factory=dict)
    """List channel → elements, where the step wrote it."""
    walked: dict[str, int] = field(default_factory=dict)
    """``DeltaChannel`` without a value here → ancestors that a read of it walks."""
    place: int = 0
    """Of the checkpoint among those of the thread, as it is today: what a step axis shows."""

    @property
    def key(self) -> tuple[str, str]:
        """(namespace, checkpoint id)."""
        return self.ns, self.checkpoint

    def but(
        self,
        *,
        checkpoint: str | None = None,
        parent: str | None = None,
        frame_bytes: int | None = None,
        values: dict[str, int] | None = None,
        written: frozenset[str] | None = None,
        walked: dict[str, int] | None = None,
    ) -> Put:
        """The same with other fields: ``dataclasses.replace`` takes several times as long, and a
        design changes thousands."""
        return Put(
            self.ns,
            self.checkpoint if checkpoint is None else checkpoint,
            self.parent if parent is None else parent,
            self.source,
            self.run,
            self.frame_bytes if frame_bytes is None else frame_bytes,
            self.values if values is None else values,
            self.written if written is None else written,
            self.elements,
            self.walked if walked is None else walked,
            self.place,
        )


@dataclass(frozen=True, slots=True)
class Write:
    """One call of ``put_writes``."""

    ns: str
    checkpoint: str
    """Under which they are kept."""
    node: str
    """Empty for input and updates."""
    run: int
    parts: tuple[tuple[str, int], ...]
    """(channel, bytes) of each write."""
    kept_bytes: int
    """How many more bytes the backend held after it: what repeats another write adds nothing."""

    @property
    def bytes(self) -> int:
        """Sent by the call."""
        return sum(size for _, size in self.parts)

    @property
    def key(self) -> tuple[str, str]:
        """(namespace, checkpoint id)."""
        return self.ns, self.checkpoint

    def with_parts(self, parts: Iterable[tuple[str, int]]) -> Write:
        """The same call with other sizes; what it adds to the backend changes with them."""
        told = tuple(parts)
        if told == self.parts:
            return self
        share = self.kept_bytes / self.bytes if self.bytes else 1.0
        kept = round(sum(size for _, size in told) * share)
        return Write(self.ns, self.checkpoint, self.node, self.run, told, kept)


@dataclass(frozen=True)
class Recorded:
    """A thread, or what it would be under another design."""

    thread_id: str
    backend: str
    layout: str
    """``whole`` or ``channels``, see docs/measures.md."""
    class_name: str
    """Of the saver."""
    langgraph: str
    """Version that its application runs, empty: unknown."""
    puts: tuple[Put, ...] = ()
    """Those that the backend holds, in the order of the calls."""
    writes: tuple[Write, ...] = ()
    """The same of pending writes."""
    inline: frozenset[str] = frozenset()
    """Channels whose values PostgreSQL keeps inside the document."""
    message_channels: frozenset[str] = frozenset()
    """Lists of messages."""
    keep: int = 0
    """Newest checkpoints of the root namespace that are kept; 0: all."""
    elsewhere_bytes: int = 0
    """Held outside of the saver: in a store, by reference."""
    duration_us: int | None = None
    """In calls of ``put`` and ``put_writes``; None: nobody saw them."""
    serde_us: int | None = None
    call_us: tuple[float, float] = (0.0, 0.0)
    """µs of a call, µs of a byte of it: the line through its calls."""
    gone_bytes: int = 0
    """Written, and no longer held."""
    store_bytes: tuple[int, int] = (0, 0)
    """(written, stored) as the store has them, to compare with."""
    problem: str = ""
    """Why nothing can be said of another design, empty: it can."""
    notes: tuple[str, ...] = ()
    """What a reader of the numbers has to know."""

    @property
    def is_json(self) -> bool:
        """Whether the saver's document is JSON rather than msgpack."""
        return self.backend == "redis"

    def key_bytes(self, channel: str) -> int:
        """What the name of a channel takes in a document that has its value: a msgpack string, or
        a JSON string with colon and comma."""
        if self.layout == "channels":
            return 0
        length = len(channel.encode())
        told = length + 4 if self.is_json else length + (1 if length < 32 else 2)
        return round(told * self.value_scale)

    @property
    def value_scale(self) -> float:
        """See ``VALUE_SCALE``."""
        return VALUE_SCALE.get(self.backend, 1.0)

    def ways(self) -> Iterator[tuple[Put, Put | None]]:
        """Each checkpoint with its parent, None where that is not here."""
        seen: dict[tuple[str, str], Put] = {}
        for put in self.puts:
            yield put, seen.get((put.ns, put.parent))
            seen[put.key] = put


def put_bytes(put: Put, inline: frozenset[str], layout: str) -> int:
    """What the call of a checkpoint sends."""
    if layout == "whole":
        return put.frame_bytes + sum(put.values.values())
    sent = (size for name, size in put.values.items() if name in put.written or name in inline)
    return put.frame_bytes + sum(sent)


def runs_of(puts: Iterable[Put]) -> Counter[int]:
    """Run → checkpoints of the root namespace that it wrote."""
    return Counter(put.run for put in puts if not put.ns)
