"""The Backends page with all five backends at work, and with a visitor's own look."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pymongo
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import (
    PATIENCE_SECONDS,
    Look,
    drawn,
    expect_value,
    runs_again,
    store_more,
    updates,
    wait_for_update,
)
from tests.browser.test_demo import held_by_file
from tests.collector.test_exact_mongodb import by_thread
from tests.collector.test_exact_postgres import STORED
from tests.collector.test_exact_redis import held_by_redis
from tests.conftest import StartChild
from tests.sqlite_files import opened
from tests.storage import seed

pytestmark = pytest.mark.browser

PREFIX = "demo-"


@pytest.fixture
def mongo_database(mongo_url: str) -> Iterator[str]:
    """URL of an empty database of the test's own."""
    name = f"test_{uuid.uuid4().hex}"
    yield f"{mongo_url}/{name}"
    with pymongo.MongoClient(mongo_url) as client:
        client.drop_database(name)


def held_by_mongodb(url: str) -> int:
    """Payload bytes, summed by the server."""
    with pymongo.MongoClient[dict[str, Any]](url) as client:
        return sum(by_thread(client.get_default_database(), "$binarySize").values())


def held_by_postgres(url: str) -> int:
    """``octet_length`` of all that the saver's tables hold."""
    with psycopg.connect(url) as connection:
        return sum(size for _, size in connection.execute(STORED).fetchall())


def shown_bytes(page: Page, backend: str) -> int:
    """The exact stored bytes on a backend's card."""
    text = page.locator(f".st-key-exact-backend-{backend}").inner_text()
    found = re.search(r"stored ([\d,]+) B", text)
    assert found is not None, text
    return int(found[1].replace(",", ""))


