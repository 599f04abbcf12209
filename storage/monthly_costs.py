"""What a month of each compared backend would cost: the one seam between comparisons and costs."""

from __future__ import annotations

from storage.comparisons import Comparison


def monthly_costs(comparison: Comparison) -> dict[str, float | None]:
    """Key of a backend → US dollars a month for the measured workload; None: unknown.

    Nothing is assumed where no price is known: unknown is never zero.
    """
    return {one.key: None for one in comparison.backends}
