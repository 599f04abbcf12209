"""What visitors settle of findings and rules, carried out; see ``collector.orders``."""

from __future__ import annotations

import math
from typing import Any

from sqlalchemy import Connection

from collector.findings import keep
from collector.findings.book import RULES
from collector.findings.finder import ALL_THREADS
from storage.findings import Threshold

MOST_WORDS = 500
"""Characters of a reason."""

_SETTLED = {
    "acknowledged": "acknowledged_us = :at",
    "unacknowledged": "acknowledged_us = 0",
    "muted": "muted_us = :at",
    "unmuted": "muted_us = 0",
}
"""What a visitor may do → the columns that tell it."""


def settle(connection: Connection, body: dict[str, Any], at_us: int) -> None:
    """Acknowledge or mute findings, or end that.

    Args:
        connection: of the transaction.
        body: ``change`` (see ``_SETTLED``), ``keys`` of findings, ``reason``.
        at_us: when.
    """
    change, reason = body["change"], str(body.get("reason", "")).strip()[:MOST_WORDS]
    if change in {"acknowledged", "muted"} and not reason:
        raise ValueError("a finding is acknowledged or muted with a reason")
    column = _SETTLED[change].replace(":at", str(int(at_us)))
    for key in body["keys"]:
        row = connection.exec_driver_sql("SELECT id FROM findings WHERE key = ?", (key,)).first()
        if row is None:
            continue  # it was resolved long ago
        connection.exec_driver_sql(
            f"UPDATE findings SET {column}, reason = ? WHERE id = ?", (reason, row.id)
        )
        keep.note(connection, row.id, at_us, change, reason)


def set_threshold(connection: Connection, body: dict[str, Any], at_us: int) -> None:
    """Change a threshold; ``value`` null: its default again. All threads are then looked at anew.

    Args:
        connection: of the transaction.
        body: ``name`` (rule and threshold, with a dot between), ``value``.
        at_us: when.
    """
    name, value = str(body["name"]), body["value"]
    one = _thresholds().get(name)
    if one is None:
        raise ValueError(f"there is no threshold {name!r}")
    if value is None:
        connection.exec_driver_sql("DELETE FROM rule_settings WHERE name = ?", (name,))
    else:
        number = float(value)
        if not math.isfinite(number) or not one.least <= number <= one.most:
            raise ValueError(f"{name} is from {one.least:g} to {one.most:g} ({one.unit})")
        connection.exec_driver_sql(
            "INSERT OR REPLACE INTO rule_settings (name, value, changed_us) VALUES (?, ?, ?)",
            (name, number, at_us),
        )
    connection.exec_driver_sql(
        "INSERT OR REPLACE INTO rule_cursors (name, position) VALUES (?, 0)", (ALL_THREADS,)
    )


def _thresholds() -> dict[str, Threshold]:
    return {f"{rule.id}.{one.name}": one for rule in RULES for one in rule.about.thresholds}
