"""Orders about alerts: rules, silences and tests of targets that a visitor asked for."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from collector.alerts import keep, words
from storage import alerts, inserts
from storage.alerts import Rule
from storage.ready_alerts import READY

RULES_MOST = 200
SILENCES_MOST = 500
_TEXT_MOST = 500
_ID = re.compile(r"[0-9a-f]{32}")
_READY = {rule.id for rule in READY}
_SILENCE = inserts.insert_sql("alert_silences", prefix="OR REPLACE")
_SAME = ("metric", "each", "operation", "application", "backend", "above")
"""What a rule is about: alerts of another one are none of it."""


def set_rule(connection: Connection, body: dict[str, Any], at_us: int) -> None:
    """``rule``: as of ``storage.alerts.Rule``; ``enabled``: whether it is looked at."""
    try:
        rule = alerts.check(msgspec.convert(body["rule"], Rule))
    except msgspec.ValidationError as error:
        raise ValueError(f"the rule cannot be read: {error}") from None
    if not _ID.fullmatch(rule.id) and rule.id not in _READY:
        raise ValueError(f"{rule.id!r} is no id of a rule")
    enabled = body["enabled"]
    if not isinstance(enabled, bool):
        raise TypeError("enabled is true or false")
    row = _row(connection, rule.id)
    if row is not None and row.changed_us > at_us:
        return
    if row is None and _count(connection, "alert_rules") >= RULES_MOST:
        raise ValueError(f"there are {RULES_MOST} rules already")
    if row is not None:
        before = alerts.decode_rule(row.body)
        if not enabled or any(getattr(before, one) != getattr(rule, one) for one in _SAME):
            why = "the rule was changed" if enabled else "the rule was switched off"
            keep.end(connection, before, at_us, why)
    connection.execute(
        text(
            "INSERT INTO alert_rules (id, body, enabled, changed_us, looked_us, subjects, untold, "
            "why) VALUES (:id, :body, :enabled, :at, 0, 0, 0, '') ON CONFLICT (id) DO UPDATE SET "
            "body = excluded.body, enabled = excluded.enabled, changed_us = excluded.changed_us, "
            "value = NULL, subjects = 0, untold = 0, why = ''"
        ),
        {"id": rule.id, "body": alerts.encode(rule).decode(), "enabled": enabled, "at": at_us},
    )


def remove_rule(connection: Connection, body: dict[str, Any], at_us: int) -> None:
    """``id``: its alerts end; the history stays."""
    row = _row(connection, _text(body, "id"))
    if row is None or row.changed_us > at_us:
        return
    keep.end(connection, alerts.decode_rule(row.body), at_us, "the rule was removed")
    connection.execute(text("DELETE FROM alert_rules WHERE id = :id"), {"id": row.id})


def silence(connection: Connection, body: dict[str, Any], at_us: int) -> None:
    """``id``, ``rule`` (empty: all), ``subject`` (empty: any), ``until_us``, ``reason``."""
    key, until_us = _text(body, "id"), body["until_us"]
    if not _ID.fullmatch(key) or type(until_us) is not int or not at_us < until_us < 2**62:
        raise ValueError("a silence has an id and ends after it began")
    reason = _text(body, "reason").strip()
    if not reason:
        raise ValueError("a silence has a reason")
    if _count(connection, "alert_silences") >= SILENCES_MOST:
        raise ValueError(f"there are {SILENCES_MOST} silences already")
    row = (key, _text(body, "rule"), _text(body, "subject"), until_us, reason, at_us)
    inserts.run(connection, _SILENCE, [row])


def end_silence(connection: Connection, body: dict[str, Any], at_us: int) -> None:
    """``id``: it holds no more."""
    connection.execute(
        text("UPDATE alert_silences SET until_us = :at WHERE id = :id AND until_us > :at"),
        {"id": _text(body, "id"), "at": at_us},
    )


def try_target(connection: Connection, body: dict[str, Any], at_us: int) -> None:
    """``id`` of the message, ``target``: a message that tells of nothing."""
    key = _text(body, "id")
    if not _ID.fullmatch(key):
        raise ValueError("the message has no id")
    keep.deliver(connection, key, _text(body, "target"), words.trial(key), at_us)


def _row(connection: Connection, key: str) -> Any:
    return connection.execute(
        text("SELECT id, body, changed_us FROM alert_rules WHERE id = :id"), {"id": key}
    ).first()


def _count(connection: Connection, table: str) -> int:
    return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


def _text(body: dict[str, Any], name: str) -> str:
    found = body[name]
    if not isinstance(found, str) or len(found) > _TEXT_MOST:
        raise ValueError(f"{name} is no text of at most {_TEXT_MOST} characters")
    return found
