"""Orders of visitors become changes of the store: see ``storage.orders``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from collector import alert_orders, price_orders
from collector.findings import orders as finding_orders
from storage import orders

logger = logging.getLogger("statemeter.collector")

Handler = Callable[[Connection, dict[str, Any], int], None]
"""Carries an order out: its body, and when it was asked for. Raises ValueError, KeyError or
TypeError for a body that makes no sense, before anything is changed."""


def _forget_job(connection: Connection, body: dict[str, Any], at_us: int) -> None:
    connection.exec_driver_sql("DELETE FROM jobs WHERE id = ? AND ended_us > 0", (body["id"],))


HANDLERS: dict[str, Handler] = {
    "forget job": _forget_job,
    "set prices": price_orders.set_prices,
    "reset prices": price_orders.reset_prices,
    "set costs": price_orders.set_costs,
    "settle findings": finding_orders.settle,
    "set threshold": finding_orders.set_threshold,
    "set alert rule": alert_orders.set_rule,
    "remove alert rule": alert_orders.remove_rule,
    "silence alerts": alert_orders.silence,
    "end silence": alert_orders.end_silence,
    "try alert target": alert_orders.try_target,
}
"""Kind of an order → what carries it out."""


def take(spool: Path, transaction: Callable[[], AbstractContextManager[Connection]]) -> int:
    """Carry out what waits; returns how many orders.

    Each is one transaction, and its file goes after the commit. One that makes no sense is set
    aside, with its name in the log.

    Raises:
        Fenced: another collector has the lease.
    """
    done = 0
    for path, order in list(orders.waiting(spool)):
        handler = HANDLERS.get(order.kind) if order is not None else None
        try:
            if order is None or handler is None:
                raise ValueError("this version knows no such order")
            with transaction() as connection:
                handler(connection, order.body, order.at_us)
            done += 1
            path.unlink(missing_ok=True)
        except (ValueError, KeyError, TypeError) as error:
            logger.warning("%s is set aside: %s", path, error)
            path.rename(path.with_suffix(".rejected"))
    return done
