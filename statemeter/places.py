"""Where a saver, store, cache or pool keeps its data: found without asking any server.

Each function takes the connection or client that the application made. It opens nothing, sends
nothing, and tells neither user nor password.
"""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """Where data is kept; all empty where only this process has it, or where it is unknown."""

    identity: str = ""
    """The same in every process that uses the same data: a path, or
    ``backend://host:port/database``."""
    label: str = ""
    """What a person would call it."""
    database: str = ""
    """Absolute path of a database file."""


NOWHERE = Place()


def at_file(path: str) -> Place:
    """A database file by its absolute path; nowhere for an empty one."""
    return Place(path, Path(path).name, path) if path else NOWHERE


def at_server(backend: str, host: str, port: int | str, database: int | str) -> Place:
    """A database of a server; without a host, one reached over the default socket."""
    label = f"{host or 'socket'}:{port}/{database}"
    return Place(f"{backend}://{label}", label)


def sqlite(connection: Any) -> Place:
    """The file of a connection of sqlite3 or aiosqlite; nowhere for a database in memory."""
    connector = getattr(connection, "_connector", None)
    if connector is None:
        rows = connection.execute("PRAGMA database_list").fetchall()
        return at_file(next((path for _, schema, path in rows if schema == "main"), "") or "")
    # aiosqlite opens its file later and in a thread of its own: the name waits in a closure.
    named = str(inspect.getclosurevars(connector).nonlocals["database"])
    if named.startswith("file:"):
        named = named.removeprefix("file:").split("?")[0]
    return at_file("" if named in ("", ":memory:") else str(Path(named).absolute().resolve()))


def postgres(connection: Any) -> Place:
    """The database of a connection or a pool of psycopg, of the sync or the async kind.

    A pool may be closed yet, and a function may give its connection string: that is not called.
    """
    info = getattr(connection, "info", None)
    if info is not None:
        host = info.host if "host" in info.get_parameters() else info.hostaddr
        return at_server("postgres", host, info.port, info.dbname)
    given = connection.conninfo
    if not isinstance(given, str):
        return NOWHERE
    psycopg = sys.modules["psycopg"]
    defaults = {
        option.keyword.decode(): option.val.decode()
        for option in psycopg.pq.Conninfo.get_defaults()
        if option.val is not None
    }
    named = psycopg.conninfo.conninfo_to_dict(given)
    known = {**defaults, **named, **(connection.kwargs or {})}
    host = known.get("host") or known.get("hostaddr") or ""
    database = str(known.get("dbname") or known.get("user", ""))
    if "://" in database or "=" in database:  # a connection string, maybe with a password
        return NOWHERE
    return at_server("postgres", host, known.get("port") or 5432, database)


def mongodb(database: Any) -> Place:
    """A database of pymongo (``client[name]``), of a client that may not be connected yet."""
    settings = database.client._topology_settings  # ``client.address`` would wait for the server
    if settings is None:
        return NOWHERE
    seeds = sorted(settings.seeds)
    host = ",".join([f"{name}:{port}" for name, port in seeds[:-1]] + [seeds[-1][0]])
    return at_server("mongodb", host, seeds[-1][1], database.name)


def redis(backend: str, client: Any) -> Place:
    """The database of a client of redis-py or valkey-py; sync or async, of a cluster as well."""
    pool = getattr(client, "connection_pool", None)
    if pool is None:
        names = sorted(client.nodes_manager.startup_nodes)
        host = ",".join([*names[:-1], names[-1].rpartition(":")[0]])
        return at_server(backend, host, names[-1].rpartition(":")[2], 0)
    known = pool.connection_kwargs
    database = known.get("db") or 0
    if "path" in known:
        label = f"{known['path']}/{database}"
        return Place(f"{backend}://{label}", label)
    service = getattr(pool, "service_name", "")
    if service:
        return at_server(backend, service, "sentinel", database)
    return at_server(backend, known.get("host") or "localhost", known.get("port") or 6379, database)
