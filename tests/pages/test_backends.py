"""The Backends page shows the numbers of the store, side by side."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import formats
from storage import inspections
from storage.inspections import Check, Inspection
from tests.pages.conftest import Visit, charts, texts
from tests.sqlite_files import opened
from tests.storage import seed


@pytest.fixture
def five(store: Path) -> seed.Seed:
    """A store with five backends, and stores, caches, embeddings, pools and servers."""
    made = seed.sample_backends(time.time_ns() // 1000)
    made.write(store, heartbeat_s=-3600)
    return made


def table(visitor: AppTest, alt: str) -> pd.DataFrame:
    """What the table shows of which a screen reader says this."""
    (found,) = [one for one in visitor.dataframe if one.proto.alt == alt]
    return found.value


def store_inspection(store: Path, found: Inspection) -> None:
    """Stores an inspection as the collector would."""
    with opened(store) as connection:
        connection.execute(
            "INSERT INTO inspections (inspection, storage, backend, label, at_us, status, result) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (found.id, found.storage, found.backend, found.label, found.at_us, found.status,
             inspections.encode(found).decode()),
        )  # fmt: skip


def test_a_card_for_each_backend(visit: Visit, five: seed.Seed) -> None:
    """Stored bytes of each backend, recounted, stand on the page; each has a curve of its own."""
    shown = visit("backends", window="15m")
    told = texts(shown)
    by_backend: dict[str, int] = {}
    for thread in five.threads:
        backend = thread["backend"]
        by_backend[backend] = by_backend.get(backend, 0) + thread["stored_bytes"]
    assert len(by_backend) == 5
    for backend, stored in by_backend.items():
        name = formats.backend_name(backend)
        assert f"**{name}**" in told
        assert f"**{formats.size(stored)}**" in told
        assert f"Calls of {name} over time" in charts(shown)
    assert ":red[**3**]" in told  # Redis: its three failed calls
    assert len([one for one in shown.metric if one.label == "Operations / s"]) == 5


def test_one_colour_for_a_backend_on_all_charts(visit: Visit, five: seed.Seed) -> None:
    """Latency, bytes and the Overview paint each backend alike, shown alone too."""
    places = dict(formats.BACKENDS.values())
    for page, label in (
        ("backends", "Latency of backends over time"),
        ("backends", "Bytes of backends over time"),
        ("overview", "Stored bytes by backend over time"),
    ):
        figure = charts(visit(page, window="15m"))[label]
        assert {trace.name: trace.meta["color"] for trace in figure.data} == {
            name: places[name] for name in ("PostgreSQL", "Redis", "MongoDB", "SQLite", "In memory")
        }
    alone = charts(visit("backends", backend="redis"))["Latency of backends over time"]
    assert [trace.name for trace in alone.data] == ["p50", "p95", "p99"]
    assert {trace.meta["color"] for trace in alone.data} == {places["Redis"]}


def test_operations_are_those_of_the_store(visit: Visit, five: seed.Seed) -> None:
    """Calls of each backend and operation are a recount's, latencies in ms."""
    shown = table(visit("backends", window="15m"), "Operations of backends")
    shown = shown.rename(columns={"count": "calls"})
    rows = {(row.backend, row.operation): row for row in shown.itertuples()}
    for (backend, operation), row in rows.items():
        mine = [
            one["duration_us"]
            for one in five.operations
            if formats.backend_name(five.threads[one["thread_key"] - 1]["backend"]) == backend
            and one["operation"] == operation
        ]
        assert row.calls == len(mine)
        assert row.p50 == pytest.approx(np.quantile(mine, 0.5) / 1000, rel=0.2)
    assert len(rows) == 11


def test_the_address_chooses_operation_and_percentile(visit: Visit, five: seed.Seed) -> None:
    """A chart can be linked to: its operation, percentile and bytes."""
    told = texts(visit("backends", operation="put_writes", percentile="p99", bytes="stored"))
    assert "p99" in told
    assert "**Stored**" in told
    assert "It was not called in this window." in texts(visit("backends", operation="prune"))


def test_errors_by_class(visit: Visit, five: seed.Seed) -> None:
    """The class of each failed call, with its operation and count; without any, that is told."""
    shown = table(visit("backends"), "Errors of savers")
    (row,) = shown.to_dict("records")
    assert (row["backend"], row["operation"], row["error"]) == (
        "Redis", "get_tuple", "OperationalError",
    )  # fmt: skip
    assert row["count"] == 3
    assert "No call failed" in texts(visit("backends", backend="memory"))


