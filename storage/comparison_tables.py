"""A comparison as tables: its ranking, its numbers with their noise and ties, every round."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from storage import ranking
from storage.comparisons import OPERATIONS, Cell, Comparison
from storage.noise import is_tie, middle, spread
from storage.ranking import REACHES, Demands, Ranked, Setting

TOLD = ("p50", "p95", "p99")
"""Quantiles of each operation that the tables have."""

Figure = tuple[float, float | None, bool]
"""The median of the rounds, half the distance of their quartiles (None: too few), and whether it
cannot be told from the best of all."""


def ranks(
    found: Comparison, ranked: list[Ranked], demands: Demands, costs: Mapping[str, float | None]
) -> pd.DataFrame:
    """A row for each backend, those that pass first: place (1, 2, …; ``≈``: a tie; missing: out),
    backend, value (of the measure: ms, or turns a second), kill (``yes``, ``no``, missing: not
    tried), server (what a restart of it keeps), serves, month (US dollars), why."""
    survived = {
        (one.backend, one.durability): one.turns_found == one.turns_acknowledged and one.resumed
        for one in found.survivals
    }
    unit = 1.0 if demands.by == "throughput" else 1000.0
    return pd.DataFrame({
        "place": [(f"{one.place}" + (" ≈" if one.tie else "")) if one.place else None
                  for one in ranked],
        "backend": [ranking.name(one.outcome) for one in ranked],
        "value": [None if one.value is None else one.value / unit for one in ranked],
        "kill": [_kill([ok for (key, _), ok in survived.items() if key == one.outcome.key])
                 for one in ranked],
        "server": [{True: "yes", False: "no", None: None}[one.outcome.keeps] for one in ranked],
        "serves": [REACHES[one.outcome.reach] for one in ranked],
        "month": [costs.get(one.outcome.key) for one in ranked],
        "why": ["; ".join(one.failed) or one.outcome.kept_how for one in ranked],
    })  # fmt: skip


def numbers(cell: Cell, cells: Mapping[str, Cell]) -> dict[str, Figure | None]:
    """What a cell measured, by ``turn p50 ms``, ``turns/s``, ``calls/s`` and ``CPU ms/turn``; None:
    nothing. Calls a second are not compared: some backends need more of them for the same work."""
    every = list(cells.values())
    row: dict[str, Figure | None] = {}
    for operation in OPERATIONS:
        for quantile in TOLD:
            others = [_rounds(one, quantile, operation) for one in every]
            values = _rounds(cell, quantile, operation)
            row[f"{operation} {quantile} ms"] = _figure(values, others, 1000.0)
    speeds = [ranking.values(one, "throughput") for one in every]
    row["turns/s"] = _figure(ranking.values(cell, "throughput"), speeds, 1.0, largest=True)
    row["calls/s"] = _figure([one.operations_per_second for one in cell.rounds], [], 1.0)
    cpu = [[one.cpu_us_per_turn for one in other.rounds] for other in every]
    row["CPU ms/turn"] = _figure([one.cpu_us_per_turn for one in cell.rounds], cpu, 1000.0)
    return row


def told(figure: Figure | None) -> str | None:
    """Median ± spread, and ``≈`` where it ties with the best; None: nothing was measured."""
    if figure is None:
        return None
    median, half, tie = figure
    text = f"{median:,.2f}" if half is None else f"{median:,.2f} ± {half:,.2f}"
    return f"{text} ≈" if tie else text


def rounds(found: Comparison) -> pd.DataFrame:
    """Every round of every cell, for a file: µs and counts."""
    rows = []
    for cell in found.cells:
        for number, one in enumerate(cell.rounds):
            row: dict[str, object] = {
                "backend": ranking.name(found.outcome(cell.backend)),
                "durability": cell.durability, "mode": cell.mode,
                "concurrency": cell.concurrency, "pool": cell.pool or None, "round": number + 1,
                "turns_per_second": one.turns_per_second,
                "operations_per_second": one.operations_per_second,
                "cpu_us_per_turn": one.cpu_us_per_turn,
            }  # fmt: skip
            for operation in OPERATIONS:
                for quantile in TOLD:
                    row[f"{operation}_{quantile}_us"] = getattr(one, f"{quantile}_us").get(
                        operation
                    )
            rows.append(row)
    return pd.DataFrame(rows)


def setting_name(setting: Setting) -> str:
    """A setting in words."""
    return f"{setting.durability}, {setting.mode} calls, {setting.concurrency} at once"


def _kill(survived: list[bool]) -> str | None:
    return None if not survived else "yes" if all(survived) else "no"


def _rounds(cell: Cell, quantile: str, operation: str) -> list[float]:
    return [
        getattr(one, f"{quantile}_us")[operation]
        for one in cell.rounds
        if operation in getattr(one, f"{quantile}_us")
    ]


def _figure(
    values: list[float], others: list[list[float]], unit: float, *, largest: bool = False
) -> Figure | None:
    if not values:
        return None
    half, tie = spread(values), False
    known = [other for other in others if other]
    if len(known) > 1:
        best = (max if largest else min)(known, key=lambda one: middle(one) or 0.0)
        ties = [other for other in known if other is best or is_tie(best, other)]
        tie = len(ties) > 1 and (values == best or is_tie(best, values))
    return (middle(values) or 0.0) / unit, None if half is None else half / unit, tie
