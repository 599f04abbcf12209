"""What metadata tells."""

from __future__ import annotations

import json

import pytest

from collector.attach import metadata


def test_what_langgraph_writes_is_told() -> None:
    """Step, source, root, run, and the super-steps of delta channels, from JSON and from a map."""
    known = {
        "step": 7, "source": "loop", "parents": {"": "root", "a:1": "other"}, "run_id": "r",
        "counters_since_delta_snapshot": {"messages": [2, 5]}, "user": {"name": "x"},
    }  # fmt: skip
    for told in (metadata.of_json(json.dumps(known).encode()), metadata.of_mapping(known)):
        assert (told.step_number(), told.source_name(), told.root()) == (7, "loop", "root")
        assert (told.deltas(), told.run()) == ({"messages": 5}, "r")


@pytest.mark.parametrize(
    "text",
    [
        b"", None, b"no json", b"[]", b'{"step": "x", "source": 1, "parents": [], "run_id": {}}',
        b'{"step": true, "counters_since_delta_snapshot": {"a": 1, "b": [1], "c": ["x", "y"]}}',
        b'{"parents": {"": 5}, "step": 99999999999999999999}', b"\xff", b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_none_tells_nothing(text: bytes | None) -> None:
    """Damaged or foreign metadata leaves everything unknown."""
    told = metadata.of_json(text)
    assert (told.step_number(), told.source_name(), told.root()) == (-2, "", "")
    assert (told.deltas(), told.run()) == ({}, "")
