"""``python -m scripts.support_matrix``: write the tables of docs/support.md from the code."""

from __future__ import annotations

import re
from pathlib import Path

from scripts.support_rows import ROWS, Row
from statemeter import supported

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "support.md"
TITLES = {"saver": "Savers", "store": "Stores", "cache": "Node caches", "pool": "Pools"}
LIBRARIES = {"psycopg-pool": "3.3.3", "sqlalchemy": "2.1.9", "redis": "8.1.0"}
"""Packages of pools and the versions that the tests ran with; those of LangGraph are in
``statemeter.supported``."""

_PART = re.compile(r"(?<=<!-- matrix -->\n).*?(?=<!-- /matrix -->)", re.DOTALL)


def tested(package: str) -> str:
    """The version that the tests ran with."""
    if package in LIBRARIES:
        return LIBRARIES[package]
    return next(one.tested for one in supported.PACKAGES if one.name == package)


def tables() -> str:
    """A table for each kind."""
    parts = []
    for kind, title in TITLES.items():
        rows = [_row(row) for row in ROWS if row.kind == kind]
        head = ["| class | package, tested with | measured | not, and why |", "|---|---|---|---|"]
        parts.append("\n".join([f"## {title}", "", *head, *rows, "", ""]))
    return "\n" + "".join(parts)


def with_tables(text: str) -> str:
    """``text`` with the tables between its two marks."""
    return _PART.sub(lambda _: tables(), text)


def _row(row: Row) -> str:
    names = ", ".join(dict.fromkeys(_name(dotted) for dotted in row.classes))
    any_other = f"any other `{names}`" if row.backend == "other" else names
    version = f"{row.package} {tested(row.package)}"
    return f"| {any_other} | {version} | {row.measured} | {row.unknown} |"


def _name(dotted: str) -> str:
    module, _, name = dotted.rpartition(".")
    return f"{name} (asyncio)" if "asyncio" in module else name


if __name__ == "__main__":
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text("utf-8")), "utf-8")
