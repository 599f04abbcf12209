"""The Caches page shows the numbers of the store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pages.ui import formats
from tests.pages.conftest import Visit, charts, metrics, texts
from tests.pages.test_backends import five, table
from tests.sqlite_files import opened
from tests.storage import seed

__all__ = ["five"]


def cache_calls(made: seed.Seed, method: str) -> list[dict]:
    """Calls of node caches."""
    assert made.resources is not None
    return [c for c in made.resources.calls if c["resource"] in {3, 4} and c["method"] == method]


def test_cards_are_a_recount(visit: Visit, five: seed.Seed) -> None:
    """Hit rate, time saved, and how many hits have an unknown saving."""
    shown = visit("caches", window="15m")
    gets = cache_calls(five, "get")
    hits = sum(call["hits"] for call in gets)
    assert metrics(shown)["Hit rate"] == formats.share(hits / len(gets))
    saved = sum(call["saved_us"] for call in gets)
    assert metrics(shown)["Time saved"] == formats.duration(saved)
    unknown = sum(call["unknown_hits"] for call in gets)
    (card,) = [one for one in shown.metric if one.label == "Time saved"]
    assert card.delta == f"unknown for {unknown} hits"


def test_nodes(visit: Visit, five: seed.Seed) -> None:
    """Each node of each cache; savings of a node that was never seen to run are missing."""
    shown = table(visit("caches", window="15m"), "Nodes with a cache").set_index(["cache", "node"])
    assert len(shown) == 3
    for (cache, node), row in shown.iterrows():
        resource = 3 if cache == "localhost:6379/0" else 4
        gets = [
            c for c in cache_calls(five, "get") if (c["resource"], c["part"]) == (resource, node)
        ]
        assert row["hits"] == sum(call["hits"] for call in gets)
        assert row["misses"] == len(gets) - row["hits"]
        saved = sum(call["saved_us"] for call in gets) / 1_000_000
        assert np.isnan(row["saved"]) if node == "retrieve" else row["saved"] == saved
    assert shown.loc[("localhost:6379/0", "retrieve"), "ttl"] == "5.00 min"
    assert shown.loc[("localhost:6379/0", "plan"), "ttl"] == "never expires"


def test_lines_of_nodes(visit: Visit, five: seed.Seed) -> None:
    """A line for each node; two of the same name are told apart by their cache."""
    drawn = charts(visit("caches", window="15m"))
    names = {trace.name for trace in drawn["Hit rate of nodes over time"].data}
    assert names == {"retrieve", "plan (localhost:6379/0)", "plan (InMemoryCache 1)"}
    figure = drawn["Time saved by caches over time"]
    ends = sum(np.asarray(trace.y)[-1] for trace in figure.data)
    saved = sum(call["saved_us"] for call in cache_calls(five, "get"))
    assert ends == pytest.approx(saved / 1_000_000)


def test_functions_and_servers_beside_them(visit: Visit, five: seed.Seed) -> None:
    """lru caches and the servers' own counters."""
    shown = visit("caches", window="15m")
    (row,) = table(shown, "Functions with a cache").to_dict("records")
    assert (row["name"], row["maximum"]) == ("system-config", 128)
    told = texts(shown)
    assert "Without TTL" in told
    assert "Fragmentation" in told
    assert "Commits / s" not in told


def test_no_cache(visit: Visit, filled: seed.Seed) -> None:
    """Without any cache: how to have one, and how to watch a function and a server."""
    told = texts(visit("caches"))
    assert "CachePolicy" in told
    assert "statemeter.watch_cache" in told
    assert "STATEMETER_SERVERS=" in told


def test_nothing_asked_is_unknown(visit: Visit, five: seed.Seed, store: Path) -> None:
    """Keys that are known while nothing was called in the window: dashes, not 0 %."""
    with opened(store) as connection:
        connection.execute("DELETE FROM access_rollups")
    shown = metrics(visit("caches", window="15m"))
    assert shown["Hit rate"] == "–"
    assert shown["Distinct keys"] != "0"


def test_an_old_store(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """A store that its collector has not brought up to date: the pages work, and show less."""
    with opened(store) as connection:
        for name in ("access_rollups", "cache_nodes", "cache_keys", "gauge_samples", "resources",
                     "node_durations", "inspections"):  # fmt: skip
            connection.execute(f"DROP TABLE {name}")
        connection.execute("DELETE FROM migrations WHERE version > 1")
    assert "CachePolicy" in texts(visit("caches"))
    assert "No pool was seen" in texts(visit("backends"))


def test_a_longer_window(visit: Visit, five: seed.Seed) -> None:
    """Numbers of the last hour are within the window of a day, too."""
    day = metrics(visit("caches", window="24h"))["Hit rate"]
    assert day == metrics(visit("caches", window="15m"))["Hit rate"]
