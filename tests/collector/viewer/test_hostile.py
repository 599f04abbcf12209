"""Hostile and damaged blobs: nothing imported, nothing constructed, bounded memory and time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collector.viewer import hostile
from tests.collector.viewer.hostile import MB, Told

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="only Linux tells the most memory used"
)

SECONDS = 10.0
"""Of the processor, for one blob: no bound of speed, but what runs away takes far longer."""
MUTATIONS = 9_000
MANY_MUTATIONS = 100_000


def is_harmless(told: Told) -> None:
    assert told.imported == []
    assert told.events == []
    assert told.not_plain == []
    assert told.refused == []
    assert told.grown < 256 * MB, told.grown_blob
    assert told.longest_answer < 64 * MB
    assert told.slowest < SECONDS, told.slowest_blob


def test_hostile_blobs() -> None:
    """At least 50 blobs that call, nest, multiply and lie: each is data, cut, or a problem."""
    told = hostile.run(None)
    is_harmless(told)
    assert told.blobs >= 75
    assert told.decoded > 20


def test_mutated_blobs() -> None:
    """Real blobs with some bytes changed."""
    told = hostile.run(hostile.real(), MUTATIONS, seed=1)
    is_harmless(told)
    assert told.blobs == MUTATIONS
    assert 0.1 < told.decoded / told.blobs < 0.9  # both kinds were tried


@pytest.mark.slow
@pytest.mark.parametrize("tag", ["msgpack", "json", "bson"])
def test_many_mutated_blobs(tag: str) -> None:
    """The same, a hundred thousand of each format."""
    blobs = [blob for blob in hostile.real() if blob[0] == tag]
    told = hostile.run(blobs, MANY_MUTATIONS, seed=2)
    is_harmless(told)
    assert told.blobs == MANY_MUTATIONS
