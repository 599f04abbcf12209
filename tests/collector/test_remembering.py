"""From a real graph to the reports: node cache, store and ``lru_cache`` as their own files say."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from storage.queries_gauges import lru_caches
from storage.queries_resources import caches, stores
from storage.store import open_reader
from tests.collector.made import collect
from tests.conftest import REPOSITORY

DAY_S = 86_400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("remembering")
    subprocess.run(
        [sys.executable, "-m", "tests.collector.remembering", str(folder)],
        cwd=REPOSITORY,
        env=os.environ | {"STATEMETER_SPOOL": str(folder / "spool")},
        check=True,
    )
    collect(folder / "spool", folder / "store.sqlite")
    return folder


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[Engine]:
    engine = open_reader(str(folder / "store.sqlite"))
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def truth(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "truth.json").read_text())
    return told


def rows(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_the_node_cache(folder: Path, engine: Engine, truth: dict[str, Any]) -> None:
    """Hits are the runs that did not happen; keys and bytes are those in the file."""
    found = caches(engine, DAY_S)
    (node,) = found.nodes.to_dict("records")
    ((keys, held),) = rows(folder / "cache.sqlite", "SELECT count(*), sum(length(val)) FROM cache")
    assert (node["node"], node["asked"], node["misses"]) == ("plan", 12, truth["plan"])
    assert (node["keys"], node["key_bytes"]) == (keys, held)
    assert (node["sets"], node["unhit_keys"], node["unknown_hits"]) == (truth["plan"], 0, 0)
    assert (node["ttl_min_seconds"], node["endless_keys"]) == (600, 0)
    assert node["saved_us"] >= (12 - truth["plan"]) * 28_000  # a histogram is off by 1/16


def test_the_store(folder: Path, engine: Engine, truth: dict[str, Any]) -> None:
    """What get found, and what put wrote, by namespace prefix."""
    found = stores(engine, DAY_S)
    by_method = found.methods.set_index("method")
    assert by_method.loc["get", "asked"] == truth["asked"]
    assert by_method.loc["get", "hits"] == truth["found"] > 0
    assert by_method.loc["put", "items"] == 12
    (each,) = {size for (size,) in rows(folder / "items.sqlite", "SELECT length(value) FROM store")}
    assert by_method.loc["put", "payload_bytes"] == 12 * each
    assert set(found.parts["part"]) == {"users/0", "users/1"}


def test_the_lru_cache(engine: Engine, truth: dict[str, Any]) -> None:
    (row,) = lru_caches(engine, DAY_S).resources.to_dict("records")
    hits, misses, maximum, _ = truth["lru"]
    assert (row["label"], row["hits"], row["misses"]) == ("limit", hits, misses)
    assert json.loads(row["facts"]) == {"maximum": maximum}
