"""What a visitor changes of alerts."""

from __future__ import annotations

import msgspec

from pages.ui import data_alerts, ordering
from storage.alerts import AlertError, Rule, check

ORDERS = ordering.Orders("alert", data_alerts.forget)


def save(made: Rule, enabled: bool, what: str) -> None:
    """Ask for a rule to be as it is told; where it makes no sense, say why."""
    try:
        check(made)
    except AlertError as error:
        ORDERS.refuse(error.faults)
        return
    ORDERS.leave("set alert rule", {"rule": msgspec.to_builtins(made), "enabled": enabled}, what)
