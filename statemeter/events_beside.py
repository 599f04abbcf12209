"""Events of what is measured beside savers: stores, caches, pools, regions. See ``events``."""

from __future__ import annotations

from statemeter.event_base import Event, Number


class Resource(Event, frozen=True, array_like=True, gc=False, tag="resource"):
    """Something measured beside savers was introduced: once in each segment, then once a minute."""

    key: str
    """12 hex digits that name it, by the rules of ``Saver.key``."""
    kind: str
    """``store``, ``cache`` (of nodes), ``embeddings``, ``lru`` (``functools.lru_cache``), ``pool``
    or ``process``, whose ``label`` is the folder of its cgroup."""
    backend: str
    """As of ``Saver``; of a pool the backend it connects to; ``python`` for ``lru``."""
    class_name: str
    label: str = ""
    """What a person would call it: a name, a file, ``host:port/database``; never a password."""
    database: str = ""
    """Absolute path of a database file; else empty."""
    facts: dict[str, Number] = {}
    """What was set up: ``maximum`` (entries or connections), ``minimum``, ``ttl_seconds``,
    ``dimensions``."""


class Access(Event, frozen=True, array_like=True, gc=False, tag="access"):
    """A call of a store, of a node cache or of embeddings."""

    duration_us: Number
    resource: str
    """Key of the ``Resource``."""
    graph: str
    run: Number
    """Run number, 0 outside a run."""
    method: str
    """Store: ``get``, ``put``, ``delete``, ``search``, ``list_namespaces``. Cache: ``get``,
    ``set``, ``clear``. Embeddings: ``embed_documents``, ``embed_query``. Sync and async alike."""
    part: str
    """Store: the first labels of the namespace, joined by ``/``. Cache: the node (``clear`` of
    everything: empty). Embeddings: empty."""
    error: str
    items: Number
    """Keys asked for, items written or deleted, rows or namespaces found, texts embedded."""
    hits: Number
    """Items that were there; of embeddings, texts that this process had embedded before; -1 where
    the call cannot tell (writes)."""
    bytes: Number
    """Bytes read or written as the backend holds them; -1 where it made none that can be seen."""
    numbers: dict[str, Number] = {}
    """What else is known: ``ttl_seconds``, ``characters``, ``limit``, ``waited_us`` (spent in a
    batch before the call reached the backend), ``vector_bytes``, ``serde_us`` and, where a call
    of a cache is told by several nodes, ``nodes`` (do not add up their durations)."""
    keys: list[str] = []
    """Cache: 16 hex digits of a hash of each key, at most 32 keys; hits first."""


class Gauges(Event, frozen=True, array_like=True, gc=False, tag="gauges"):
    """Counters and levels of a pool, an ``lru_cache`` or the process, read once a second while they
    change and once a minute while they do not.

    Pool: ``size``, ``in_use``, ``waiting``, ``requests``, ``waited_us``, ``timeouts``, ``lost``.
    ``lru``: ``hits``, ``misses``, ``size``, ``maximum`` (absent: unbounded). Counters count from
    the start of the resource and never fall while it lives; what a library does not tell is absent.
    Of the process see ``statemeter.vitals``, whose readings come every few seconds.
    """

    resource: str
    values: dict[str, Number]


class Region(Event, frozen=True, array_like=True, gc=False, tag="region"):
    """A region of ``statemeter.track`` ended; resident memory of the process, -1: unknown."""

    duration_us: Number
    run: Number
    saver: str
    thread: str
    graph: str
    node: str
    name: str
    error: str
    before_bytes: Number
    after_bytes: Number
    peak_bytes: Number
    """The highest that was read of it; -1 where nothing was read in between: it is no lower than
    before and after."""
