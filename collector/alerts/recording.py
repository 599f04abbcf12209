"""Metrics that have no history of their own: read now, written down when they changed."""

from __future__ import annotations

import time

from sqlalchemy import Engine

from storage import costs
from storage.queries_health import health

COST_SECONDS = 600.0
"""Costs are worked out again after that: an hour's calls make no other month in a minute."""
IDLE_COST_SECONDS = 3600.0
"""The same while no rule asks for them: a preview then has something to go by."""
REPEAT_US = 60_000_000
"""What did not change is written again after that; ``storage.alert_gauges`` holds it for longer."""
DAY_S = 86_400

Values = dict[str, float | None]


class Recording:
    """What was read last, and what of it is in the store."""

    def __init__(self) -> None:
        self._costs: Values = {}
        self._costs_at = time.monotonic()
        self._stored: dict[str, tuple[int, float | None]] = {}

    def read(self, engine: Engine, asked: set[str]) -> Values:
        """The values now; ``asked``: metrics that a rule watches."""
        found = health(engine)
        values: Values = {
            "collector_lag_seconds": found.lag_seconds if found.ever else None,
            "dropped_events": float(sum(found.dropped.values()) + found.lost),
        }
        wanted = bool(asked & {"cost_usd", "cost_forecast_usd"})
        age = time.monotonic() - self._costs_at
        if age >= (COST_SECONDS if wanted else IDLE_COST_SECONDS) or (wanted and not self._costs):
            self._costs = _costs(engine)
            self._costs_at = time.monotonic()
        return values | self._costs

    def new(self, values: Values, at_us: int) -> list[tuple[str, int, float | None]]:
        """The rows of ``alert_readings`` that are to be written."""
        rows = []
        for metric, value in values.items():
            before = self._stored.get(metric)
            if before is None or before[1] != value or at_us - before[0] >= REPEAT_US:
                self._stored[metric] = (at_us, value)
                rows.append((metric, at_us, value))
        return rows

    def forget(self) -> None:
        """What was to be written was not."""
        self._stored.clear()


def _costs(engine: Engine) -> Values:
    found = costs.costs(engine, DAY_S)
    usd, _ = found.total
    forecast = found.forecast
    month = float(forecast["usd"].iloc[1]) if forecast is not None else None
    return {"cost_usd": usd, "cost_forecast_usd": month}
