"""Which backend to take: those that meet what the user demands, the best first, and why.

What a backend must do is checked against what was measured; what is unknown does not pass, and
says so. Of those that pass, the order is by one measure; ties (``storage.noise``) share a place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from storage.comparisons import Cell, Comparison, Outcome, Survival
from storage.formats import money
from storage.noise import is_tie, middle

REACH = ("process", "processes", "machines")
REACHES = {
    "process": "one process", "processes": "several processes", "machines": "several machines",
}  # fmt: skip

MEASURES: dict[str, str] = {
    "turn": "median turn", "put": "p95 of put", "throughput": "turns a second",
}  # fmt: skip
"""By what those that pass are ordered."""


@dataclass(frozen=True)
class Demands:
    """What the user asks of a backend."""

    restart: bool = False
    """What was acknowledged is there after a restart of the application and of the server."""
    reach: str = "process"
    """Who shares it, at least; see ``REACH``."""
    put_ms: float | None = None
    """p95 of put under this, milliseconds."""
    month_usd: float | None = None
    """Cost of a month under this, US dollars."""
    by: str = "turn"
    """See ``MEASURES``."""


@dataclass(frozen=True)
class Ranked:
    """A backend in the ranking."""

    outcome: Outcome
    place: int = 0
    """From 1; those that tie share one. 0: it does not meet the demands."""
    tie: bool = False
    """Whether another one shares its place."""
    value: float | None = None
    """Of the measure: µs, or turns a second."""
    failed: list[str] = field(default_factory=list)
    """Demands that it does not meet, in words."""


@dataclass(frozen=True)
class Setting:
    """Under which settings cells are compared with each other."""

    durability: str
    mode: str
    concurrency: int


def settings(comparison: Comparison) -> list[Setting]:
    """All that were measured, in the order in which they were."""
    return list(
        dict.fromkeys(Setting(c.durability, c.mode, c.concurrency) for c in comparison.cells)
    )


def cells(comparison: Comparison, setting: Setting) -> dict[str, Cell]:
    """Backend → its cell under a setting; of several sizes of pool the one with most turns a
    second."""
    found: dict[str, Cell] = {}
    for cell in comparison.cells:
        if Setting(cell.durability, cell.mode, cell.concurrency) != setting or not cell.rounds:
            continue
        other = found.get(cell.backend)
        if other is None or _speed(cell) > _speed(other):
            found[cell.backend] = cell
    return found


def values(cell: Cell, by: str) -> list[float]:
    """A measure in each round; smaller is better but for ``throughput``."""
    if by == "throughput":
        return [one.turns_per_second for one in cell.rounds if one.turns]
    if by == "put":
        return [one.p95_us["put"] for one in cell.rounds if "put" in one.p95_us]
    return [one.p50_us["turn"] for one in cell.rounds if "turn" in one.p50_us]


def rank(
    comparison: Comparison,
    setting: Setting,
    demands: Demands,
    costs: dict[str, float | None],
) -> list[Ranked]:
    """All backends: those that meet the demands first, the best first."""
    there = cells(comparison, setting)
    passing: list[tuple[float, Outcome]] = []
    failing: list[Ranked] = []
    for outcome in comparison.backends:
        cell = there.get(outcome.key)
        survival = _survival(comparison, outcome.key, setting.durability)
        said = list(_failed(outcome, cell, survival, demands, costs.get(outcome.key)))
        value = middle(values(cell, demands.by)) if cell else None
        if said or value is None:
            failing.append(Ranked(outcome, value=value, failed=said or ["nothing was measured"]))
        else:
            passing.append((value, outcome))
    passing.sort(key=lambda one: -one[0] if demands.by == "throughput" else one[0])
    return _placed(passing, there, demands.by) + failing


def recommendation(ranked: list[Ranked], demands: Demands) -> str:
    """The choice and its reason, in plain words."""
    first = [one for one in ranked if one.place == 1]
    if not first:
        why = "; ".join(f"{name(one.outcome)}: {', '.join(one.failed)}" for one in ranked)
        return f"None of them meets what you ask for. {why}."
    rest = [one for one in ranked if one.place > 1]
    out = [one for one in ranked if one.place == 0]
    by = MEASURES[demands.by]
    best = first[0]
    if len(first) == 1:
        said = (
            f"Take {name(best.outcome)}: of those that meet what you ask for, it has the best "
            f"{by} ({_told(best.value, demands.by)})"
        )
        if rest:
            said += f", {_times(best, rest[0], demands.by)} {name(rest[0].outcome)}"
        said += "."
        if not rest:
            said = (
                f"Take {name(best.outcome)}: it alone meets what you ask for "
                f"({by}: {_told(best.value, demands.by)})."
            )
    else:
        names = _and(name(one.outcome) for one in first)
        said = (
            f"{names} are a tie: their {by} differs by less than their rounds do. Choose among "
            "them by what you run already, or by cost."
        )
    if out:
        said += " " + " ".join(f"{name(one.outcome)} is out: {_and(one.failed)}." for one in out)
    return said


def name(outcome: Outcome) -> str:
    """What a backend is called in words."""
    return outcome.label or outcome.shown or outcome.backend


def cell_name(comparison: Comparison, cell: Cell) -> str:
    """The same with the size of its pool, where several were tried."""
    pools = {one.pool for one in comparison.cells if one.backend == cell.backend}
    told = name(comparison.outcome(cell.backend))
    return told if len(pools) == 1 else f"{told}, pool of {cell.pool}"


def _failed(
    outcome: Outcome,
    cell: Cell | None,
    survival: Survival | None,
    demands: Demands,
    month_usd: float | None,
) -> Iterable[str]:
    if outcome.problem:
        yield "it failed"
    if demands.restart:
        yield from _restart(outcome, survival)
    if REACH.index(outcome.reach) < REACH.index(demands.reach):
        yield f"it serves {REACHES[outcome.reach]} only"
    if demands.put_ms is not None:
        p95 = middle(values(cell, "put")) if cell else None
        if p95 is None:
            yield "p95 of put is unknown"
        elif p95 > demands.put_ms * 1000:
            yield f"p95 of put is {p95 / 1000:.1f} ms"
    if demands.month_usd is not None:
        if month_usd is None:
            yield "its cost is unknown"
        elif month_usd > demands.month_usd:
            yield f"a month costs {money(month_usd)}"


def _restart(outcome: Outcome, survival: Survival | None) -> Iterable[str]:
    if survival is not None and survival.turns_found < survival.turns_acknowledged:
        yield "acknowledged turns were lost when the client was killed"
    elif survival is not None and not survival.resumed:
        yield "a killed client's thread could not be taken up again"
    elif outcome.keeps is False:
        how = f" ({outcome.kept_how.rstrip('.')})" if outcome.kept_how else ""
        yield f"a restart of the server loses everything{how}"
    elif survival is None:
        yield "whether it survives a killed client was not tried"
    elif outcome.keeps is None:
        yield "whether its server keeps data is unknown"


def _survival(comparison: Comparison, key: str, durability: str) -> Survival | None:
    return next(
        (
            one for one in comparison.survivals
            if one.backend == key and one.durability == durability
        ),
        None,
    )  # fmt: skip


def _placed(passing: list[tuple[float, Outcome]], there: dict[str, Cell], by: str) -> list[Ranked]:
    """Places: whoever ties with the best of a place shares it."""
    groups: list[list[tuple[float, Outcome]]] = []
    for one in passing:
        if groups:
            best = values(there[groups[-1][0][1].key], by)
            if is_tie(best, values(there[one[1].key], by)):
                groups[-1].append(one)
                continue
        groups.append([one])
    found, place = [], 1
    for group in groups:
        found += [
            Ranked(outcome, place, len(group) > 1, value) for value, outcome in group
        ]  # fmt: skip
        place += len(group)
    return found


def _speed(cell: Cell) -> float:
    return middle([one.turns_per_second for one in cell.rounds]) or 0.0


def _times(best: Ranked, other: Ranked, by: str) -> str:
    if not best.value or not other.value:
        return "before"
    factor = best.value / other.value if by == "throughput" else other.value / best.value
    word = "as many as" if by == "throughput" else "as fast as"
    return f"{factor:.1f} times {word}"


def _told(value: float | None, by: str) -> str:
    if value is None:
        return "unknown"
    return f"{value:,.1f}" if by == "throughput" else f"{value / 1000:,.2f} ms"


def _and(words: Iterable[str]) -> str:
    found = list(words)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"
