"""What a month of each compared backend would cost, at the scale that the user has.

A comparison holds a few threads and takes a few turns; both are scaled up: bytes by threads, calls
by turns. What a backend holds is by the server's own account, so no overhead is added to it. The
bytes that calls move are those that a turn adds to what is held: a backend that rewrites documents
moves more, which matters where a price counts them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from storage import ranking
from storage.comparisons import Comparison, Footprint
from storage.cost_terms import MonthlyCost, Part, Terms, Usage
from storage.monthly_costs import monthly_costs
from storage.prices import Price
from storage.ranking import Setting

IN_MEMORY = frozenset({"memory", "redis", "valkey"})
"""Backends whose memory is what one pays for; of the others it is the disk."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What the user runs."""

    threads: int = 10_000
    """Threads that are kept, each as long as the compared ones."""
    turns: int = 100_000
    """Turns a month, of all threads."""


def of_comparison(
    found: Comparison, setting: Setting, prices: Sequence[Price], terms: Terms, scale: Scale
) -> dict[str, MonthlyCost]:
    """Key of a backend → what it would cost; a part that is unknown says why.

    Args:
        found: what was compared.
        setting: under which its calls are counted; what is held is by its durability.
        prices: the price book.
        terms: replicas, backups and choices.
        scale: what the user runs.
    """
    asked = {one.key: usage(found, one.key, setting, scale) for one in found.backends}
    return {
        key: monthly_costs(one, prices, terms) if _measured(one) else _unmeasured(one)
        for key, one in asked.items()
    }


def usd(costs: Mapping[str, MonthlyCost]) -> dict[str, float | None]:
    """The same as US dollars a month; None: a part of it is unknown."""
    return {key: one.usd for key, one in costs.items()}


def usage(found: Comparison, key: str, setting: Setting, scale: Scale) -> Usage:
    """What a backend would be asked for."""
    backend = found.outcome(key).backend
    held, a_turn = _held(found, key, backend, setting)
    moved = {} if a_turn is None else {"put": a_turn * scale.turns}
    return Usage(
        backend=backend,
        stored_bytes=None if held is None else held * scale.threads,
        overhead=1.0,
        calls=_calls(found, key, setting, scale),
        payload_bytes=moved,
    )


def _measured(asked: Usage) -> bool:
    return asked.stored_bytes is not None and asked.calls is not None


def _unmeasured(asked: Usage) -> MonthlyCost:
    """Not even an instance can be chosen, as what has to fit on it is unknown."""
    why = "what it holds and its calls were not both measured under these settings"
    return MonthlyCost(asked.backend, "", "", (Part("storage", None, why),))


def _held(
    found: Comparison, key: str, backend: str, setting: Setting
) -> tuple[float | None, float | None]:
    """Bytes of a thread in the end, and bytes that a turn adds to it."""
    for one in found.footprints:
        if one.backend != key or one.durability != setting.durability:
            continue
        sizes = _sizes(one, backend)
        if sizes:
            turns, size = sizes[-1]
            first_turns, first = sizes[0]
            thread = max(one.threads, 1)
            if len(sizes) > 1 and turns > first_turns:
                return size / thread, max(size - first, 0) / thread / (turns - first_turns)
            return size / thread, size / thread / max(turns, 1)
    return None, None


def _sizes(one: Footprint, backend: str) -> list[tuple[int, int]]:
    """(turns, bytes) of its points that are known."""
    sizes = [
        (point.turns, point.memory_bytes if backend in IN_MEMORY else point.disk_bytes)
        for point in one.points
    ]
    return [(turns, size) for turns, size in sizes if size is not None]


def _calls(found: Comparison, key: str, setting: Setting, scale: Scale) -> dict[str, float] | None:
    """Call of the saver → how many a month; None: nothing was measured."""
    cell = ranking.cells(found, setting).get(key)
    turns = sum(one.turns for one in cell.rounds) if cell else 0
    if cell is None or not turns:
        return None
    return {
        name: told.count / turns * scale.turns
        for name, told in cell.spread.items()
        if name != "turn"
    }