def test_pools_stores_embeddings_and_servers(visit: Visit, five: seed.Seed) -> None:
    """What is beside savers has its figures; bytes that a store does not tell are no 0."""
    shown = visit("backends", window="15m")
    (pool,) = table(shown, "Pools of connections").to_dict("records")
    assert (pool["pool"], pool["maximum"]) == ("localhost:5432/chat", 8)
    stores = table(shown, "Stores").set_index(["backend", "method"])
    assert np.isnan(stores.loc[("In memory", "get"), "bytes"])
    assert stores.loc[("PostgreSQL", "get"), "bytes"] > 0
    (embeddings,) = table(shown, "Embeddings").to_dict("records")
    assert embeddings["texts"] == 240
    told = texts(shown)
    assert "Commits / s" in told
    assert "**131 %**" in told  # fragmentation of the Redis
    prefixes = table(visit("backends", **{"store-rows": "prefix"}), "Stores")
    assert set(prefixes["prefix"]) >= {"users/0", "memories"}


def test_a_silent_server_is_unknown(visit: Visit, five: seed.Seed, store: Path) -> None:
    """Levels that nobody has read for a while are a dash, not the last value."""
    with opened(store) as connection:
        connection.execute(
            "UPDATE gauge_samples SET at_us = at_us - 300000000, bucket_us = bucket_us - 300000000"
        )
    shown = visit("backends", window="6h")
    assert "not read lately" in texts(shown)
    assert "**131 %**" not in texts(shown)
    (pool,) = table(shown, "Pools of connections").to_dict("records")
    assert np.isnan(pool["in_use"])


def test_nothing_but_savers(visit: Visit, filled: seed.Seed) -> None:
    """Parts without data say what would fill them."""
    told = texts(visit("backends"))
    for words in ("No pool was seen", "STATEMETER_SERVERS=", "No store was seen",
                  "No database was looked into yet"):  # fmt: skip
        assert words in told


def test_query_health_has_the_statement(visit: Visit, five: seed.Seed, store: Path) -> None:
    """What is wrong comes first, with its value, meaning and the statement that mends it; text of
    a database is never markdown."""
    wrong = Check(
        id="dead", what="Dead rows", subject="**bold**", status="critical", value=64.25, unit="%",
        estimate=True, why="Autovacuum is late. <b>x</b>", mend="VACUUM t;", language="sql",
    )  # fmt: skip
    fine = Check(id="size", what="Size", value=4096, unit="bytes")
    store_inspection(store, Inspection(
        id="a" * 32, backend="postgres", storage="d" * 12, label="localhost:5432/chat",
        at_us=time.time_ns() // 1000, duration_us=1500, server="PostgreSQL 15",
        checks=[fine, wrong],
    ))  # fmt: skip
    shown = visit("backends")
    told = texts(shown)
    assert "VACUUM t;" in [code.value for code in shown.code]
    assert "Autovacuum is late. <b>x</b>" in [text.value for text in shown.text]
    assert "\\*\\*bold\\*\\*" in told
    assert "\\~64\\.2 %" in told
    checks = table(shown, "Checks of the look")
    assert list(checks["value"]) == ["~64.2 %", "4.10 KB"]
    assert "VACUUM t;" not in [code.value for code in visit("backends", backend="redis").code]


def test_what_no_probe_saw_is_not_said_to_be_nothing(
    visit: Visit, five: seed.Seed, store: Path
) -> None:
    """Of an attached database what was written is known; calls, errors and latency are not, and
    nothing says that there were none."""
    with opened(store) as connection:
        connection.execute("DELETE FROM rollups WHERE operation <> 'put'")
        connection.execute("UPDATE rollups SET operation = 'found', duration_us = 0, serde_us = 0")
        connection.execute("UPDATE operations SET error = ''")
    shown = visit("backends", window="15m")
    told = texts(shown)
    assert not shown.exception
    for wrong in ("was called in this window", "was not called", "No call failed"):
        assert wrong not in told
    assert "no failed call is known" in told
    assert told.count("no probe saw them") == 3  # latency, operations, errors
    assert {metric.value for metric in shown.metric} == {"–"}
