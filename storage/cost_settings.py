"""Settings of the cost model, each once: name, default, unit, bounds and what it does.

They are kept in the store, so that the page and ``python -m storage costs`` work with the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CHOICES = ("service:", "instance:")
"""Beginnings of the settings that choose a service or an instance of a backend: text."""


class CostSettingError(ValueError):
    """A setting cannot be taken; says its value and the fix."""


@dataclass(frozen=True)
class Setting:
    """One figure."""

    label: str
    default: float
    unit: str
    least: float
    most: float
    help: str


SETTINGS = {
    "replicas": Setting(
        "Replicas", 1, "copies", 1, 15,
        "Copies of the data that the backend keeps, the first included: storage, memory and "
        "instances are paid for each."),
    "backup_copies": Setting(
        "Backups kept", 1, "copies", 0, 400, "As multiples of what is stored. 0: none."),
    "disk_gb": Setting(
        "Disk of a server", 0, "GB", 0, 1e9,
        "Of PostgreSQL or MongoDB, for the date at which it is full. 0: not known. Of a SQLite "
        "file its own disk is asked."),
    "maxmemory_gb": Setting(
        "maxmemory", 0, "GB", 0, 1e9,
        "Of Redis or Valkey. 0: what the server says (STATEMETER_SERVERS, or a check of the "
        "database)."),
    "least_history_hours": Setting(
        "Least history", 24, "hours", 1, 8_760,
        "Growth is fitted to no less history than that: a day has its ups and downs, and half a "
        "day would be taken for a trend."),
    "price_age_days": Setting(
        "A price is old after", 365, "days", 1, 36_500,
        "Prices older than that are marked: within a year clouds bring out new generations and "
        "change some prices."),
    "bytes_per_token": Setting(
        "Text of a token", 4, "bytes", 0.5, 100,
        "About 4 characters of English (OpenAI, \"What are tokens\"), fewer of other languages and "
        "of code."),
    "message_bytes": Setting(
        "Message beside its text", 200, "bytes", 0, 100_000,
        "What a message holds that no model reads: ids, type, empty fields. Measured: 173 (human), "
        "212 to 308 (assistant), 247 (tool)."),
    "calls_per_write": Setting(
        "Model calls for a write", 0.5, "calls", 0, 10,
        "Calls of a model for each step that writes messages: one writes the question or a tool's "
        "answer, the next is the model's."),
}  # fmt: skip


def values(stored: Mapping[str, str]) -> dict[str, float]:
    """All figures; of what is stored, that which can be read."""
    found = {name: setting.default for name, setting in SETTINGS.items()}
    for name, text in stored.items():
        if name in SETTINGS:
            try:
                found[name] = check(name, text)
            except CostSettingError:  # of another version
                continue
    return found


def chosen(stored: Mapping[str, str], kind: str) -> dict[str, str]:
    """Backend → what was chosen of it: ``service`` or ``instance``."""
    begin = f"{kind}:"
    return {name.removeprefix(begin): text for name, text in stored.items()
            if name.startswith(begin) and text}  # fmt: skip


def check(name: str, value: Any) -> float:
    """A figure.

    Raises:
        CostSettingError: there is no such setting, or it cannot have this value.
    """
    setting = SETTINGS.get(name)
    if setting is None:
        raise CostSettingError(f"There is no setting {name!r}: use one of {', '.join(SETTINGS)}.")
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not setting.least <= number <= setting.most:
        raise CostSettingError(
            f"{setting.label} {value!r} cannot be used: a number from {setting.least:g} to "
            f"{setting.most:g} ({setting.unit})."
        )
    return number
