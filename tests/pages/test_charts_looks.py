"""What looks into a process found, as figures."""

from __future__ import annotations

from pages.ui import charts_looks
from storage.looks import Flame, Frame

LONG = "/srv/application/.venv/lib/python3.11/site-packages/langgraph/pregel/_runner.py"


def test_a_flame_graph_says_where_and_how_much() -> None:
    """A box has its function, its bytes with their share, and as much of the end of its path as a
    phone shows; the whole has no place."""
    frames = [
        Frame(-1, "all", "", 0, 2000, 3),
        Frame(0, "tick", LONG, 21, 1500, 2),
        Frame(0, "keep", "/srv/app.py", 7, 500, 1),
    ]
    found = Flame(frames=frames, bytes=2000)
    (boxes,) = charts_looks.flame(found).data
    whole, tick, keep = boxes.customdata
    assert whole == "<b>all</b><br>2.00 KB (100.0 %) in 3 blocks"
    assert tick.endswith(":21<br>1.50 KB (75.0 %) in 2 blocks")
    place = tick.split("<br>")[1].removesuffix(":21")
    assert len(place) == 42
    assert place.startswith("…")
    assert LONG.endswith(place[1:])
    assert keep == "<b>keep</b><br>/srv/app.py:7<br>500 B (25.0 %) in 1 blocks"
    assert list(boxes.parents) == ["", "0", "0"]
    assert charts_looks.flame_height(found) == 2 * charts_looks.LEVEL_PIXELS
