"""Orders of visitors become changes of the store: see ``storage.orders``."""

from __future__ import annotations

import logging
import pkgutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from storage import orders

logger = logging.getLogger("statemeter.collector")

Handler = Callable[[Connection, dict[str, Any], int], None]
"""Carries an order out: its body, and when it was asked for. Raises ValueError, KeyError or
TypeError for a body that makes no sense, before anything is changed."""


def forget_job(connection: Connection, body: dict[str, Any], at_us: int) -> None:
    """``id``: a job that has ended."""
    connection.exec_driver_sql("DELETE FROM jobs WHERE id = ? AND ended_us > 0", (body["id"],))


HANDLERS = {
    "forget job": "collector.orders:forget_job",
    "set prices": "collector.price_orders:set_prices",
    "reset prices": "collector.price_orders:reset_prices",
    "set costs": "collector.price_orders:set_costs",
    "settle findings": "collector.findings.orders:settle",
    "set threshold": "collector.findings.orders:set_threshold",
    "set alert rule": "collector.alert_orders:set_rule",
    "remove alert rule": "collector.alert_orders:remove_rule",
    "silence alerts": "collector.alert_orders:silence",
    "end silence": "collector.alert_orders:end_silence",
    "try alert target": "collector.alert_orders:try_target",
}
"""Kind of an order → the ``Handler`` that carries it out, imported for the first one."""


def take(spool: Path, transaction: Callable[[], AbstractContextManager[Connection]]) -> int:
    """Carry out what waits; returns how many orders.

    Each is one transaction, and its file goes after the commit. One that makes no sense is set
    aside, with its name in the log.

    Raises:
        Fenced: another collector has the lease.
    """
    done = 0
    for path, order in list(orders.waiting(spool)):
        try:
            if order is None or order.kind not in HANDLERS:
                raise ValueError("this version knows no such order")
            handler: Handler = pkgutil.resolve_name(HANDLERS[order.kind])
            with transaction() as connection:
                handler(connection, order.body, order.at_us)
            done += 1
            path.unlink(missing_ok=True)
        except (ValueError, KeyError, TypeError) as error:
            logger.warning("%s is set aside: %s", path, error)
            path.rename(path.with_suffix(".rejected"))
    return done
