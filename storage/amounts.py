"""Sizes and spans of time as people write them: ``1.5 MB``, ``2h``."""

from __future__ import annotations

import re

_SIZES = {
    "": 1, "b": 1, "k": 10**3, "kb": 10**3, "m": 10**6, "mb": 10**6, "g": 10**9, "gb": 10**9,
    "t": 10**12, "tb": 10**12, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
_SPANS = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LARGEST = 2**62
"""What a column of whole numbers takes, with room for a time added to it."""


class NotAnAmount(ValueError):
    """Text that is no amount: what it is, and how to write one."""


def size(text: str) -> int:
    """Bytes, decimal as everywhere here (1 KB = 1000 B); ``KiB`` and so on are 1024.

    Raises:
        NotAnAmount: it cannot be read.
    """
    return _amount(text, _SIZES, "a size: write a number and B, KB, MB or GB, such as 1.5 MB")


def seconds(text: str) -> int:
    """A span of time.

    Raises:
        NotAnAmount: it cannot be read.
    """
    return _amount(text, _SPANS, "a span of time: write a number and s, min, h, d or w, such as 2h")


def _amount(text: str, units: dict[str, int], what: str) -> int:
    found = re.fullmatch(r"(\d{1,18}(?:\.\d{1,9})?)\s*([a-z]*)", text.strip().lower())
    unit = units.get(found[2]) if found else None
    if found is None or unit is None or (value := round(float(found[1]) * unit)) > _LARGEST:
        raise NotAnAmount(f"{text.strip()[:40]!r} is not {what}.")
    return value
