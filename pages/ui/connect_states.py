"""In one word, how an attached database fares, and what to do where that is not well."""

from __future__ import annotations

from dataclasses import dataclass

from storage.queries import SECOND_US
from storage.queries_sources import Attached

SILENT_US = 150 * SECOND_US
"""A reader tells of each batch; one that reads and was silent for longer waits for its database."""


@dataclass(frozen=True)
class State:
    """What a card says first."""

    name: str
    icon: str
    color: str
    told: str = ""
    """What that means, or what to do; empty: it needs no more words."""
    wrong: bool = False


DETACHED = State("detached", ":material/link_off:", "gray")
VALUES = State(
    "values on demand", ":material/visibility:", "gray",
    "Its history is not read; the History page finds values of its checkpoints here.",
)  # fmt: skip
WAITS = State(
    "waits for the collector", ":material/pause_circle:", "orange",
    "Nothing is read while no collector runs. It goes on where it was.",
)  # fmt: skip
BEGINS = State("begins", ":material/hourglass_top:", "gray")
SILENT = State(
    "silent", ":material/pause_circle:", "orange",
    "Its reader told nothing for a while: the database may be slow to answer. The collector "
    "starts it anew if it ends.",
)  # fmt: skip
READS = State("reads its history", ":material/sync:", "blue")
KEEPS_UP = State("keeps up", ":material/check_circle:", "green")


def of(one: Attached, collecting: bool) -> State:
    """The state of a database.

    Args:
        one: the database.
        collecting: whether a collector works on the store.
    """
    problem = State("problem", ":material/error:", "red", one.problem, wrong=True)
    rules = (
        (one.removed_us > 0, DETACHED),
        (one.problem != "", problem),
        (one.mode == "values", VALUES),
        (not collecting, WAITS),
        (one.phase not in {"first", "following"}, BEGINS),
        # One that keeps up is silent as long as nothing changes.
        (one.phase == "following", KEEPS_UP),
        (one.at_us - one.updated_us > SILENT_US, SILENT),
    )
    return next((state for holds, state in rules if holds), READS)
