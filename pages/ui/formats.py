"""Numbers, durations and times as text, as ``storage.formats`` has them, and text of the user's
data for a place that reads markdown."""

from __future__ import annotations

import re

from storage.formats import (
    BACKENDS,
    UNKNOWN,
    ago,
    backend_name,
    clock,
    count,
    day,
    duration,
    factor,
    known,
    money,
    rate,
    share,
    size,
    tokens,
)

__all__ = [
    "BACKENDS",
    "UNKNOWN",
    "ago",
    "backend_name",
    "clock",
    "count",
    "day",
    "duration",
    "factor",
    "known",
    "money",
    "plain",
    "rate",
    "share",
    "size",
    "tokens",
]

_LINKS = re.compile(r"https?:(?=//)|www(?=\.)|@(?=\w)", re.IGNORECASE)


def plain(text: object) -> str:
    """Text of the user's data for a place that reads markdown: every special character escaped.

    What would become a link by its mere look (``http://…``, ``www.…``, ``a@b.c``: those come after
    the escapes are read) gets an invisible joiner inside.
    """
    told = _LINKS.sub(lambda found: f"{found.group()}\u2060", str(text))
    escaped = "".join(f"\\{c}" if c in "\\`*_{}[]()#+-.!|<>~:$^&=\"'" else c for c in told)
    return escaped.replace("\n", " ").replace("\r", " ")
