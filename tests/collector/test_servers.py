"""Counters of servers, read beside ingest."""

from __future__ import annotations

import json
import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import redis

from collector import servers
from collector.counters.reading import Reading
from collector.inspection import url
from collector.inspection.errors import BadAddress, CouldNotLook
from tests.collector.inspection.looks import silent_server
from tests.collector.live import collecting, wait_for
from tests.collector.made import Made, one, query


def series(
    monkeypatch: pytest.MonkeyPatch, readings: list[dict[str, int] | CouldNotLook]
) -> tuple[servers.Series, list[servers.Taken]]:
    """A series whose server gives these readings in turn."""
    waiting = iter(readings)

    def read(address: url.Address) -> Reading:
        found = next(waiting)
        if isinstance(found, CouldNotLook):
            raise found
        return Reading("redis://h:1/0", "h:1/0", found)

    monkeypatch.setattr(servers, "_read", read)
    given: list[servers.Taken] = []
    return servers.Series(url.parse("redis://h:1"), given.append), given


def test_counters_begin_with_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the server did before is not told, and a restart of it takes nothing back."""
    told = [{"hits": n, "keys": k} for n, k in ((1_000, 5), (1_010, 4), (3, 1), (4, 2))]
    one_series, given = series(monkeypatch, list(told))
    for _ in told:
        one_series.read()
    assert [gauges.values for _, gauges in given] == [
        {"up": 1, "hits": 0, "keys": 5},
        {"up": 1, "hits": 10, "keys": 4},
        {"up": 1, "hits": 13, "keys": 1},
        {"up": 1, "hits": 14, "keys": 2},
    ]
    assert {(server.key, server.kind, server.label) for server, _ in given} == {
        (url.storage_key("server", "redis://h:1/0"), "server", "h:1/0")
    }


def test_a_server_that_is_down_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In the log; as a reading each time, under the name it had."""
    down = CouldNotLook("redis://h:1 cannot be reached: refused. Start the server.")
    one_series, given = series(monkeypatch, [{"hits": 1}, down, down, {"hits": 2}])
    with caplog.at_level(logging.INFO, "statemeter.collector"):
        for _ in range(4):
            one_series.read()
    assert [gauges.values["up"] for _, gauges in given] == [1, 0, 0, 1]
    assert len({server.key for server, _ in given}) == 1
    assert [record.message for record in caplog.records] == [str(down), "redis://h:1 is back"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "redis://h mysql://me:hunter2@h",
            r"STATEMETER_SERVERS: The scheme mysql:// of mysql://me:\*",
        ),
        ("/tmp/x.sqlite", "is a file, which counts nothing of itself"),
        (" ".join(f"redis://h{n}" for n in range(21)), "names 21 servers; 20 at most"),
    ],
)
def test_a_setting_that_names_no_servers_is_told(text: str, told: str) -> None:
    with pytest.raises(BadAddress, match=told) as caught:
        servers.Servers(text)
    assert "hunter2" not in str(caught.value)


def test_the_readings_are_stored(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of a resource that no process has."""
    monkeypatch.setenv("STATEMETER_SERVERS", f"{redis_url}/8 {redis_url}/8")
    monkeypatch.setattr(servers, "EVERY_SECONDS", 0.2)
    store = tmp_path / "store.sqlite"
    with redis.Redis.from_url(f"{redis_url}/8") as client:
        client.set("checkpoint:x", "x")

        def hits() -> int:
            client.get("checkpoint:x")
            rows = stored(store)
            return sum(json.loads(row["added"])["hits"] for row in rows)

        with collecting(tmp_path / "spool", store):
            wait_for(lambda: hits() > 3, "a growing counter")
        client.delete("checkpoint:x")
    (row,) = query(store, "SELECT kind, backend, label FROM resources")
    assert row == {"kind": "server", "backend": "redis", "label": f"{redis_url[8:]}/8"}
    newest = json.loads(stored(store)[-1]["readings"])
    assert newest["up"] == newest["keys"] == newest["keys_forever"] == 1


def stored(store: Path) -> list[dict[str, Any]]:
    """Readings by the hour; none while the collector still makes the tables."""
    try:
        return query(
            store, "SELECT readings, added FROM gauge_samples WHERE process_id = 0 AND "
            "resolution_s = 3600 ORDER BY bucket_us",
        )  # fmt: skip
    except sqlite3.OperationalError:
        return []


def test_a_silent_server_holds_up_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events are stored, and the collector ends, while a server lets its reader wait."""
    store = tmp_path / "store.sqlite"
    with silent_server() as port:
        monkeypatch.setenv("STATEMETER_SERVERS", f"postgresql://me@127.0.0.1:{port}/x")
        made = Made(tmp_path / "spool")
        made.put("t", 1)
        made.seal()
        made.write()
        made.die()
        with collecting(tmp_path / "spool", store):
            wait_for(lambda: has_operation(store), "ingest")
    assert one(store, "SELECT count(*) FROM gauge_samples") == 0


def has_operation(store: Path) -> bool:
    try:
        return bool(query(store, "SELECT 1 FROM operations"))
    except sqlite3.OperationalError:
        return False
