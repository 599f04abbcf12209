"""The view Compare of the Backends page: empty, live, stale, broken; what a visitor asks for."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
import streamlit as st
from streamlit import config
from streamlit.testing.v1 import AppTest

from pages.ui.comparing import Comparing
from statemeter import settings
from storage import jobs, orders
from storage.comparisons import Asked, Target
from tests.pages.conftest import Visit, charts, texts
from tests.storage import seed, seed_comparison, seed_costs

SECRET = "hunter2secret"


@pytest.fixture
def compare(visit: Visit) -> Any:
    """``compare(comparison=…)``: the view, run once."""
    return lambda **address: visit("backends", view="Compare", **address)


def said(shown: AppTest) -> str:
    """All that the page says, recommendation included, without the escapes of markdown."""
    told = [one.value for kind in (shown.success, shown.warning) for one in kind]
    return "\n".join([texts(shown), *told]).replace("\\", "")


def find(elements: Any, key: str) -> Any:
    """The element of a key."""
    return next(one for one in elements if one.key == key)


def test_with_nothing_it_says_what_a_comparison_tells(compare: Any) -> None:
    """Without a store, too: the form is there, and what comes of it is told."""
    shown = compare()
    assert "None yet." in texts(shown)
    assert [one for one in shown.button if one.label == "Compare"]
    assert not charts(shown)


def test_a_result_has_its_charts_numbers_and_ranking(
    compare: Any, filled: seed.Seed, store: Path
) -> None:
    """Of the comparison that the address names."""
    key = seed_comparison.add(store, seed_comparison.comparison())
    seed_comparison.add(store, id="d" * 32, name="a newer one", created_us=2**52)
    shown = compare(comparison=key)
    told = said(shown)
    assert "chat on five" in told
    drawn = charts(shown)
    latency = drawn["Latency by operation and backend"]
    assert {trace.name for trace in latency.data} == {
        "In memory", "SQLite", "PostgreSQL", "Redis", "MongoDB",
    }  # fmt: skip
    sqlite = next(trace for trace in latency.data if trace.name == "SQLite")
    assert list(sqlite.x) == ["put", "put_writes", "get_tuple", "list", "turn"]
    assert list(sqlite.median) == pytest.approx([0.8, 0.4, 0.64, 3.2, 8.0])
    speed = drawn["Turns a second against clients at once"]
    memory = next(trace for trace in speed.data if trace.name == "In memory")
    assert list(memory.x) == ["1", "8"]
    assert list(memory.y) == pytest.approx([1000, 1000], rel=0.01)
    held = drawn["Bytes held against turns"]
    assert {trace.name for trace in held.data} == {
        "In memory in memory", "SQLite on disk", "PostgreSQL on disk", "Redis in memory",
        "MongoDB on disk", "MongoDB in memory",
    }  # fmt: skip
    # Redis is faster, but keeps nothing; PostgreSQL and MongoDB are a tie.
    assert "PostgreSQL and MongoDB are a tie" in told
    assert "Redis is out: a restart of the server loses everything" in told
    ranking = next(one.value for one in shown.dataframe if "place" in one.value)
    assert ranking["place"].tolist()[:3] == ["1 ≈", "1 ≈", "3"]
    assert (ranking["month"] > 0).all()
    assert "In memory: AWS Fargate (us-east-1)" in said(shown)
    numbers = next(one.value for one in shown.dataframe if "turn p50 ms" in one.value)
    by_name = numbers.set_index("backend")
    assert by_name["turn p50 ms"]["SQLite"] == "8.00 ± 0.08"
    assert by_name["turn p50 ms"]["In memory"] == "1.00 ± 0.01"
    # Of CPU time all have the same: all are ties.
    assert all(value.endswith("≈") for value in by_name["CPU ms/turn"])


def test_demands_change_the_ranking(compare: Any, filled: seed.Seed, store: Path) -> None:
    """Without the restart, memory is the fastest; for several processes it is out."""
    key = seed_comparison.add(store, seed_comparison.comparison())
    seed_costs.choose_own_memory(store)
    shown = compare(comparison=key)
    find(shown.toggle, "compare-restart").set_value(False).run()
    assert "Take In memory" in said(shown)
    find(shown.selectbox, "compare-reach").set_value("machines").run()
    assert "Take Redis" in said(shown)
    find(shown.number_input, "compare-put-ms").set_value(0.001).run()
    assert "None of them meets what you ask for" in said(shown)
    find(shown.number_input, "compare-put-ms").set_value(None).run()
    find(shown.number_input, "compare-month").set_value(50.0).run()
    assert "its cost is unknown" in said(shown)


def test_one_that_runs_can_be_cancelled(compare: Any, filled: seed.Seed, store: Path) -> None:
    """How far it is, what it has found by now, and a button."""
    asked = Asked(targets=[Target(key="memory", backend="memory")])
    request = jobs.ask(settings.spool_folder(), "compare", "mine", msgspec.to_builtins(asked))
    waits = jobs.ask(settings.spool_folder(), "compare", "next", msgspec.to_builtins(asked))
    seed_comparison.add(
        store, seed_comparison.comparison(rounds=2), id=request.id, name="mine", state="running",
        phase="round 3 of 5: SQLite", share=0.4, ended_us=0, created_us=request.created_us,
    )  # fmt: skip
    shown = compare(comparison=request.id)
    bars = [one.proto for one in shown.get("progress")]
    assert [bar.value for bar in bars] == [0, 40]
    assert "round 3 of 5" in bars[1].text
    assert "Waiting" in bars[0].text
    assert charts(shown)
    find(shown.button, f"compare-cancel-{request.id}").click().run()
    assert jobs.is_cancelled(settings.spool_folder(), request.id)
    assert not jobs.is_cancelled(settings.spool_folder(), waits.id)


def test_partial_failed_and_gone_ones_say_so(compare: Any, filled: seed.Seed, store: Path) -> None:
    """What failed, why, and that the rest is not all."""
    found = seed_comparison.comparison()
    found.backends[3].problem = "redis://host: the server ended the connection."
    key = seed_comparison.add(store, found, partial=1)
    told = said(compare(comparison=key))
    assert "the server ended the connection" in told
    assert "partial: a backend failed" in told
    failed = seed_comparison.add(
        store, id="e" * 32, state="failed", problem="The workload would need about 9,000 MB."
    )
    st.cache_data.clear()
    assert "9,000 MB" in texts(compare(comparison=failed))
    assert "There is no comparison of this address" in texts(compare(comparison="f" * 32))


def test_one_is_forgotten(compare: Any, filled: seed.Seed, store: Path) -> None:
    """By an order for the collector; it is gone from the page at once."""
    key = seed_comparison.add(store, seed_comparison.comparison())
    shown = compare(comparison=key)
    find(shown.button, "compare-forget-now").click().run()
    ((_, order),) = list(orders.waiting(settings.spool_folder()))
    assert order is not None
    assert (order.kind, order.body) == ("forget job", {"id": key})
    assert "chat on five" not in texts(shown)


def test_a_silent_collector_and_a_broken_store_are_told(compare: Any, store: Path) -> None:
    """Since when, and how to start it; and what is wrong with the store."""
    seed.sample(time.time_ns() // 1000).write(store, heartbeat_s=600)
    seed_comparison.add(store, seed_comparison.comparison())
    shown = compare()
    assert "The collector is not running" in texts(shown)
    assert charts(shown)
    store.write_bytes(b"this is no database" * 100)
    broken = texts(compare())
    assert "not a store of Statemeter" in broken or "damaged" in broken


def ended(shown: AppTest) -> Comparing | None:
    """What the form asked for, once its child has ended."""
    asked: Comparing | None = shown.session_state["statemeter_comparing"]
    deadline = time.monotonic() + 90
    while asked is not None and asked.running and time.monotonic() < deadline:
        time.sleep(0.05)
    return asked


def test_the_form_asks_for_a_comparison(compare: Any, filled: seed.Seed, store: Path) -> None:
    """What was typed is in the job, its URL in the file alone; and the field is empty again."""
    shown = compare()
    find(shown.text_input, "compare-redis").input(f"redis://me:{SECRET}@127.0.0.1:1/0")
    find(shown.text_input, "compare-name").input("my own")
    find(shown.number_input, "compare-turns-chat").set_value(3)
    next(one for one in shown.button if one.label == "Compare").click().run()
    assert SECRET not in repr(shown.session_state)
    asked = ended(shown)
    assert asked is not None
    assert asked.problem == ""
    (request,) = jobs.waiting(settings.spool_folder())
    assert request.name == "my own"
    told = msgspec.convert(request.asked, Asked)
    assert [one.backend for one in told.targets] == ["memory", "sqlite", "redis"]
    assert (told.size.turns, told.concurrency, told.rounds) == (3, [1, 8], 5)
    assert SECRET not in json.dumps(request.asked)
    loaded = jobs.load(settings.spool_folder(), request.id)
    assert loaded.secrets["server1"] == f"redis://me:{SECRET}@127.0.0.1:1/0"
    shown.run()
    assert shown.session_state["comparison"] == request.id


def test_each_workload_has_its_own_fields(compare: Any, filled: seed.Seed) -> None:
    """A thread is named, a database chosen; sizes begin where the workload says."""
    shown = compare()
    assert find(shown.number_input, "compare-value_bytes-chat").value == 1_000
    find(shown.selectbox, "compare-workload").set_value("documents").run()
    assert find(shown.number_input, "compare-value_bytes-documents").value == 100_000
    find(shown.selectbox, "compare-workload").set_value("thread").run()
    assert find(shown.text_input, "compare-thread")
    assert not [one for one in shown.number_input if "value_bytes" in str(one.key)]
    next(one for one in shown.button if one.label == "Compare").click().run()
    ended(shown)
    shown.run()
    assert "No thread is named" in texts(shown)
    find(shown.selectbox, "compare-workload").set_value("source").run()
    assert find(shown.selectbox, "compare-source").value is None


def test_what_cannot_be_compared_is_said(compare: Any, filled: seed.Seed) -> None:
    """Without the password."""
    shown = compare()
    find(shown.text_input, "compare-other").input(f"oracle://me:{SECRET}@db/x")
    next(one for one in shown.button if one.label == "Compare").click().run()
    ended(shown)
    shown.run()
    told = texts(shown)
    assert "The scheme oracle://" in told
    assert SECRET not in told
    assert not list(jobs.waiting(settings.spool_folder()))


def test_a_dashboard_for_others_has_no_form(
    compare: Any, filled: seed.Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may see the pages may not therefore reach hosts from here: the command is told."""
    config.set_option("server.address", "0.0.0.0")
    monkeypatch.setenv("STATEMETER_ALLOW_PUBLIC", "1")
    shown = compare()
    assert not [one for one in shown.text_input if one.key == "compare-redis"]
    assert "-m collector compare --backends memory,sqlite,-" in texts(shown)
