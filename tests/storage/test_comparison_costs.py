"""What compared backends would cost: footprints and calls scaled up, unknown where they are."""

from __future__ import annotations

import pytest

from storage import comparison_costs, layouts
from storage.comparison_costs import Scale
from storage.comparisons import Cell, Comparison, Footprint, Outcome, Point, Round, Spread
from storage.cost_terms import Terms
from storage.price_files import shipped
from storage.ranking import Setting

SETTING = Setting("async", "sync", 1)


def compared() -> Comparison:
    """Two threads of 10 turns that hold 2 MB on disk, after 400 kB at 2 turns; Redis tells memory
    alone; what the third holds is not known."""
    return Comparison(
        backends=[
            Outcome(key="sqlite", backend="sqlite"),
            Outcome(key="r", backend="redis"),
            Outcome(key="m", backend="mongodb"),
        ],
        cells=[
            Cell(
                backend=key,
                rounds=[Round(turns=20), Round(turns=30)],
                spread={"put": Spread(count=200), "get_tuple": Spread(count=50),
                        "turn": Spread(count=50)},
            )
            for key in ("sqlite", "r")
        ],
        footprints=[
            Footprint(backend="sqlite", threads=2, points=[
                Point(turns=2, disk_bytes=400_000), Point(turns=10, disk_bytes=2_000_000),
            ]),
            Footprint(backend="r", threads=2, points=[
                Point(turns=10, disk_bytes=None, memory_bytes=6_000_000),
            ]),
        ],
    )  # fmt: skip


def test_footprints_and_calls_are_scaled_up() -> None:
    """By hand: 1 MB a thread, 100 kB a turn; 4 puts and one read a turn."""
    scale = Scale(threads=1_000, turns=5_000)
    told = comparison_costs.usage(compared(), "sqlite", SETTING, scale)
    assert (told.stored_bytes, told.held_bytes) == (1e9, 1e9)
    assert told.calls == {"put": 20_000, "get_tuple": 5_000}
    assert told.payload_bytes == {"put": pytest.approx(100_000 * 5_000)}
    told = comparison_costs.usage(compared(), "r", SETTING, scale)
    assert told.stored_bytes == 3e9  # its memory
    assert told.payload_bytes == {"put": pytest.approx(300_000 * 5_000)}


def test_what_is_not_known_has_no_price() -> None:
    """It is unknown, with its reason, and never zero."""
    found = comparison_costs.of_comparison(
        compared(), SETTING, shipped(), Terms(backup_copies=0), Scale(threads=1_000, turns=5_000)
    )
    amounts = comparison_costs.usd(found)
    assert amounts["m"] is None
    assert "not both measured" in found["m"].reasons[0]
    # 1 GB of gp3 storage, $0.08 a month.
    assert amounts["sqlite"] == pytest.approx(0.08)
    assert amounts["r"] is not None
    assert set(layouts.BACKENDS) >= {"sqlite", "redis", "mongodb"}


def test_another_durability_was_not_measured() -> None:
    """Neither bytes nor calls are taken from a setting that differs."""
    told = comparison_costs.usage(compared(), "sqlite", Setting("exit", "sync", 1), Scale())
    assert (told.stored_bytes, told.calls) == (None, None)
