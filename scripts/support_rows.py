"""The rows of the support matrix: each class that is measured, what of it, what not, and why."""

from __future__ import annotations

from dataclasses import dataclass

_SIZES = "stored, live and written bytes to the byte; channels, largest elements; metadata"
_WHOLE = "overhead of the database: it counts pages and indexes, not threads"
_REDIS_READS = "bytes of reads: the client hands out parsed JSON"
_DELTA = "DeltaChannel in one read: the saver has no method for it, each ancestor is a get_tuple"
_HITS = "hits, misses, bytes, TTL, distinct keys, time saved"
_EXPIRED = "entries that expired: it tells nobody"


@dataclass(frozen=True, slots=True)
class Row:
    """One class, with its asynchronous twin where it has one."""

    kind: str
    """saver, store, cache or pool."""
    classes: tuple[str, ...]
    """Dotted names."""
    package: str
    """On PyPI, the one that brings it."""
    backend: str
    """As events, tables and pages name it."""
    measured: str
    unknown: str
    """What cannot be measured, and why."""


ROWS = (
    Row("saver", ("langgraph.checkpoint.memory.InMemorySaver",), "langgraph", "memory", _SIZES,
        "overhead of Python's objects: only the process's memory as a whole is known"),
    Row("saver", ("langgraph.checkpoint.sqlite.SqliteSaver",
                  "langgraph.checkpoint.sqlite.aio.AsyncSqliteSaver"),
        "langgraph-checkpoint-sqlite", "sqlite", _SIZES, _WHOLE),
    Row("saver", ("langgraph.checkpoint.postgres.PostgresSaver",
                  "langgraph.checkpoint.postgres.aio.AsyncPostgresSaver",
                  "langgraph.checkpoint.postgres.shallow.ShallowPostgresSaver"),
        "langgraph-checkpoint-postgres", "postgres", _SIZES,
        "compressed size: PostgreSQL alone knows what TOAST makes of it"),
    Row("saver", ("langgraph.checkpoint.redis.RedisSaver",
                  "langgraph.checkpoint.redis.aio.AsyncRedisSaver",
                  "langgraph.checkpoint.redis.shallow.ShallowRedisSaver",
                  "langgraph.checkpoint.redis.ashallow.AsyncShallowRedisSaver"),
        "langgraph-checkpoint-redis", "redis", _SIZES,
        f"{_REDIS_READS}; memory of a thread: MEMORY USAGE is 3 to 6 times its JSON; what a TTL "
        f"removed; {_DELTA}"),
    Row("saver", ("langgraph.checkpoint.mongodb.MongoDBSaver",), "langgraph-checkpoint-mongodb",
        "mongodb", _SIZES, f"what a TTL index removed; {_DELTA}"),
    Row("saver", ("langgraph_checkpoint_aws.ValkeySaver",
                  "langgraph_checkpoint_aws.AsyncValkeySaver"),
        "langgraph-checkpoint-aws", "valkey", _SIZES, f"what a TTL removed; {_DELTA}"),
    Row("saver", ("langgraph.checkpoint.base.BaseCheckpointSaver",), "langgraph", "other",
        "calls, times, errors; bytes that pass through its serializer",
        "stored bytes: how it keeps what it is given is not known"),
    Row("store", ("langgraph.store.memory.InMemoryStore",), "langgraph", "memory",
        "calls by method and namespace, items, hits, waits, errors",
        "bytes: it keeps objects and serializes nothing"),
    Row("store", ("langgraph.store.sqlite.SqliteStore",
                  "langgraph.store.sqlite.aio.AsyncSqliteStore"),
        "langgraph-checkpoint-sqlite", "sqlite", "the same, and bytes of values",
        "bytes of keys, vectors and indexes: they are the database's"),
    Row("store", ("langgraph.store.postgres.PostgresStore",
                  "langgraph.store.postgres.aio.AsyncPostgresStore"),
        "langgraph-checkpoint-postgres", "postgres", "the same, and bytes of values",
        "bytes of keys, vectors and indexes: they are the database's"),
    Row("store", ("langgraph.store.redis.RedisStore", "langgraph.store.redis.AsyncRedisStore"),
        "langgraph-checkpoint-redis", "redis",
        "the same, and bytes of values (serialized once more for it)",
        "bytes of the document around a value"),
    Row("store", ("langgraph.store.mongodb.MongoDBStore",), "langgraph-store-mongodb", "mongodb",
        "the same, and bytes of values (serialized once more for it)",
        "bytes of the document around a value"),
    Row("store", ("langgraph.store.base.BaseStore",), "langgraph", "other",
        "calls by method and namespace, items, hits, errors",
        "bytes: how it serializes is not known"),
    Row("cache", ("langgraph.cache.memory.InMemoryCache",), "langgraph", "memory",
        _HITS, _EXPIRED),
    Row("cache", ("langgraph.cache.sqlite.SqliteCache",), "langgraph-checkpoint-sqlite", "sqlite",
        _HITS, _EXPIRED),
    Row("cache", ("langgraph.cache.redis.RedisCache",), "langgraph", "redis",
        _HITS, "errors of its server: it hides them, a miss is all that is seen"),
    Row("cache", ("langgraph_checkpoint_aws.ValkeyCache",), "langgraph-checkpoint-aws", "valkey",
        _HITS, _EXPIRED),
    Row("cache", ("langgraph.cache.base.BaseCache",), "langgraph", "other",
        "hits, misses, TTL, distinct keys, time saved; bytes that pass through its serializer",
        "bytes where its serializer was not seen"),
    Row("pool", ("psycopg_pool.ConnectionPool", "psycopg_pool.AsyncConnectionPool"),
        "psycopg-pool", "postgres", "size, in use, waiting, waits, timeouts, lost",
        "who holds a connection: the pool does not know it"),
    Row("pool", ("sqlalchemy.pool.QueuePool",), "sqlalchemy", "",
        "size, in use, waiting, waits, timeouts, lost",
        "levels of pools without a queue: they have none"),
    Row("pool", ("redis.ConnectionPool", "redis.asyncio.ConnectionPool"), "redis", "redis",
        "size, in use, waiting, waits, timeouts",
        "lost connections: it reconnects and tells nobody"),
)  # fmt: skip
"""In the order of the document."""
