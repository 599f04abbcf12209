"""Values of a checkpoint, shown on demand: the contract between the pages and the viewer.

They come from the user's own database, at the moment somebody looks, through a process of its own
(``python -m collector.viewer``): one JSON line an ``Ask``, one an ``Answer``. Nothing here is ever
written to the metrics store, the spool or a log.

*Plain data* is what JSON can say: mappings with text keys, lists, text, numbers, booleans, None.
Everything else is ``{"__type__": "module.Class", "value": …}``; nothing was imported or constructed
to make it. Messages are ``{"__type__": "langchain_core.messages.human.HumanMessage", "value":
{"content": …, "id": …, …}}``, whichever backend kept them.
"""

from __future__ import annotations

from typing import Any

import msgspec

HEAD_BYTES = 256
"""How much of a blob ``Value.head`` shows."""


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One blob: what it is, and its plain data where that could be made."""

    type: str = ""
    """Tag of the serializer: ``msgpack``, ``json``, ``bytes``, ``pickle``, ``msgpack+aes``, …;
    ``empty``: the channel holds nothing; empty where the backend tells none."""
    bytes: int = -1
    """Length as the backend holds it, bytes; -1: unknown. Of a channel inside a document: its own
    part of it."""
    data: Any = None
    """Plain data; means something only where ``problem`` is empty."""
    problem: str = ""
    """Why there is no data: encrypted, too large, damaged, …: one line with the fix if any."""
    head: str = ""
    """The first ``HEAD_BYTES`` bytes in hex. Empty where something in the value is redacted, and
    where there are no bytes of its own (documents of MongoDB, rebuilt delta channels)."""
    cut: bool = False
    """Data leaves out something that went beyond a limit; it says so at the place."""
    elements: list[int] = []
    """Where data is a list: serialized bytes of each element, in order; empty: unknown."""
    rebuilt: int = 0
    """Delta channel: how many ancestors were read to rebuild it; 0: it was stored whole."""
    how: str = ""
    """Delta channel: what it was rebuilt as, such as ``messages: by id, removals applied``. The
    application's own reducer is not run, so it may differ from what the application sees."""

    @property
    def known(self) -> bool:
        """Whether there is data to show (it may be None)."""
        return not self.problem


class Write(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One pending write: what a task wrote, kept beside the checkpoint that it started from."""

    task: str
    """Id of the task."""
    node: str = ""
    """Name of the node, from ``path``; empty: unknown."""
    path: str = ""
    """Path of the task as LangGraph keeps it, such as ``~__pregel_pull, agent``."""
    index: int = 0
    """Position among the writes of its task; negative for LangGraph's special channels."""
    channel: str
    value: Value


class Ask(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One checkpoint is asked for."""

    id: int = 0
    """Comes back with the answer."""
    saver: str
    """Key of the saver in the store, 12 hex digits."""
    backend: str
    """``sqlite``, ``postgres``, ``redis``, ``valkey``, ``mongodb`` or ``memory``."""
    database: str = ""
    """Path of a database file, as the probe told it."""
    incarnations: list[str] = []
    """``memory``: the processes that may hold it, the newest first; 32 hex digits each."""
    spool: str = ""
    """Folder of the spool: the sources in it name databases, the control folder processes."""
    thread: str
    ns: str = ""
    checkpoint: str = ""
    """Checkpoint id; empty: the newest of the namespace."""
    channels: list[str] | None = None
    """Of these channels only; None: of all."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A checkpoint with its values, or why there is none."""

    id: int = 0
    problem: str = ""
    """Why nothing can be shown: one line with the fix, no secret in it; empty: it can."""
    origin: str = ""
    """Where the values were read, for people: ``/srv/chat.sqlite``,
    ``postgresql://app:***@db/chat``, ``process 4711 on this host``."""
    thread: str = ""
    ns: str = ""
    checkpoint: str = ""
    """Id of the checkpoint that was found."""
    parent: str = ""
    """Id of its parent; empty: none."""
    document: Value = Value()
    """The checkpoint without its channels: ``v``, ``id``, ``ts``, ``channel_versions``,
    ``versions_seen``, …; type, bytes and head are those of the whole document."""
    metadata: Value = Value()
    channels: dict[str, Value] = {}
    """Channel → value in this checkpoint, those that LangGraph itself uses included
    (``branch:to:…``, ``__start__``). Channels without a value are absent."""
    writes: list[Write] = []
    """Pending writes, in the order in which LangGraph applies them."""
    left_out: int = 0
    """Channels and writes that were left out, because the answer would have become too large."""
    redacted: int = 0
    """Places at which a redaction pattern took the value away."""
    took_us: int = 0
    """Time to fetch and decode, µs."""


encode = msgspec.json.Encoder().encode
"""An ask or an answer → JSON, without a newline."""

decode_ask = msgspec.json.Decoder(Ask).decode
decode_answer = msgspec.json.Decoder(Answer).decode
"""JSON → struct. Raise ``msgspec.ValidationError`` or ``msgspec.DecodeError``."""
