"""What a backend costs a month: ``monthly_costs(usage, book, terms)`` → parts, each known or not.

A month has 730 hours, as the calculators of the clouds have it; 1 GB is 10^9 bytes. All figures are
in USD: a price in another currency is unknown to the model, and it says so. Formulas stand beside
each part (``storage.cost_parts``) and in docs/costs.md.

A part is unknown where its price, its amount or what fits is unknown. It is never counted as 0: the
total is then a lower bound, ``least_usd``, and ``usd`` is None.
"""

from __future__ import annotations

from collections.abc import Sequence

from storage.cost_parts import of_service
from storage.cost_terms import HOURS, PARTS, MonthlyCost, Part, Terms, Usage
from storage.prices import Price

__all__ = ["HOURS", "PARTS", "MonthlyCost", "Part", "Terms", "Usage", "monthly_costs"]


def monthly_costs(usage: Usage, book: Sequence[Price], terms: Terms | None = None) -> MonthlyCost:
    """What the chosen service of the backend costs for this usage.

    Args:
        usage: of one backend.
        book: all prices, see ``storage.price_files.shipped`` and ``storage.queries_prices.book``.
        terms: replicas, backups and choices; defaults: one copy, one backup, nothing chosen.
    """
    terms = terms or Terms()
    archive = [price for price in book if price.backend == "archive"]
    services = services_of(book, usage.backend)
    chosen = terms.services.get(usage.backend, "")
    if chosen in services:
        services = {chosen: services[chosen]}
    first = None
    for rows in services.values():
        found = of_service(usage, rows, archive, terms)
        if found.usd is not None:
            return found
        first = first or found
    why = f"the price book has no service for {usage.backend}"
    return first or MonthlyCost(usage.backend, "", "", (Part("storage", None, why),))


def services_of(book: Sequence[Price], backend: str) -> dict[str, list[Price]]:
    """Service → its prices, in the order of the book; one of several regions is told apart."""
    rows = [price for price in book if price.backend == backend]
    regions: dict[str, set[str]] = {}
    for price in rows:
        regions.setdefault(price.service, set()).add(price.region)
    found: dict[str, list[Price]] = {}
    for price in rows:
        several = len(regions[price.service]) > 1
        name = f"{price.service} ({price.region})" if several else price.service
        found.setdefault(name, []).append(price)
    return found
