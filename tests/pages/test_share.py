"""The control Report: it stands where there is something to share, and its files say what the page
says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import formats, share
from tests.pages.conftest import Visit, metrics, texts
from tests.storage import seed, seed_comparison


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], bytes]]:
    """What the page's buttons would write, HTML and JSON in turn."""
    made: list[Callable[[], bytes]] = []
    writing = share._writing

    def noted(*told: Any) -> Callable[[], bytes]:
        made.append(writing(*told))
        return made[-1]

    monkeypatch.setattr(share, "_writing", noted)
    return made


def keys(shown: AppTest) -> list[str]:
    found = [str(one.key) for one in shown.get("download_button")]
    return [key for key in found if key.startswith("share-")]


def figures(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for one in told["sections"] for name, value in one["figures"].items()}


def test_a_thread(visit: Visit, filled: seed.Seed, files: list[Callable[[], bytes]]) -> None:
    """Its report has the figures of its page; of a thread that is none there is no report."""
    shown = visit("threads", thread="support-2")
    assert keys(shown) == ["share-thread-html", "share-thread-json"]
    html, told = files[-2]().decode(), figures(json.loads(files[-1]()))
    page = metrics(shown)
    assert page["Live bytes"] == formats.size(told["live_bytes"])
    assert page["Stored bytes"] == formats.size(told["stored_bytes"])
    assert page["Written / live"] == formats.factor(told["amplification"])
    assert page["p95 write latency"] == formats.duration(told["put_p95_us"])
    assert page["Serialization share"] == formats.share(told["serde_share"])
    assert all(page[label] in html for label in ("Live bytes", "p95 write latency"))
    shown.checkbox(key="share-thread-anonymous").check().run()
    assert b"support-2" not in files[-2]() + files[-1]()
    assert keys(visit("threads", thread="nobody")) == []


def test_an_application(visit: Visit, filled: seed.Seed, files: list[Callable[[], bytes]]) -> None:
    """Of the one that the filter names; else of the one that is chosen in the control."""
    shown = visit("overview", application="research")
    told = json.loads(files[-1]())
    assert told["subject"]["application"] == "research"
    page = metrics(shown)
    assert page["Stored bytes"] == formats.size(figures(told)["stored_bytes"])
    assert page["Active threads"] == formats.count(figures(told)["active_threads"])
    shown = visit("overview")
    shown.selectbox(key="share-application-name").select("support-bot").run()
    assert json.loads(files[-1]())["subject"]["application"] == "support-bot"


def test_a_comparison(
    visit: Visit, filled: seed.Seed, store: Path, files: list[Callable[[], bytes]]
) -> None:
    """With what the visitor asks of a backend: the ranking is that of the page."""
    key = seed_comparison.add(store, seed_comparison.comparison())
    shown = visit("backends", view="Compare", comparison=key)
    next(one for one in shown.toggle if one.key == "compare-restart").set_value(False).run()
    told = json.loads(files[-1]())
    lead = next(one["lead"] for one in told["sections"] if one["name"] == "ranking")
    assert lead.startswith("Take In memory")
    assert lead in "\n".join([texts(shown), *(one.value for one in shown.success)]).replace(
        "\\", ""
    )


def test_with_nothing_measured_there_is_none(visit: Visit, store: Path) -> None:
    """An empty store has nothing to share."""
    seed.Seed(time.time_ns() // 1000).write(store, heartbeat_s=-3600)
    assert keys(visit("threads")) == []
