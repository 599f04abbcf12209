"""When a checkpoint was made, from its id or its own timestamp."""

from __future__ import annotations

import time

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from collector.attach.times import of_checkpoint


def test_an_id_tells_when_its_checkpoint_was_made() -> None:
    """LangGraph's own ids and timestamps, made between two readings of the clock, tell that time,
    to the 10 µs by which LangGraph's ids may run ahead."""
    before = time.time_ns() // 1000
    made = empty_checkpoint()
    after = time.time_ns() // 1000
    assert before - 10 <= of_checkpoint(made["id"]) <= after + 10
    assert before - 10 <= of_checkpoint("not a UUID", made["ts"]) <= after + 10


@pytest.mark.parametrize(
    ("checkpoint", "ts"),
    [
        ("", ""),
        ("1", "yesterday"),
        ("1ef4f797-8335-6428-8001-8a1503f9b875"[:14] + "6zzz-8001-8a1503f9b875", ""),
        ("00000000-0000-6000-8000-000000000000", ""),
        ("ffffffff-ffff-6fff-bfff-ffffffffffff", "9999-99-99"),
        ("x", "0001-01-01T00:00:00+00:00"),
    ],
)
def test_what_tells_no_time_is_unknown(checkpoint: str, ts: str) -> None:
    """Neither raises nor makes up a time: 0."""
    assert of_checkpoint(checkpoint, ts) == 0
