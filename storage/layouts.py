"""How many bytes the same threads would take on another backend.

The same checkpoints are stored in one of two layouts (docs/measures.md): as whole documents, with
all channels in each (SQLite, MongoDB, Redis, Valkey), or as a document without values and a blob
for each channel that changed (PostgreSQL, in memory). What either writes follows from what the
collector sums for each checkpoint (``storage.models_costs.WorkloadHour``):

* D, the document without values: ids, versions, bookkeeping (B of it);
* H, the values of all channels, and N, their names;
* C, the values of the channels that the step wrote;
* S, of H, texts and numbers, which PostgreSQL keeps inside the document; s, the same of C;
* W, the values of pending writes.

==========  ==================================================================================
sqlite      D + N + H + W
mongodb     D - 0.70 B + N + H + W: versions are numbers there, and texts elsewhere
redis       1.15 D + N + H + 4/3 W: JSON, and writes in base64
valkey      4/3 (D + N + H + W): base64
memory      D + C + W
postgres    1.15 D + S + (C - s) + W: the document is JSON
==========  ==================================================================================

The figures 0.70 and 1.15 were measured (0.69 to 0.74; 1.13 to 1.19), ``tests/collector/
test_layouts.py`` holds the whole within 10 % of what the servers then say. JSON of values was -1 to
+3 % of msgpack's; ``bytes`` in a state of Redis take a third more, which is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

VERSIONS = 0.70
JSON = 1.15
BASE64 = 4 / 3

WHOLE = ("sqlite", "mongodb", "redis", "valkey")
CHANNELS = ("postgres", "memory")
BACKENDS = ("sqlite", "postgres", "redis", "mongodb", "memory", "valkey")
"""Those whose layout is known."""

UNKNOWN_MOST = 0.05
"""Share of checkpoints of unknown channels up to which the others speak for them."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """Sums over checkpoints, as the table ``workload_hours`` has them."""

    puts: int = 0
    unknown_puts: int = 0
    document_bytes: int = 0
    bookkeeping_bytes: int = 0
    held_bytes: int = 0
    name_bytes: int = 0
    changed_bytes: int = 0
    small_bytes: int = 0
    small_changed_bytes: int = 0
    writes_bytes: int = 0
    seen_puts: int = 0
    message_writes: int = 0
    message_bytes: int = 0
    message_elements: int = 0
    runs: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(**{
            one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)
        })  # fmt: skip


@dataclass(frozen=True)
class State:
    """The letters of the table above, in bytes, whatever backend they were measured on."""

    document: float
    bookkeeping: float
    names: float
    held: float
    changed: float
    small: float
    small_changed: float
    writes: float

    def on(self, backend: str) -> float:
        """Bytes that a backend stores of it, as ``stored_bytes`` counts them there."""
        whole = self.names + self.held
        if backend == "sqlite":
            return self.document + whole + self.writes
        if backend == "mongodb":
            return self.document - VERSIONS * self.bookkeeping + whole + self.writes
        if backend == "redis":
            return JSON * self.document + whole + BASE64 * self.writes
        if backend == "valkey":
            return BASE64 * (self.document + whole + self.writes)
        if backend == "memory":
            return self.document + self.changed + self.writes
        if backend == "postgres":
            blobs = self.changed - self.small_changed
            return JSON * self.document + self.small + blobs + self.writes
        raise KeyError(backend)


def state_of(work: Work, backend: str) -> State:
    """The state behind what one backend was told."""
    document, names, held = work.document_bytes, work.name_bytes, work.held_bytes
    bookkeeping, writes = float(work.bookkeeping_bytes), float(work.writes_bytes)
    rest = float(document)
    if backend == "valkey":
        rest, writes = rest / BASE64, writes / BASE64
    if backend in WHOLE:
        rest -= held + names
    if backend == "postgres":
        rest = (rest - work.small_bytes) / JSON
    if backend == "redis":
        rest, writes = rest / JSON, writes / BASE64
    if backend == "mongodb":
        own = bookkeeping / (1 - VERSIONS)
        rest, bookkeeping = rest - bookkeeping + own, own
    return State(
        document=max(rest, 0.0), bookkeeping=bookkeeping, names=names, held=held,
        changed=work.changed_bytes, small=work.small_bytes,
        small_changed=work.small_changed_bytes, writes=writes,
    )  # fmt: skip


def factors(work: Work, backend: str) -> dict[str, float] | None:
    """Backend → stored bytes there, for each byte that this backend stores of the same threads;
    None where it is not known: nothing was told, or too much has no channels."""
    if backend not in BACKENDS or not work.puts:
        return None
    if work.unknown_puts > UNKNOWN_MOST * (work.puts + work.unknown_puts):
        return None
    state = state_of(work, backend)
    own = state.on(backend)
    return {name: state.on(name) / own for name in BACKENDS} if own > 0 else None
