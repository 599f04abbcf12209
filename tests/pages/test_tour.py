"""The page Tour: both halves side by side from the store, a play that begins by a click."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from examples.tour import talk
from pages.ui import formats, processes, tour, tour_words
from storage import tours
from tests.conftest import REPOSITORY
from tests.pages.conftest import Visit, charts, components, texts
from tests.pages.test_backends import table
from tests.storage import seed, seed_tour

NOW_US = time.time_ns() // 1000


def values(shown: object, label: str) -> list[str]:
    return [one.value for one in shown.metric if one.label == label]  # type: ignore[attr-defined]


@pytest.mark.parametrize("made", [False, True], ids=["no store", "empty store"])
def test_before_it_was_played(visit: Visit, store: Path, made: bool) -> None:
    """The button, the command, and the words of the tutorial; no number."""
    if made:
        seed.new_store(store).dispose()
    shown = visit("tour")
    told = texts(shown)
    assert shown.button(key="play_tour").label == "Play the tour"
    assert tour.COMMAND in told
    assert "It was not played yet." in told
    assert tour_words.STEPS[0].title in told
    assert not shown.metric


def test_side_by_side(visit: Visit, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers of the store in both cards, what was found before, and silence after."""
    made = seed_tour.played(store, NOW_US, monkeypatch)
    seed_tour.found(store, NOW_US)
    shown = visit("tour")
    written = [one["written_bytes"] / seed_tour.RUNS for one in made.threads]
    assert values(shown, "Bytes a turn") == [formats.size(one) for one in written]
    assert values(shown, "A turn takes") == ["24.5 ms", "9.50 ms"]
    assert values(shown, "RSS") == ["200 MB", "160 MB"]
    assert all(one.startswith("$") for one in values(shown, "A month"))
    details = [one.delta for one in shown.metric if one.label == "RSS"]
    assert details == ["grew 110 MB", f"grew {formats.UNKNOWN}"]
    rows = table(shown, "Found before")
    assert list(rows["title"]) == ["messages grow", "It holds much"]
    assert list(rows["state"]) == ["open", "resolved"]
    assert "Nothing found" in texts(shown)
    figure = charts(shown)["Stored bytes over the turns"]
    assert [len(one.y) for one in figure.data] == [seed_tour.RUNS, seed_tour.RUNS]


def test_the_way_to_the_findings(
    visit: Visit, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each half leads to the findings of its application."""
    seed_tour.played(store, NOW_US, monkeypatch)
    shown = visit("tour")
    assert "The rules have not looked yet." in texts(shown)
    assert shown.button(key="tour-findings-after")
    shown.button(key="tour-findings-before").click().run()
    (sent,) = [one for one in components(shown) if one.get("path") == "/findings"]
    assert sent["set"] == {"application": "tour-before"}


def test_half_of_it(visit: Visit, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a play that was left, the half that is missing is said to be."""
    seed_tour.played(store, NOW_US, monkeypatch, ("before",))
    assert "Not played yet." in texts(visit("tour"))


def test_it_is_played_by_a_click(
    visit: Visit, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process of its own; the page says how far it is, and an end in error with its words."""
    monkeypatch.setitem(
        processes._MODULES, "tour", ["timeit", "-n1", "-r1", "import time; time.sleep(60)"]
    )
    monkeypatch.setattr(processes, "_started", {})
    try:
        shown = visit("tour")
        shown.button(key="play_tour").click().run()
        assert shown.button(key="play_tour").disabled
        assert processes.tour_since_us() > NOW_US
        assert "Before: it starts" in shown.get("progress")[0].proto.text
        monkeypatch.setitem(processes._since_us, "tour", NOW_US - 3_600_000_000)
        seed_tour.played(store, NOW_US, monkeypatch)
        shown.run()
        assert f"After tuning: 10 of {tours.TURNS} turns" in shown.get("progress")[0].proto.text
    finally:
        processes.stop_all()


def test_the_code_is_that_of_the_programs() -> None:
    """What the page shows stands in both programs, line after line."""
    plain = {
        name: _plain((REPOSITORY / f"examples/tour/{name}.py").read_text("utf-8"))
        for name in tours.APPLICATIONS
    }
    for step in tour_words.STEPS:
        for name, code in (("before", step.before), ("after", step.after)):
            for part in code.split("\n# or, on PostgreSQL\n"):
                assert _plain(part) in plain[name], part
    assert tours.TURNS == talk.TURNS


def _plain(code: str) -> str:
    return "\n".join(line.strip() for line in code.splitlines() if line.strip())
