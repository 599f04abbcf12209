"""Rows as a table of text, for a terminal."""

from __future__ import annotations

import json
from typing import Any

Row = dict[str, Any]

CELL_CHARACTERS = 40
"""Widest cell of a table; JSON has everything."""


def table(rows: list[Row]) -> str:
    """Rows as text: numbers to the right; control characters of names are shown escaped."""
    if not rows:
        return "(none)"
    names = list(rows[0])
    cells = [names, *[[_cell(row[name]) for name in names] for row in rows]]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    numeric = [isinstance(rows[0][name], int | float) for name in names]
    return "\n".join(
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in cells
    )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    text = json.dumps(value) if isinstance(value, dict | list) else str(value)
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= CELL_CHARACTERS else text[: CELL_CHARACTERS - 1] + "…"
