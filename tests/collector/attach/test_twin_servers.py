"""What is found in the databases of servers, in the store: against what a probe told of the same
calls, and against the servers' own counts.

Real graphs ran instrumented, sync and async. Their databases are attached to a store of their own,
and to the one that has what the probe told, before it and after it.
"""

from __future__ import annotations

import json
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pymongo
import pytest

from collector.attach import reader
from collector.attach.reader import Reader
from collector.attach.teller import Teller
from collector.inspection import drivers, url
from storage.store import open_reader, open_writer
from tests.collector.attach import test_mongodb, twins
from tests.collector.made import collect, one, query
from tests.collector.test_exact_postgres import LIVE, LIVE_SHALLOW, STORED
from tests.collector.test_exact_redis import held_by_redis, held_by_valkey
from tests.servers import redis_servers

PATIENCE_SECONDS = 120
KINDS = ("postgres", "shallow", "mongodb", "redis", "valkey")


@dataclass
class Ran:
    """Applications that ran on a server."""

    key: str
    layout: str
    folder: Path
    stored: dict[str, int]
    live: dict[str, int] | None
    """By thread, of those that are there, as the server has them; None: by the probe alone."""

    def threads(self, store: str) -> dict[str, dict[str, Any]]:
        """Rows of its threads."""
        sql = (
            "SELECT t.* FROM threads t JOIN savers s ON s.id = t.saver_id "
            "WHERE s.key = ? ORDER BY thread_id"
        )
        rows = query(self.folder / store, sql, self.key)
        return {row["thread_id"]: row for row in rows}


