"""A report of one comparison of backends: what the view Compare shows of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine

from storage import comparison_costs, comparison_tables, comparisons, queries_jobs, ranking
from storage.comparison_costs import Scale
from storage.comparison_tables import setting_name
from storage.comparisons import KIND, OPERATIONS, Cell, Comparison
from storage.costs import terms_of
from storage.errors import StoreError
from storage.formats import BACKENDS, backend_name, money
from storage.noise import middle, spread
from storage.queries import now_us
from storage.queries_jobs import Job
from storage.queries_prices import book
from storage.ranking import MEASURES, Demands, Setting
from storage.shared_names import Names
from storage.shared_report import (
    Box,
    Chart,
    Column,
    Figure,
    Noisy,
    Report,
    Section,
    Series,
    Table,
    Value,
    known,
)
from storage.workloads import WORKLOADS

ASKED = Demands(restart=True)
"""What the view asks for at first."""

SURVIVALS = (
    Column("backend", "Backend"), Column("durability", "Durability"),
    Column("turns_acknowledged", "Turns acknowledged", "count"),
    Column("turns_found", "Turns found", "count"),
    Column("steps_acknowledged", "Steps ended", "count"),
    Column("steps_found", "Steps found", "count"), Column("resumed", "Went on"),
)  # fmt: skip
HELD = (
    Column("backend", "Backend"), Column("durability", "Durability"),
    Column("threads", "Threads", "count"), Column("turns", "Turns of each", "count"),
    Column("disk_bytes", "On disk", "bytes"), Column("memory_bytes", "In memory", "bytes"),
)  # fmt: skip


def of_comparison(
    engine: Engine, key: str, *, names: Names | None = None, demands: Demands = ASKED,
    scale: Scale | None = None, setting: Setting | None = None, at_us: int | None = None,
) -> Report:  # fmt: skip
    """The report.

    Args:
        engine: a reader's.
        key: id of the comparison.
        names: how databases are called; default: as they are.
        demands: what is asked of a backend.
        scale: what the user runs, by which a month is priced.
        setting: under which backends are ranked; default: the first that was measured.
        at_us: now.

    Raises:
        StoreError: there is no such comparison, or it has found nothing.
    """
    names = names or Names()
    job, found = _found(engine, key)
    title, found = names.comparison(job.name, found)
    settings = ranking.settings(found)
    chosen = setting if setting in settings else settings[0] if settings else None
    sections = [_how(found)]
    if chosen is not None:
        sections.append(_ranking(engine, found, chosen, demands, scale or Scale()))
        sections += [_numbers(found, one) for one in settings]
    sections += [_held(found), _survivals(found)]
    return Report(
        "comparison", f"Comparison {title}", _subject(job, found, title), sections,
        now_us() if at_us is None else at_us, None, names.anonymous, tuple(_marks(job, names)),
    )  # fmt: skip


def _found(engine: Engine, key: str) -> tuple[Job, Comparison]:
    row = queries_jobs.job(engine, key)
    if row is None or row[0].kind != KIND:
        newest = [f"{one.id} ({one.name})" for one in queries_jobs.jobs(engine, KIND)[:5]]
        there = f"The newest are: {', '.join(newest)}." if newest else "There is none yet."
        raise StoreError(f"The store has no comparison {key!r}. {there}")
    job, result = row
    if result == "null":
        raise StoreError(f"The comparison {key!r} ({job.name}) has found nothing yet: {job.state}.")
    return job, comparisons.decode(result)


def _subject(job: Job, found: Comparison, title: str) -> tuple[Figure, ...]:
    workload = WORKLOADS.get(found.workload)
    took = job.ended_us - job.started_us if job.ended and job.started_us else None
    return (
        Figure("comparison", "Comparison", title),
        Figure("workload", "Workload", workload.title if workload else found.workload),
        Figure("state", "State", job.state),
        Figure("asked_at", "Asked for (UTC)", job.created_us, "at"),
        Figure("duration_us", "Took", took, "us"),
    )


def _marks(job: Job, names: Names) -> Iterator[str]:
    if job.problem:
        yield f"It ended early: {names.problem(job.problem)}"
    elif not job.ended:
        yield "It has not ended yet: these results are partial."
    elif job.partial:
        yield "These results are partial: it was cancelled, or a backend failed."


def _how(found: Comparison) -> Section:
    size = found.size
    columns = (
        Column("backend", "Backend"), Column("server", "Server"), Column("saver", "Saver"),
        Column("kept", "What a restart keeps"), Column("problem", "Problem"),
    )  # fmt: skip
    rows = [
        [ranking.name(one), one.server or None, one.saver or None, one.kept_how or None,
         one.problem or None]
        for one in found.backends
    ]  # fmt: skip
    return Section(
        "how", "What was compared, and how",
        figures=(
            Figure("threads", "Threads", size.threads, "count"),
            Figure("turns", "Turns of each", size.turns, "count"),
            Figure("value_bytes", "A value", size.value_bytes, "bytes"),
            Figure("rounds", "Rounds", found.rounds, "count", "Interleaved."),
        ),
        tables=(Table("backends", "", columns, rows),),
        notes=(*found.notes, *dict.fromkeys(
            f"Held by {ranking.name(found.outcome(one.backend))}: {one.how}"
            for one in found.footprints if one.how
        )),
    )  # fmt: skip


def _ranking(
    engine: Engine, found: Comparison, setting: Setting, demands: Demands, scale: Scale
) -> Section:
    prices = book(engine)
    priced = comparison_costs.of_comparison(found, setting, prices.prices, terms_of(prices), scale)
    costs = comparison_costs.usd(priced)
    ranked = ranking.rank(found, setting, demands, costs)
    table = comparison_tables.ranks(found, ranked, demands, costs)
    measure = "per_second" if demands.by == "throughput" else "ms"
    columns = (
        Column("place", "Place"), Column("backend", "Backend"),
        Column(f"{demands.by}_{measure}", f"{MEASURES[demands.by]}, {measure.replace('_', ' ')}",
               "number"),
        Column("kill", "After a kill"), Column("server", "After a server restart"),
        Column("serves", "Serves"), Column("usd_a_month", "A month", "usd"), Column("why", "Why"),
    )  # fmt: skip
    rows = [[known(value) for value in row] for row in table.itertuples(index=False, name=None)]
    unpriced = [
        f"{ranking.name(found.outcome(key))}: {'; '.join(cost.reasons)}"
        for key, cost in priced.items() if cost.reasons
    ]  # fmt: skip
    return Section(
        "ranking", "Which one to take", setting_name(setting),
        tables=(Table("ranking", "", columns, rows),),
        of=_of(setting), lead=ranking.recommendation(ranked, demands),
        notes=(
            f"Asked for: {_asked(demands)}. A month is priced for {scale.threads:,} threads and "
            f"{scale.turns:,} turns.",
            *([f"Cost unknown: {'. '.join(unpriced)}."] if unpriced else []),
            "≈ is a tie: the exact rank-sum test of Mann and Whitney on the rounds gives p > 0.05 "
            "(p > 0.1 of three rounds).",
        ),
    )  # fmt: skip


def _of(setting: Setting) -> dict[str, Value]:
    return {
        "durability": setting.durability, "mode": setting.mode, "concurrency": setting.concurrency,
    }  # fmt: skip


def _asked(demands: Demands) -> str:
    told = ["it survives a restart"] if demands.restart else []
    told.append(f"it serves {ranking.REACHES[demands.reach]} at least")
    if demands.put_ms is not None:
        told.append(f"p95 of put under {demands.put_ms:g} ms")
    if demands.month_usd is not None:
        told.append(f"a month under {money(demands.month_usd)}")
    return f"{', '.join(told)}; the best by {MEASURES[demands.by]}"


def _numbers(found: Comparison, setting: Setting) -> Section:
    cells = ranking.cells(found, setting)
    places = _places(found)
    figures = {key: comparison_tables.numbers(cell, cells) for key, cell in cells.items()}
    named = list(next(iter(figures.values()), {}))
    columns, rows = [Column("backend", "Backend")], []
    for name in named:
        columns.append(Column(_json_name(name), name, "noisy"))
    for key, cell in cells.items():
        row: list[Any] = [ranking.cell_name(found, cell)]
        for name in named:
            found_there = figures[key][name]
            row.append(None if found_there is None else Noisy(*found_there))
        rows.append(row)
    there = [one for one in OPERATIONS if any(_spread(cell, one) for cell in cells.values())]
    boxes = [
        Box(ranking.cell_name(found, cell), [_spread(cell, one) for one in there], places[key])
        for key, cell in cells.items()
    ]
    speeds = [
        Chart("throughput", "Turns a second", "lines", "rate", _clients(found, setting),
              "clients at once", _throughput(found, setting, places), "text")
    ] if setting == _first_of(found, setting) else []  # fmt: skip
    return Section(
        "numbers", f"Numbers: {setting_name(setting)}",
        "medians of the rounds ± half the distance of their quartiles; ≈ ties with the best",
        charts=(
            *([Chart("latency", "Latency; box: quartiles, whiskers: p5 and p95", "boxes", "us",
                     there, "operation", boxes, "text")] if there else []),
            *speeds,
        ),
        of=_of(setting), tables=(Table("numbers", "", tuple(columns), rows, across=True),),
    )  # fmt: skip


def _json_name(name: str) -> str:
    """``turn p50 ms`` → ``turn_p50_ms``, ``turns/s`` → ``turns_per_second``."""
    known_names = {
        "turns/s": "turns_per_second", "calls/s": "calls_per_second",
        "CPU ms/turn": "cpu_ms_per_turn",
    }  # fmt: skip
    return known_names.get(name, name.replace(" ", "_"))


def _spread(cell: Cell, operation: str) -> list[float] | None:
    told = cell.spread.get(operation)
    return list(told.values[:5]) if told and told.values else None


def _first_of(found: Comparison, setting: Setting) -> Setting:
    """The first setting of its durability and mode: curves over clients at once stand there."""
    return next(
        one for one in ranking.settings(found)
        if (one.durability, one.mode) == (setting.durability, setting.mode)
    )  # fmt: skip


def _of_mode(found: Comparison, setting: Setting) -> list[Setting]:
    same = [
        one for one in ranking.settings(found)
        if (one.durability, one.mode) == (setting.durability, setting.mode)
    ]  # fmt: skip
    return sorted(same, key=lambda one: one.concurrency)


def _clients(found: Comparison, setting: Setting) -> list[str]:
    return [str(one.concurrency) for one in _of_mode(found, setting)]


def _throughput(found: Comparison, setting: Setting, places: dict[str, int]) -> list[Series]:
    curves = []
    for one in found.backends:
        values = [
            ranking.values(cell, "throughput") if cell else []
            for cell in (ranking.cells(found, at).get(one.key) for at in _of_mode(found, setting))
        ]
        if any(values):
            curves.append(
                Series(ranking.name(one), [middle(v) for v in values],
                       places[one.key], [spread(v) or 0.0 for v in values])
            )  # fmt: skip
    return curves


def _held(found: Comparison) -> Section:
    places = _places(found)
    rows = [
        [ranking.name(found.outcome(one.backend)), one.durability, one.threads, point.turns,
         point.disk_bytes, point.memory_bytes]
        for one in found.footprints for point in one.points
    ]  # fmt: skip
    charts = []
    for durability in dict.fromkeys(one.durability for one in found.footprints):
        there = [one for one in found.footprints if one.durability == durability]
        turns = sorted({point.turns for one in there for point in one.points})
        curves = []
        for one in there:
            for part, where in (("disk_bytes", "on disk"), ("memory_bytes", "in memory")):
                by_turn = {point.turns: getattr(point, part) for point in one.points}
                if any(value is not None for value in by_turn.values()):
                    curves.append(
                        Series(f"{ranking.name(found.outcome(one.backend))} {where}",
                               [by_turn.get(turn) for turn in turns], places[one.backend],
                               dashed=part == "memory_bytes")
                    )  # fmt: skip
        if curves:
            charts.append(
                Chart(f"held_{durability}", f"Bytes held, {durability}", "lines", "bytes",
                      list(turns), "turns of each thread", curves)
            )  # fmt: skip
    return Section(
        "held", "Held", "by the server's own account", charts=tuple(charts),
        tables=(Table("held", "", HELD, rows),),
        notes=() if rows else ("Nothing was weighed.",),
    )  # fmt: skip


def _survivals(found: Comparison) -> Section:
    rows: list[list[Any]] = [
        [ranking.name(found.outcome(one.backend)), one.durability, one.turns_acknowledged,
         one.turns_found, one.steps_acknowledged, one.steps_found, one.resumed]
        for one in found.survivals
    ]  # fmt: skip
    return Section(
        "survivals", "Killed in mid-run", "what was there afterwards",
        tables=(Table("survivals", "", SURVIVALS, rows),),
        notes=() if rows else ("It was not tried.",),
    )  # fmt: skip


def _places(found: Comparison) -> dict[str, int]:
    """Backend → place among the chart colours: its own, or, where another has that, a free one."""
    places: dict[str, int] = {}
    for one in found.backends:
        place = BACKENDS.get(one.backend, (backend_name(one.backend), 8))[1]
        free = (number for number in range(10) if number not in places.values())
        places[one.key] = place if place not in places.values() else next(free, place)
    return places
