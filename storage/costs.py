"""Costs of the measured workload: now, elsewhere, in the coming months, and until a limit.

Everything that the Costs page and ``python -m storage costs`` show is worked out here, in one go
from the store; docs/costs.md has the model in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from storage import (
    cost_limits,
    cost_settings,
    formats,
    layouts,
    queries_overheads,
    queries_prices,
)
from storage.context_costs import Context, of_messages
from storage.cost_terms import SECONDS, MonthlyCost, Terms, Usage
from storage.growth import SLOTS_LEAST, Fit, fit
from storage.monthly_costs import monthly_costs
from storage.prices import Price
from storage.queries import ALL, SECOND_US, Scope, now_us
from storage.queries_overheads import Physical
from storage.queries_prices import Book
from storage.queries_workload import Held, Measured, Workload, measured

MONTHS = 12


@dataclass(frozen=True)
class Costs:
    """All of it."""

    at_us: int
    book: Book
    figures: dict[str, float]
    measured: Measured
    physical: Physical
    now: dict[str, MonthlyCost]
    """Backend in use → what it costs a month at today's size and the window's calls."""
    elsewhere: dict[str, MonthlyCost]
    """Backend → the same for all threads together, if they were there."""
    usages: dict[str, Usage]
    """What ``elsewhere`` was worked out from."""
    fits: dict[str, Fit | str]
    """Backend in use → growth of its stored bytes, or why it is unknown."""
    forecast: pd.DataFrame | None
    """A row for each month from now on, 0 to 12: at_us, usd, low, high (a month, the ends of the
    95 % range), stored_bytes. None: unknown, see ``forecast_why``."""
    forecast_why: str
    limits: list[cost_limits.Limit]
    context: Context
    runs_a_month: float | None

    @property
    def total(self) -> tuple[float | None, bool]:
        """What all backends in use cost a month, as far as it is known, and whether that is all."""
        return total(self.now.values())

    @property
    def threads(self) -> int:
        """Threads that exist."""
        return sum(one.threads for one in self.measured.workloads)


def total(costs: Iterable[MonthlyCost]) -> tuple[float | None, bool]:
    """The known part of several costs (None: nothing is known), and whether it is the whole."""
    found = list(costs)
    known = [one.least_usd for one in found if one.least_usd is not None]
    whole = bool(found) and all(one.usd is not None for one in found)
    return (sum(known) if known else None), whole


def costs(
    engine: Engine, window_s: int, scope: Scope = ALL, at_us: int | None = None, *,
    brief: Sequence[Held] | None = None,
) -> Costs:  # fmt: skip
    """Costs by the calls of the last ``window_s`` seconds.

    Args:
        engine: a reader's.
        window_s: seconds.
        scope: which backend and application.
        at_us: now.
        brief: what each backend holds, where that was summed already: then only what is in use is
            told, and the expected course of its cost, at a fifth of the work.
    """
    at_us = now_us() if at_us is None else at_us
    book = queries_prices.book(engine)
    figures = cost_settings.values(book.settings)
    terms = terms_of(book)
    found = measured(engine, window_s, scope, at_us, brief)
    physical = queries_overheads.physical(engine, scope)
    used = list(dict.fromkeys(one.backend for one in found.workloads))
    ratios = {name: one.ratio for name, one in physical.overheads.items()}
    own = {name: usage(found.workloads, name, ratios, only=name) for name in used}
    now = {name: monthly_costs(one, book.prices, terms) for name, one in own.items()}
    backends = layouts.BACKENDS if found.workloads and brief is None else ()
    usages = {name: usage(found.workloads, name, ratios) for name in backends}
    fits = {name: _fit(found, name, figures["least_history_hours"]) for name in used}
    forecast, why = _forecast(own, fits, book.prices, terms, at_us, brief is not None)
    held = {name: (one.stored_bytes or 0.0, one.ratio or 1.0) for name, one in own.items()}
    documents = [] if brief is not None else cost_limits.documents(engine, scope, at_us)
    runs = [one.a_month(one.work.runs) for one in found.workloads]
    seen = [one for one in runs if one]
    return Costs(
        at_us, book, figures, found, physical, now,
        {name: monthly_costs(one, book.prices, terms) for name, one in usages.items()},
        usages, fits, forecast, why,
        cost_limits.limits(physical, fits, held, figures, documents, at_us),
        of_messages(found.workloads, figures, book.prices),
        sum(seen) if seen else None,
    )  # fmt: skip


def terms_of(book: Book) -> Terms:
    """What the user settled."""
    figures = cost_settings.values(book.settings)
    return Terms(
        replicas=figures["replicas"], backup_copies=figures["backup_copies"],
        services=cost_settings.chosen(book.settings, "service"),
        instances=cost_settings.chosen(book.settings, "instance"),
    )  # fmt: skip


def usage(
    workloads: Sequence[Workload], backend: str, ratios: Mapping[str, float], only: str = ""
) -> Usage:
    """What a backend would be asked for by these workloads; ``only`` those of one backend."""
    stored: float | None = 0.0
    live = 0.0
    calls: dict[str, float] | None = {}
    payload: dict[str, float] = {}
    for one in workloads:
        if only and one.backend != only:
            continue
        known = {one.backend: 1.0} if one.backend == backend and backend != "other" else (
            layouts.factors(one.ever, one.backend) or {}
        )  # fmt: skip
        factor = known.get(backend)
        if one.stored_bytes or one.backend == "other":
            stored = (
                None if stored is None or factor is None else stored + one.stored_bytes * factor
            )
        live += one.live_bytes
        if calls is None or not one.calls_seen:
            calls = None
            continue
        for name, count in one.calls.items():
            calls[name] = calls.get(name, 0.0) + count
            # What is written depends on the layout; what a read hands back does not.
            share = factor or 1.0 if name in {"put", "put_writes"} else 1.0
            payload[name] = payload.get(name, 0.0) + one.payload_bytes.get(name, 0.0) * share
    return Usage(
        backend=backend, stored_bytes=stored, live_bytes=live, overhead=ratios.get(backend),
        calls=calls, payload_bytes=payload,
    )  # fmt: skip


def _fit(found: Measured, backend: str, least_hours: float) -> Fit | str:
    hours = found.history_seconds / 3600
    if hours < least_hours:
        past = formats.duration(found.history_seconds * 1e6)
        return f"{past} of history, {least_hours:g} h are needed"
    increments = found.increments
    known = (
        fit(increments[backend].to_numpy(np.float64), found.slot_seconds)
        if backend in increments
        else None
    )
    slots = "hours" if found.slot_seconds <= 3600 else "days"
    return known or f"{len(increments)} whole {slots} of history, {SLOTS_LEAST} are needed"


def _forecast(  # noqa: PLR0917 (what a forecast is made of)
    own: Mapping[str, Usage], fits: Mapping[str, Fit | str], prices: Sequence[Price], terms: Terms,
    at_us: int, brief: bool,
) -> tuple[pd.DataFrame | None, str]:  # fmt: skip
    unknown = {name: one for name, one in fits.items() if isinstance(one, str)}
    if unknown or not own:
        return None, next(iter(unknown.values()), "nothing is stored")
    months = np.arange(MONTHS + 1)
    columns = {name: np.zeros(len(months)) for name in ("usd", "low", "high", "stored_bytes")}
    for name, usage_now in own.items():
        growth = fits[name]
        assert isinstance(growth, Fit)
        stored = usage_now.stored_bytes
        if stored is None:
            continue
        mine = [price for price in prices if price.backend in {name, "archive"}]
        curves = growth.change(months * float(SECONDS))
        columns["stored_bytes"] += np.maximum(stored + curves[0], 0.0)
        for column, curve in zip(("usd", "low", "high"), curves[: 1 if brief else 3], strict=False):
            for month, change in enumerate(curve):
                later = max(stored + float(change), 0.0)
                cost = monthly_costs(_grown(usage_now, later), mine, terms)
                columns[column][month] += cost.least_usd or 0.0
    if brief:
        columns |= {"low": columns["usd"], "high": columns["usd"]}
    # A larger service may be cheaper: the range is that of the costs.
    ends = np.stack([columns[name] for name in ("usd", "low", "high")])
    columns["low"], columns["high"] = ends.min(axis=0), ends.max(axis=0)
    return pd.DataFrame({"at_us": at_us + months * SECONDS * SECOND_US, **columns}), ""


def _grown(usage_now: Usage, stored: float) -> Usage:
    """The usage with other stored bytes; the newest checkpoints grow alike."""
    factor = stored / usage_now.stored_bytes if usage_now.stored_bytes else 1.0
    return replace(
        usage_now, stored_bytes=stored, live_bytes=(usage_now.live_bytes or 0.0) * factor
    )