def read(address: str, spool: Path, store: Path) -> str:
    """Read a database to the present, and store what was found; its key."""
    open_writer(str(store)).dispose()
    named = url.parse(address)
    with drivers.module("collector.attach", named).opened(named) as source:
        key = source.saver().key
    engine = open_reader(str(store))
    stop = threading.Event()
    teller = Teller(spool, key, "other", stop.is_set)
    reading = Reader(key, named, engine, teller, stopped=stop.is_set, once=True)
    raised: list[BaseException] = []

    def run() -> None:
        try:
            reading.run()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    timer = threading.Timer(PATIENCE_SECONDS, stop.set)
    timer.start()
    thread.start()
    while thread.is_alive():
        collect(spool, store)
        thread.join(0.05)
    timer.cancel()
    engine.dispose()
    if raised:
        raise raised[0]
    assert not stop.is_set(), "it did not end"
    collect(spool, store)
    return key


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    """Readers look more often than every second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "POLL_SECONDS", 0.05)
        patch.setattr(reader, "RECONCILE_SECONDS", 0.1)
        yield


@pytest.fixture(scope="module")
def redises(
    redis_stack_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str, Path]]:
    """Redis Stack, a plain Redis and the spool of the applications that ran on both. They are of
    these tests alone: of a Redis that shallow savers use as well, only the others are read."""
    spool = tmp_path_factory.mktemp("redises") / "spool"
    with redis_servers.stack() as stack, redis_servers.plain() as plain:
        twins.run("tests.collector.on_redis", spool, stack, plain)
        yield stack, plain, spool


@pytest.fixture(scope="module", params=KINDS)
def ran(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, quick: None
) -> Iterator[Ran]:
    """One kind of saver: what ran, and the stores ``probe``, ``attached``, ``before`` (attached
    first) and ``after``."""
    folder = tmp_path_factory.mktemp(f"twin-{request.param}")
    with ran_on(request.param, request, folder / "spool") as (address, layout):
        for name in ("probe", "before", "after"):
            shutil.copytree(folder / "spool", folder / f"spool-{name}")
        collect(folder / "spool-probe", folder / "probe.sqlite")
        key = read(address, folder / "spool-attached", folder / "attached.sqlite")
        collect(folder / "spool-after", folder / "after.sqlite")
        read(address, folder / "spool-after", folder / "after.sqlite")
        read(address, folder / "spool-first", folder / "before.sqlite")
        collect(folder / "spool-before", folder / "before.sqlite")
        stored, live = _held(request.param, address)
        yield Ran(key, layout, folder, stored, live)


@contextmanager
def ran_on(kind: str, request: pytest.FixtureRequest, spool: Path) -> Iterator[tuple[str, str]]:
    """The applications of a kind, run on a server: URL and layout."""
    name = f"twin_{uuid.uuid4().hex}"
    if kind in {"postgres", "shallow"}:
        server = request.getfixturevalue("postgres_url")
        address = f"{server.rpartition('/')[0]}/{name}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        twins.run("tests.collector.on_postgres", spool, address, *[kind] * (kind == "shallow"))
        yield address, "latest" if kind == "shallow" else "channels"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    elif kind == "mongodb":
        server = request.getfixturevalue("mongo_url")
        twins.run("tests.collector.on_mongodb", spool, server, name)
        yield f"{server}/{name}", "whole"
        with pymongo.MongoClient[Any](server) as client:
            client.drop_database(name)
    else:
        stack, plain, told = request.getfixturevalue("redises")
        shutil.copytree(told, spool)
        yield stack if kind == "redis" else plain.replace("redis://", "valkey://"), "whole"


def _held(kind: str, address: str) -> tuple[dict[str, int], dict[str, int] | None]:
    if kind in {"postgres", "shallow"}:
        with psycopg.connect(address) as connection:
            live = LIVE_SHALLOW if kind == "shallow" else LIVE
            return dict(connection.execute(STORED).fetchall()), dict(
                connection.execute(live).fetchall()
            )
    if kind == "mongodb":
        return test_mongodb.stored(address), None
    held = (
        held_by_valkey(address.replace("valkey://", "redis://"))
        if kind == "valkey" else held_by_redis(address)
    )  # fmt: skip
    ours = [name for name in held.stored if "shallow" not in name]
    return {name: held.of(name)[0] for name in ours}, {name: held.of(name)[1] for name in ours}


def test_threads_hold_what_the_server_tells(ran: Ran) -> None:
    """Stored and live bytes of every thread that is there, none of it partial; written is what was
    found."""
    told = ran.threads("attached.sqlite")
    assert {name: row["stored_bytes"] for name, row in told.items()} == ran.stored
    if ran.live is not None:
        assert {name: row["live_bytes"] for name, row in told.items() if name in ran.live} == (
            ran.live
        )
    for name, row in told.items():
        assert (name, row["partial"], row["deleted_us"], row["errors"]) == (name, 0, 0, 0)
        assert (row["application"], row["duration_us"], row["serde_us"]) == ("other", 0, 0)


def test_threads_are_as_the_probe_tells_them(ran: Ran) -> None:
    """What a thread holds now, by the byte and by channel."""
    probed, attached = ran.threads("probe.sqlite"), ran.threads("attached.sqlite")
    assert {name for name, row in probed.items() if row["stored_bytes"]} == set(attached)
    for name, row in attached.items():
        twin = probed[name]
        for column in ("stored_bytes", "live_bytes", "checkpoint"):
            assert (name, column, row[column]) == (name, column, twin[column])
        channels, told = json.loads(row["channels"]), json.loads(twin["channels"])
        for namespace, sums in channels.items():
            for channel, (live, *_) in sums.items():
                assert (name, channel, live) == (name, channel, told[namespace][channel][0])


@pytest.mark.parametrize("order", ["before", "after"])
def test_attached_and_instrumented_counts_once(ran: Ran, order: str) -> None:
    """Whether the reader or the probe told first, threads are those of the probe alone.

    Those of which something was removed meanwhile are left out where the reader was first: it found
    what the probe told as gone.
    """
    alone, both = ran.threads("probe.sqlite"), ran.threads(f"{order}.sqlite")
    assert set(alone) == set(both)
    whole = {
        name for name, row in ran.threads("attached.sqlite").items()
        if row["steps"] == alone[name]["steps"]
    }  # fmt: skip
    assert whole or ran.layout == "latest"
    for name, row in alone.items():
        if order == "before" and name not in whole:
            continue
        for column in (
            "steps", "operations", "errors", "live_bytes", "stored_bytes", "written_bytes",
            "metadata_bytes", "duration_us", "serde_us", "partial", "deleted_us",
        ):  # fmt: skip
            assert (name, column, both[name][column]) == (name, column, row[column])


def test_nothing_was_lost_on_the_way(ran: Ran) -> None:
    """No gap and no dead letter; the source says that all was read."""
    for name in ("attached", "before", "after"):
        store = ran.folder / f"{name}.sqlite"
        assert one(store, "SELECT count(*) FROM gaps") == 0
        assert one(store, "SELECT count(*) FROM dead_letters") == 0
    (row,) = query(ran.folder / "attached.sqlite", "SELECT * FROM sources")
    steps = "SELECT sum(steps) FROM threads"
    assert row["done_checkpoints"] >= one(ran.folder / "attached.sqlite", steps) > 0
    assert (row["phase"], row["problem"], row["key"]) == ("following", "", ran.key)
    (saver,) = query(ran.folder / "attached.sqlite", "SELECT * FROM savers")
    assert (saver["key"], saver["layout"]) == (ran.key, ran.layout)
