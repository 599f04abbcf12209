"""The Serialization page: what runs tell, and trials of serializers from asking to forgetting."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from pages.ui import formats
from storage import jobs, orders, serializer_trials
from storage.serializer_trials import Candidate, Change, Trial
from tests.pages.conftest import Visit, charts, metrics, texts
from tests.pages.test_backends import table
from tests.sqlite_files import opened
from tests.storage import seed

LOST = [Change(type="<img src=x>", became="dict", count=3, of=3)]


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATEMETER_SHOW_VALUES", "1")


def candidate(name: str, size: float, us: float, **more: Any) -> Candidate:
    format_, *around = name.split("+")
    return Candidate(
        name=name, format=format_, codec=around[0] if around and around[0] != "aes" else "",
        encrypted="aes" in around, bytes=size, dump_us=us / 2, load_us=us / 2, low_us=us * 0.9,
        high_us=us * 1.1, **more,
    )  # fmt: skip


def found(**more: Any) -> Trial:
    given = {
        "backend": "sqlite", "class_name": "SqliteSaver", "layout": "whole", "thread": "support-1",
        "steps": 24, "timed": 8, "of_steps": 60, "values": 90, "stored_bytes": 9_000.0,
        "rounds": 7, "today": "msgpack", "stand_ins": {"shop.Order": 12},
        "candidates": [
            candidate("msgpack", 9_000, 800), candidate("msgpack+zstd", 1_500, 900),
            candidate("json", 9_500, 300, changes=LOST),
            candidate("orjson", 0, 0, failed="TypeError"),
            candidate("msgpack+lz4", 0, 0, install="pip install lz4"),
        ],
    }  # fmt: skip
    return Trial(**(given | more))


def store_trial(store: Path, trial: Trial | None, state: str = "done", **more: Any) -> str:
    """A job as the collector would store it; its id."""
    now = time.time_ns() // 1000
    row = {
        "id": "a" * 32, "kind": serializer_trials.KIND, "name": "nightly", "state": state,
        "asked": json.dumps({"backend": "sqlite", "thread": "support-1"}), "phase": "",
        "share": 1.0, "problem": "", "partial": 0, "created_us": now - 60_000_000,
        "started_us": now, "updated_us": now, "ended_us": now if state in jobs.ENDED else 0,
        "result": msgspec.json.encode(trial).decode(),
    } | more  # fmt: skip
    with opened(store) as connection:
        connection.execute(
            f"INSERT INTO jobs ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
            tuple(row.values()),
        )
    return str(row["id"])


def test_cards_and_tables_are_a_recount(visit: Visit, filled: seed.Seed) -> None:
    """Share, time a step and channels, from the calls of the sample."""
    shown = visit("serialization", window="15m")
    writes = [c for c in filled.operations if c["operation"] in ("put", "put_writes")]
    serde, took = (sum(call[name] for call in writes) for name in ("serde_us", "duration_us"))
    assert metrics(shown)["Of writing"] == formats.share(serde / took)
    puts = [call for call in writes if call["operation"] == "put"]
    assert metrics(shown)["A step"] == formats.duration(serde / len(puts))
    assert metrics(shown)["Pickled"] == "0"
    rows = table(shown, "Channels, and what serializing them takes").set_index("channel")
    sent = [c for c in writes if c["operation"] == "put_writes"]
    assert rows.loc["messages", "written"] == sum(call["payload_bytes"] for call in sent)
    assert rows.loc["messages", "known"] == 100
    assert np.isnan(rows.loc["docs", "speed"])
    figure = charts(shown)["Time in the serializer over time"]
    total = sum(np.nansum(np.asarray(trace.y)) for trace in figure.data)
    reads = sum(c["serde_us"] for c in filled.operations if c["operation"] == "get_tuple")
    assert total == pytest.approx((serde + reads) / 1000, rel=0.01)
    assert "of all" in texts(shown)


def test_a_window_without_calls(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """It says so, and what to do."""
    with opened(store) as connection:
        connection.execute("DELETE FROM rollups")
    shown = visit("serialization", window="15m")
    assert "Nothing was serialized with these filters" in texts(shown)


def test_values_are_off(visit: Visit, filled: seed.Seed) -> None:
    """The page says how to allow it; there is no button."""
    shown = visit("serialization")
    assert "STATEMETER_SHOW_VALUES=1 streamlit run app.py" in texts(shown)
    assert not [button for button in shown.button if button.key == "try-serializers"]


def test_a_trial_is_asked_for(
    visit: Visit, filled: seed.Seed, allowed: None, isolated: Path
) -> None:
    """A click leaves a job that names checkpoints, spread over the thread; no value is in it. The
    page waits for it, and it can be named."""
    shown = visit("serialization")
    shown.text_input(key="trial-name").set_value("before <b>release</b>")
    shown.selectbox(key="trial-thread").select(1)
    shown.button(key="try-serializers").click().run()
    assert not shown.exception
    (request,) = jobs.waiting(isolated / "spool")
    assert (request.kind, request.name) == ("serializers", "before <b>release</b>")
    asked = serializer_trials.asked(request.asked)
    assert (asked.thread, asked.backend, asked.layout) == ("support-1", "sqlite", "whole")
    steps = [step.checkpoint for step in asked.steps]
    assert len(steps) == serializer_trials.MOST_STEPS
    assert (steps[0], steps[-1]) == ("support-1-000000", "support-1-000059")
    assert asked.of_steps == 60
    assert shown.session_state["trial"] == request.id
    assert "Waiting for the collector" in texts(shown)


def test_the_newest_of_a_storage(
    visit: Visit, filled: seed.Seed, allowed: None, isolated: Path
) -> None:
    """Of all threads of one storage, the newest checkpoints, each with its thread."""
    shown = visit("serialization")
    shown.selectbox(key="trial-thread").select("a" * 12)
    shown.button(key="try-serializers").click().run()
    assert not shown.exception
    (request,) = jobs.waiting(isolated / "spool")
    asked = serializer_trials.asked(request.asked)
    assert (asked.thread, asked.saver, len(asked.steps)) == ("", "a" * 12, 24)
    mine = [row for row in filled.threads if row["saver_id"] == 1]
    assert {step.thread for step in asked.steps} <= {row["thread_id"] for row in mine}
    assert asked.of_steps == sum(row["steps"] for row in mine)
    assert asked.thread_bytes == sum(row["stored_bytes"] for row in mine)


def test_what_a_trial_found(visit: Visit, filled: seed.Seed, allowed: None, store: Path) -> None:
    """The winner in words, code for the saver, the chart, what is lost, and what could not be
    measured; names from the data are text."""
    key = store_trial(store, found())
    shown = visit("serialization", trial=key)
    told = texts(shown)
    assert "LangGraph's msgpack + zstd: 83 % fewer bytes, nothing lost." in told
    assert "1.50 KB a step in place of 9.00 KB" in told
    assert "within the noise" in told
    assert "450 KB less" in told  # 7,500 bytes × 60 steps
    assert 'SqliteSaver(connection, serde=CompressedSerializer(codec="zstd"))' in told
    assert "pip install zstandard" in told
    assert "12 of shop" in told
    figure = charts(shown)["Serializers by bytes and time"]
    points = {trace.name: len(trace.x) for trace in figure.data}
    assert points == {"nothing lost": 2, "something lost": 1, "today": 1, "recommended": 1,
                      "no other is smaller and faster": 3}  # fmt: skip
    rows = table(shown, "Serializers that were tried").set_index("serializer")
    assert rows.loc["LangGraph's msgpack + zstd", "change"] == pytest.approx(-83.33, abs=0.01)
    assert list(rows.loc["LangGraph's msgpack", "kind"]) == ["today", "lossless"]
    assert "TypeError" in rows.loc["orjson", "lost"]
    assert rows.loc["LangGraph's msgpack + lz4", "lost"] == "not installed here: pip install lz4"
    lost = table(shown, "What comes back changed, by type")
    assert "3 of 3" in set(lost["of"])
    assert "<img src=x>" in set(lost["type"])
    assert "<img" not in told


@pytest.mark.parametrize(
    ("state", "more", "said"),
    [
        ("running", {"phase": "step 3 of 24", "share": 0.1}, "partial"),
        ("failed", {"problem": "No value: encrypted (3)."}, "No value: encrypted (3)."),
        ("cancelled", {}, "It was cancelled. What it had found until then:"),
    ],
)
def test_trials_that_are_not_done(  # noqa: PLR0917 (fixtures)
    visit: Visit, filled: seed.Seed, allowed: None, store: Path, state: str,
    more: dict[str, Any], said: str,
) -> None:  # fmt: skip
    """How far, why not, and what was found until then, marked as partial."""
    shown = visit("serialization", trial=store_trial(store, found(), state, **more))
    told = texts(shown)
    assert said in told
    assert "partial" in told
    keys = {button.key for button in shown.button}
    assert ("cancel-trial" in keys) == (state == "running")
    assert ("forget-trial" in keys) == (state != "running")


def test_a_trial_is_forgotten(
    visit: Visit, filled: seed.Seed, allowed: None, store: Path, isolated: Path
) -> None:
    """The collector is asked to remove it; the page shows it no more."""
    key = store_trial(store, found())
    shown = visit("serialization", trial=key)
    shown.button(key="forget-trial").click().run()
    assert not shown.exception
    ((_, order),) = orders.waiting(isolated / "spool")
    assert order is not None
    assert (order.kind, order.body) == ("forget job", {"id": key})
    assert "nightly" not in texts(shown)
    assert shown.session_state["trial"] == ""


def test_a_trial_that_is_not_there(visit: Visit, filled: seed.Seed) -> None:
    """An old address says so; one that is none, too."""
    for key in ("b" * 32, "../../etc"):
        assert "There is no such trial" in texts(visit("serialization", trial=key))


def test_redis_takes_no_other(visit: Visit, filled: seed.Seed, allowed: None, store: Path) -> None:
    """Nothing is advised that could not be done."""
    trial = found(backend="redis", class_name="RedisSaver", today="")
    told = texts(visit("serialization", trial=store_trial(store, trial)))
    assert "This saver takes no other serializer." in told
    assert "JsonPlusRedisSerializer" in told
    assert "adopt(" not in told
