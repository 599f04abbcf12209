"""What all rules share while they look once: the store, the time, thresholds, prices, versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row, text

from collector.findings.facts import ThreadFacts
from collector.findings.predictions import Predictions
from storage import costs, inspections, queries_prices
from storage.cost_terms import Usage
from storage.designs import Prediction
from storage.inspections import Inspection
from storage.monthly_costs import monthly_costs

MONTH_US = 730 * 3600 * 1_000_000
"""A month of 730 hours, as everywhere where costs are told."""
_HELD = {"storage", "memory", "backups"}


class Look:
    """One look of the rules.

    Args:
        connection: a reader's, with one snapshot of the store.
        at_us: now.
        predictions: what is remembered of designs from look to look.
        kept: what rules remember.
    """

    def __init__(
        self,
        connection: Connection,
        at_us: int,
        predictions: Predictions | None = None,
        kept: dict[str, Any] | None = None,
    ) -> None:
        self.connection = connection
        self._predictions = predictions or Predictions()
        self.kept: dict[str, Any] = {} if kept is None else kept
        """What rules remember from look to look, by the name of the rule."""
        self.at_us = at_us
        self.limits: Mapping[str, float] = {}
        """Thresholds of the rule that looks now, by name."""

    def designs(self, thread: ThreadFacts) -> list[Prediction]:
        """Other state designs of a thread that save something, the best first."""
        engine = self.connection.engine
        return self._predictions.of(engine, thread.key, int(thread.row["operations"]))

    def rows(self, sql: str, **values: Any) -> Sequence[Row[Any]]:
        """Rows of a query of the store."""
        return self.connection.execute(text(sql), values).all()

    def usd_a_month(self, backend: str, stored_bytes: float | None) -> float | None:
        """What holding these bytes costs there a month, by the price book; None: unknown."""
        if stored_bytes is None:
            return None
        if stored_bytes <= 0:
            return 0.0
        book, terms = self._prices
        usage = Usage(backend=backend, stored_bytes=stored_bytes, calls={})
        parts = [one for one in monthly_costs(usage, book.prices, terms).parts if one.name in _HELD]
        known = [one.usd for one in parts if one.usd is not None]
        if not parts or len(known) < len(parts) or not any(one.keys for one in parts):
            return None
        return sum(known)

    @cached_property
    def _prices(self) -> tuple[Any, Any]:
        book = queries_prices.read(self.connection)
        return book, costs.terms_of(book)

    @cached_property
    def inspections(self) -> list[Inspection]:
        """The newest check of each database (``python -m collector check``)."""
        rows = self.rows(
            "SELECT result FROM inspections i WHERE id = (SELECT id FROM inspections "
            "WHERE storage = i.storage ORDER BY at_us DESC, id DESC LIMIT 1)"
        )
        return [inspections.decode(row.result) for row in rows]

    @cached_property
    def langgraph(self) -> dict[str, str]:
        """Application → the version of LangGraph that it had last."""
        rows = self.rows(
            "SELECT application, langgraph FROM processes WHERE kind = '' ORDER BY last_seen_us"
        )
        return {row.application: row.langgraph for row in rows}