def settle(store: Path) -> None:
    """Waits until the collector has taken all that was told."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with opened(f"file:{store}?mode=ro", uri=True) as connection:
            ended, lag = connection.execute(
                "SELECT (SELECT min(ended) FROM processes), lag_bytes FROM collector"
            ).fetchone()
        if ended and not lag:
            return
        time.sleep(0.2)
    pytest.fail("the collector did not come to the end")


def test_five_backends_side_by_side(
    look: Look,
    isolated: Path,
    dashboard: str,
    start_child: StartChild,
    request: pytest.FixtureRequest,
) -> None:
    """The demo on SQLite, in memory, Redis, PostgreSQL and MongoDB: five cards that move, and in
    the end hold the bytes that each server counts itself."""
    redis, postgres, mongo = (
        request.getfixturevalue(name)
        for name in ("redis_stack_url", "postgres_database", "mongo_database")
    )
    before = held_by_redis(redis)
    database = isolated / "demo.sqlite"
    demo = start_child(
        "-m", "examples.demo", "--seconds", "0", "--pace", "12", "--database", str(database),
        "--backends", f"sqlite,memory,{redis},{postgres},{mongo},redis://:secret@127.0.0.1:1/0",
    )  # fmt: skip
    page = look(f"{dashboard}/backends?refresh=1s&window=15m")
    for backend in ("sqlite", "memory", "redis", "postgres", "mongodb"):
        plot = f"plot-spark-backend-{backend}"
        wait_for_update(page, plot, after=updates(page, plot))
        expect(page.locator(f".st-key-exact-backend-{backend}")).to_contain_text(" B")
    legend = page.locator(".st-key-plot-backend-latency .legendtext")
    for name in ("SQLite", "In memory", "Redis", "PostgreSQL", "MongoDB"):
        expect(legend.filter(has_text=name)).to_have_count(1)
    expect(page.get_by_role("region", name="Pools of connections")).to_be_attached()

    demo.send_signal(signal.SIGTERM)
    assert demo.wait(PATIENCE_SECONDS) == 0
    printed = demo.log_path.read_text()  # type: ignore[attr-defined]
    assert "Left out: redis://127.0.0.1:1/0" in printed
    assert "secret" not in printed
    assert "Not told" not in printed
    settle(isolated / "store.sqlite")
    files = [database, database.with_name("demo-async.sqlite")]
    after = held_by_redis(redis)
    held = {
        "sqlite": sum(sum(held_by_file(file).values()) for file in files),
        "redis": sum(size for thread, size in after.stored.items() if thread.startswith(PREFIX)),
        "postgres": held_by_postgres(postgres),
        "mongodb": held_by_mongodb(mongo),
    }
    assert not any(thread.startswith(PREFIX) for thread in before.stored)
    assert min(held.values()) > 10_000
    page.reload()
    drawn(page)
    for backend, size in held.items():
        expect(page.locator(f".st-key-exact-backend-{backend}")).to_contain_text(f"{size:,} B")
    assert shown_bytes(page, "memory") > 10_000


def test_a_visitors_own_look(look: Look, isolated: Path, request: pytest.FixtureRequest) -> None:
    """A database that is named in the form: its checks stand on the page and are stored; of an
    address that cannot be reached the reason, in either case without the password."""
    isolated.mkdir(exist_ok=True)
    file = isolated / "chat.sqlite"
    connection = sqlite3.connect(file)
    connection.execute(
        "CREATE TABLE checkpoints (thread_id TEXT, checkpoint_ns TEXT, checkpoint_id TEXT, "
        "parent_checkpoint_id TEXT, type TEXT, checkpoint BLOB, metadata BLOB, "
        "PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id))"
    )
    connection.execute(
        "CREATE TABLE writes (thread_id TEXT, checkpoint_ns TEXT, checkpoint_id TEXT, "
        "task_id TEXT, idx INTEGER, channel TEXT, type TEXT, value BLOB, "
        "PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx))"
    )
    connection.commit()
    connection.close()
    store = isolated / "store.sqlite"
    # Its collector is gone: that of the dashboard takes over, and then what the look hands over.
    seed.sample(time.time_ns() // 1000).write(store, heartbeat_s=600)
    dashboard = request.getfixturevalue("dashboard")
    page = look(f"{dashboard}/backends?refresh=1s")
    field = page.get_by_label("Check a database", exact=True).first
    field.fill("redis://me:hunter2secret@127.0.0.1:1/0")
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.get_by_text("The look ended early:")).to_be_visible()
    expect(field).to_have_value("")
    field.fill(str(file))
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.get_by_text("chat.sqlite")).to_be_visible()
    assert "hunter2secret" not in page.content()
    assert "hunter2secret" not in page.url
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and not stored_looks(store):
        page.wait_for_timeout(200)
    (found,) = stored_looks(store)
    assert found["label"] == "chat.sqlite"


def stored_looks(store: Path) -> list[dict[str, Any]]:
    """The inspections in a store."""
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    rows = connection.execute("SELECT result FROM inspections").fetchall()
    connection.close()
    return [json.loads(row) for (row,) in rows]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with five backends and all that is beside them."""
    path = tmp_path_factory.mktemp("shared") / "store.sqlite"
    seed.sample_backends(time.time_ns() // 1000).write(path, heartbeat_s=-3600)
    return path


def test_on_a_phone(look: Look, filled: str) -> None:
    """At 390 pixels neither page is wider than the screen."""
    for path, last in (("/backends", "plot-pools"), ("/caches", "plot-saved")):
        page = look(f"{filled}{path}?refresh=1s", width=390, height=844)
        updates(page, last)
        runs_again(page)
        expect_value(page, "() => document.documentElement.scrollWidth === window.innerWidth")
        page.close()


def test_a_choice_survives_live_updates(look: Look, filled: str, store: Path) -> None:
    """Operation and percentile stay chosen, in the address too, and charts are the same ones."""
    page = look(f"{filled}/backends?refresh=5s&operation=put_writes&percentile=p99")
    spark = "plot-spark-backend-sqlite"
    plot = page.locator(f".st-key-{spark} .statemeter-plot")
    before = updates(page, spark)
    plot.evaluate("one => { one.sameOne = true; }")
    store_more(store, 1_000_000)
    wait_for_update(page, spark, after=before)
    assert plot.evaluate("one => one.sameOne")
    page.get_by_role("radio", name="p50").or_(page.get_by_role("button", name="p50")).first.click()
    expect_value(page, "() => new URL(location.href).searchParams.get('percentile') === 'p50'")
    expect_value(
        page, "() => new URL(location.href).searchParams.get('operation') === 'put_writes'"
    )
