"""What a backend is to a comparison: a corner of its own, to be filled, weighed and removed."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, Protocol

from collector.errors import CollectorError
from collector.inspection import url
from collector.inspection.errors import BadAddress
from storage.comparisons import Outcome, Target

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 60
"""Longest single call of a saver: a server that hangs ends its part of the comparison."""

_MODULES = {
    # backend → module, what pip has to install for it
    "memory": ("memory", "langgraph"),
    "sqlite": ("sqlite", "langgraph-checkpoint-sqlite aiosqlite"),
    "postgres": ("postgres", "langgraph-checkpoint-postgres 'psycopg[binary,pool]'"),
    "redis": ("redis_", "langgraph-checkpoint-redis 'redisvl<0.28'"),
    "valkey": ("valkey_", "'langgraph-checkpoint-aws[valkey]'"),
    "mongodb": ("mongodb", "langgraph-checkpoint-mongodb"),
}


class BackendFailed(CollectorError):
    """One backend cannot go on: which, why and the fix, without a secret; the others go on."""


@dataclass(frozen=True)
class Account:
    """What a server says it holds of a corner."""

    disk_bytes: int | None = None
    memory_bytes: int | None = None
    parts: dict[str, int] = field(default_factory=dict)


class Place(Protocol):
    """One backend. What it raises is its driver's own; ``explained`` puts it into words."""

    pools: bool
    """Whether it has a pool whose size matters."""
    how: str
    """Where the numbers of ``account`` come from."""

    def create(self) -> None:
        """Make the corner; whatever is needed to find it again was noted before."""

    def saver(self, pool: int, serde: Any = None) -> AbstractContextManager[Any]:
        """A synchronous saver over the corner, ready for use."""

    def asaver(self, pool: int, serde: Any = None) -> AbstractAsyncContextManager[Any]:
        """An asynchronous one."""

    def empty(self) -> None:
        """Remove all checkpoints, so that each run begins with the same."""

    def account(self) -> Account:
        """What it holds now."""

    def describe(self, outcome: Outcome) -> None:
        """Say what the backend is."""

    def remove(self) -> None:
        """Remove the corner, to its last key; one that is not there is no error."""

    def close(self) -> None:
        """Let go of connections of its own."""


def opened(target: Target, secrets: dict[str, str], token: str, folder: Path) -> Place:
    """The place of a target; nothing is created yet.

    Args:
        target: the backend.
        secrets: has its URL, under its key.
        token: letters and digits that name the corner, in every key, table or database.
        folder: of the job's own, for files.

    Raises:
        BackendFailed: its packages are missing, or its address is none.
    """
    name, packages = _MODULES[target.backend]
    try:
        module = import_module(f"collector.compare.backends.{name}")
    except ImportError as error:
        if (error.name or "").startswith(("collector", "storage")):
            raise
        raise BackendFailed(
            f"{target.shown or target.backend}: a package is missing ({error.name}). Install it "
            f"into this environment: pip install {packages}"
        ) from None
    address = None
    if target.backend not in ("memory", "sqlite"):
        try:
            address = url.parse(secrets.get(target.key, ""))
        except BadAddress as error:
            raise BackendFailed(str(error)) from None
    made: Place = module.make(address, token, folder)
    return made


def version(backend: str) -> str:
    """The installed package of a backend's savers, with its version."""
    package = _MODULES[backend][1].split()[0].strip("'").partition("[")[0]
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return package


_SAID = (
    # part of what a driver says → what it means, and the fix
    ("space left", "its disk is full. Free some room and compare again."),
    ("disk is full", "its disk is full. Free some room and compare again."),
    ("diskfull", "its disk is full. Free some room and compare again."),
    ("oom command", "the server is out of memory (maxmemory). Give it more, or compare less."),
    ("outofmemory", "the server is out of memory (maxmemory). Give it more, or compare less."),
    ("unknown command", "this server has no search and JSON, which RedisSaver needs. Use Redis 8 "
     "or Redis Stack; or write valkey:// for ValkeySaver, which needs neither."),
    ("startup parameter", "a pooler is in between that takes no options (PgBouncer). Give the URL "
     "of the server itself."),
    ("wrongpass", "the server refuses the login. Check user and password in the URL."),
    ("noauth", "the server wants a password. Write it into the URL."),
    ("authentication", "the server refuses the login. Check user and password in the URL."),
    ("password", "the server refuses the login. Check user and password in the URL."),
    ("not authorized", "this user may not write there. Give it the rights to create and drop a "
     "database or schema."),
    ("permission denied", "this user may not write there. Give it the rights to create and drop a "
     "schema."),
    ("noperm", "this user may not write there. Give it the rights on all keys and commands."),
    ("too large", "a document is larger than the server takes (MongoDB: 16 MB). Compare smaller "
     "values or fewer turns."),
    ("documenttoolarge", "a document is larger than the server takes (MongoDB: 16 MB). Compare "
     "smaller values or fewer turns."),
    ("locked", "its file stayed locked: SQLite has one writer at a time. Compare with fewer "
     "clients."),
    ("does not exist", "what the URL names is not there. Check the name of the database and user."),
    ("refused", "the server cannot be reached. Start it, or check host and port."),
    ("resolve", "the host is not known. Check its name."),
    ("name or service", "the host is not known. Check its name."),
    ("closed", "the server ended the connection. See its log; was it stopped?"),
    ("reset by peer", "the server ended the connection. See its log; was it stopped?"),
    ("terminat", "the server ended the connection. See its log; was it stopped?"),
    ("pooltimeout", "no connection became free in time. Ask for a larger pool or fewer clients, "
     "and see whether the server still runs."),
    ("timeout", "the server does not answer in time. Check host, port, and what else it does."),
    ("timed out", "the server does not answer in time. Check host, port, and what else it does."),
)  # fmt: skip


def explained(target: Target, error: BaseException) -> str:
    """One line: which backend cannot go on, why, and the fix. The text of a driver is never
    repeated: it may hold parts of a URL."""
    where = target.shown or target.backend
    if isinstance(error, BackendFailed):
        return str(error)
    chain: list[BaseException] = []
    seen: BaseException | None = error
    while seen is not None and len(chain) < 8:
        if isinstance(seen, BaseExceptionGroup):
            seen = seen.exceptions[0]
        chain.append(seen)
        seen = seen.__cause__ or seen.__context__
    if isinstance(error, ImportError):
        packages = _MODULES[target.backend][1]
        return f"{where}: a package is missing ({error.name}). Install it: pip install {packages}"
    told = [f"{type(one).__name__} {one}".lower() for one in chain]
    for part, said in _SAID:
        if any(part in one for one in told):
            return f"{where}: {said}"
    return f"{where}: it cannot be used ({type(error).__name__}). Check the URL and the server."
