"""A comparison as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from storage import comparison_costs, ranking
from storage.comparison_costs import Scale
from storage.comparisons import Cell, Comparison, Footprint
from storage.cost_terms import MonthlyCost, Terms
from storage.formats import money
from storage.noise import is_tie, middle, spread
from storage.price_files import shipped
from storage.ranking import Demands, Setting
from storage.text_table import Row, table

MS = 1000.0
SCALE = Scale()


def text(found: Comparison, demands: Demands) -> str:
    """Tables for each setting, footprints, what survived, and the recommendation."""
    return "\n\n".join(_parts(found, demands))


def _parts(found: Comparison, demands: Demands) -> Iterator[str]:
    for setting in ranking.settings(found):
        yield (
            f"{setting.mode}, durability {setting.durability}, {setting.concurrency} at once "
            f"(median of {found.rounds} rounds ± half the distance of their quartiles; ≈ ties "
            "with the best)\n" + table(_latencies(found, setting))
        )
    rows = [_footprint(found, one) for one in found.footprints if one.points]
    if rows:
        yield "Held in the end\n" + table(rows)
    if found.survivals:
        yield "Killed in mid-run: what was there\n" + table(
            [
                {
                    "backend": ranking.name(found.outcome(one.backend)),
                    "durability": one.durability,
                    "turns": f"{one.turns_found} of {one.turns_acknowledged}",
                    "steps begun": f"{one.steps_found} of {one.steps_acknowledged}",
                    "went on": "yes" if one.resumed else "no",
                }
                for one in found.survivals
            ]
        )
    for outcome in found.backends:
        if outcome.problem:
            yield f"FAILED: {outcome.problem}"
    if found.notes:
        yield "\n".join(found.notes)
    settings = ranking.settings(found)
    if settings:
        costs = comparison_costs.of_comparison(found, settings[0], shipped(), Terms(), SCALE)
        yield (
            f"A month of {SCALE.threads:,} such threads and {SCALE.turns:,} turns, by the prices "
            "that come with Statemeter (edit them on the Costs page)\n"
            + table([_cost(found, key, cost) for key, cost in costs.items()])
        )
        ranked = ranking.rank(found, settings[0], demands, comparison_costs.usd(costs))
        yield ranking.recommendation(ranked, demands)


def _latencies(found: Comparison, setting: Setting) -> list[Row]:
    cells = ranking.cells(found, setting)
    best = _best(cells)
    return [
        {
            "backend": ranking.cell_name(found, cell),
            **{
                f"{operation} p50 / p95 ms": _pair(cell, operation)
                for operation in ("put", "get_tuple", "list")
            },
            "turn ms": _with_spread([one.p50_us.get("turn") for one in cell.rounds], MS)
            + (" ≈" if key in best and len(best) > 1 else ""),
            "turns/s": _with_spread([one.turns_per_second for one in cell.rounds], 1),
            "CPU ms/turn": _with_spread([one.cpu_us_per_turn for one in cell.rounds], MS),
        }
        for key, cell in cells.items()
    ]


def _best(cells: dict[str, Cell]) -> set[str]:
    """Those with the fastest turn, ties included."""
    known = {key: ranking.values(cell, "turn") for key, cell in cells.items()}
    known = {key: values for key, values in known.items() if values}
    if not known:
        return set()
    first = min(known, key=lambda key: middle(known[key]) or 0.0)
    return {key for key, values in known.items() if key == first or is_tie(known[first], values)}


def _pair(cell: Cell, operation: str) -> str:
    p50 = middle([one.p50_us[operation] for one in cell.rounds if operation in one.p50_us])
    p95 = middle([one.p95_us[operation] for one in cell.rounds if operation in one.p95_us])
    return "-" if p50 is None or p95 is None else f"{p50 / MS:.2f} / {p95 / MS:.2f}"


def _with_spread(values: list[float | None], unit: float) -> str:
    known = [value for value in values if value is not None]
    half = spread(known)
    if not known:
        return "-"
    told = f"{(middle(known) or 0.0) / unit:.2f}"
    return told if half is None else f"{told} ±{half / unit:.2f}"


def _footprint(found: Comparison, one: Footprint) -> Row:
    last = one.points[-1]
    return {
        "backend": ranking.name(found.outcome(one.backend)),
        "durability": one.durability,
        "threads": one.threads,
        "turns": last.turns,
        "disk KB": _kb(last.disk_bytes),
        "memory KB": _kb(last.memory_bytes),
    }


def _cost(found: Comparison, key: str, cost: MonthlyCost) -> Row:
    return {
        "backend": ranking.name(found.outcome(key)),
        "service": cost.service or "-",
        "USD": "unknown" if cost.usd is None else money(cost.usd),
        "why": "; ".join(cost.reasons),
    }


def _kb(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 1000:,.0f}"
