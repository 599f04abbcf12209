"""What a replay of a thread measured under several designs: the result of a job ``designs``.

It has sizes and times alone; what was replayed is made up.
"""

from __future__ import annotations

from typing import Any

import msgspec

from storage.designs import Settings

KIND = "designs"
"""Of the jobs, see ``storage.jobs``."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What such a job is asked for."""

    thread: str
    saver: str = ""
    """Key of its storage, empty: the only one that has such a thread."""
    designs: tuple[str, ...] = ()
    """Ids beside today's; empty: all that can be had."""
    settings: Settings = Settings()
    rounds: int = 3


class Trial(msgspec.Struct, kw_only=True):
    """One design, measured. Times are medians over the rounds, with the least and the most."""

    design: str
    name: str
    stored_bytes: int
    """Held by the saver of the replay in the end."""
    predicted_bytes: int
    """Worked out for the thread itself."""
    put_us: float
    """In ``put`` and ``put_writes`` of one of today's checkpoints, serialization included."""
    put_least_us: float
    put_most_us: float
    run_us: float
    """Of a whole run of the graph, whose nodes do nothing else."""
    load_us: float
    """``get_state`` of the newest checkpoint."""
    worst_load_us: float
    """The longest of some checkpoints, from the first to the newest."""
    rounds: int = 0


class Trials(msgspec.Struct, kw_only=True):
    """A replay, as far as it has come."""

    thread: str
    saver: str
    backend: str
    """On which saver it ran: ``sqlite`` or ``memory``."""
    runs: int
    steps: int
    notes: list[str] = []
    """What is not as in the thread."""
    trials: list[Trial] = []
    """Today first."""


decode = msgspec.json.Decoder(Trials).decode
"""JSON of a job's result; raises ``msgspec.DecodeError``."""


def asked(raw: dict[str, Any]) -> Asked:
    """The settings of a job.

    Raises:
        msgspec.ValidationError: they are of another form.
    """
    return msgspec.convert(raw, Asked)
