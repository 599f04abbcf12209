"""The price book: what services of the backends cost, each price with its date and source.

The shipped book is ``storage/prices.csv``; what a user edits is kept in the store
(``storage.models_costs.PriceRow``) and laid over it. A price without a figure is *unknown*, which
is another thing than 0.

The text of an item may say what the model has to know of it:

===================  ============================================================================
``2 GiB``            memory of one instance, or of one unit of capacity
``up to 5 GB``       storage that comes with it, and more than which it does not take
``100 ops/s``        operations a second that it takes
``min 0.1 GB``       least that is charged for
``after 1 GB``       that much is free
``over database``    backups: as much as the database itself is free
===================  ============================================================================
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

COLUMNS = (
    "service", "backend", "item", "price", "currency", "unit", "region", "as_of", "source",
    "confidence",
)  # fmt: skip

UNITS = {
    "GB-month": "storage",
    "GB-hour": "memory",
    "million requests": "operations",
    "million ECPU": "operations",
    "100k commands": "operations",
    "1k requests": "operations",
    "IOPS-month": "operations",
    "hour": "instance",
    "ACU-hour": "instance",
    "vCPU-hour": "instance",
    "month": "instance",
    "million tokens": "context",
}
"""Unit → part of the cost that a price of it belongs to; storage whose item says ``backup`` is
``backups``."""

BACKENDS = (
    "postgres", "redis", "valkey", "mongodb", "sqlite", "memory", "archive", "platform", "model",
)  # fmt: skip
"""What a price may be for: a backend, ``archive`` (copies of any), ``platform`` (where the
application runs) or ``model`` (what reads the state)."""

CONFIDENCES = ("high", "medium", "low")
UNDATED = "undated"
OLDEST_YEAR = 2000
PRICE_MOST = 1_000_000.0
TEXT_MOST = {"service": 80, "item": 160, "region": 40, "source": 200}
ROWS_MOST = 5_000

_CURRENCY = re.compile(r"[A-Z]{3}")
_DATE = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?")
_NUMBER = r"(\d+(?:\.\d+)?)"
_SAYS = {
    "memory_gib": re.compile(rf"{_NUMBER} GiB"),
    "up_to_gb": re.compile(rf"up to {_NUMBER} GB\b"),
    "operations": re.compile(rf"{_NUMBER} ops/s"),
    "least_gb": re.compile(rf"min {_NUMBER} GB\b"),
    "free_gb": re.compile(rf"after {_NUMBER} GB\b"),
}


class PriceError(ValueError):
    """A price cannot be taken: each fault with its value and the fix."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(" ".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, kw_only=True)
class Price:
    """A price that was checked; see the module for what ``item`` may say."""

    service: str
    backend: str
    item: str
    price: float | None
    """Of one unit; None: unknown."""
    currency: str
    unit: str
    region: str
    as_of: str
    source: str
    confidence: str

    @property
    def key(self) -> str:
        """What it is told by: one price for a service, item and region."""
        return "|".join((self.service, self.item, self.region)).casefold()

    @property
    def part(self) -> str:
        """Part of the cost that it belongs to."""
        part = UNITS[self.unit]
        return "backups" if part == "storage" and "backup" in self.item.casefold() else part

    def says(self, what: str) -> float | None:
        """A figure in the text of the item, a name of ``_SAYS``; None: it does not say."""
        return _said(self.item, what)

    @property
    def over_database(self) -> bool:
        """Whether a backup as large as the database is free."""
        return "over database" in self.item.casefold()

    def age_days(self, today: date) -> int | None:
        """Days since it was looked up; at most, where the day is not told. None: undated."""
        first = _first_day(self.as_of)
        return None if first is None else max(0, (today - first).days)

    def row(self) -> dict[str, Any]:
        """Its columns."""
        return asdict(self)


@lru_cache(maxsize=4_096)
def _said(item: str, what: str) -> float | None:
    found = _SAYS[what].search(item)
    return float(found[1]) if found else None


def parse(told: Mapping[str, Any], today: date | None = None) -> Price:
    """A price out of what was typed, imported or sent.

    Raises:
        PriceError: with all that is wrong.
    """
    faults: list[str] = []
    text = {name: _text(told.get(name)) for name in COLUMNS}
    for name, most in TEXT_MOST.items():
        if not text[name]:
            faults.append(f"{name} is empty: say which {name} it is.")
        elif len(text[name]) > most or not text[name].isprintable():
            faults.append(
                f"{name} {text[name][:40]!r} cannot be taken: at most {most} printable characters."
            )
    for name, known in (("backend", BACKENDS), ("unit", tuple(UNITS)), ("confidence", CONFIDENCES)):
        if text[name] not in known:
            faults.append(f"{name} {text[name]!r} is unknown: use one of {', '.join(known)}.")
    if not _CURRENCY.fullmatch(text["currency"]):
        faults.append(f"currency {text['currency']!r} is none: three capitals, such as USD.")
    price = _price(told.get("price"), faults)
    _check_date(text["as_of"], today or datetime.now(UTC).date(), faults)
    if faults:
        raise PriceError(faults)
    return Price(**{**text, "price": price})  # type: ignore[arg-type]


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).strip()


def _price(value: Any, faults: list[str]) -> float | None:
    text = _text(value)
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        comma = " with a point, such as 0.25" if "," in text else " such as 0.25"
        faults.append(
            f"price {text[:40]!r} is not a number: write one{comma}, or leave it empty if unknown."
        )
        return None
    if not math.isfinite(number):
        faults.append(f"price {text!r} is not a number: leave it empty if it is unknown.")
    elif number < 0:
        faults.append(f"price {number:g} is negative: write 0 if it is free, or leave it empty.")
    elif number > PRICE_MOST:
        faults.append(f"price {number:g} is more than {PRICE_MOST:,.0f}: is the unit right?")
    return number + 0.0


def _check_date(text: str, today: date, faults: list[str]) -> None:
    if text == UNDATED:
        return
    first = _first_day(text)
    fix = "write YYYY, YYYY-MM or YYYY-MM-DD, or undated."
    if first is None:
        faults.append(f"as_of {text[:40]!r} is no date: {fix}")
    elif first > today:
        faults.append(f"as_of {text!r} has not come yet: when was the price looked up?")
    elif first.year < OLDEST_YEAR:
        faults.append(f"as_of {text!r} is before {OLDEST_YEAR}: {fix}")


def _first_day(text: str) -> date | None:
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    except ValueError:
        return None
