"""``python -m collector.findings.document``: write the rules into their document, from the code."""

from __future__ import annotations

import re
from pathlib import Path

from collector.findings.book import RULES

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "findings.md"
_PART = re.compile(r"(?<=<!-- rules -->\n).*?(?=<!-- /rules -->)", re.DOTALL)


def table() -> str:
    """The rules and their thresholds as two Markdown tables."""
    rows = ["| rule | finds | looks at |", "|---|---|---|"]
    limits = ["| threshold | default | unit | why |", "|---|---|---|---|"]
    for rule in RULES:
        about = rule.about
        rows.append(f"| `{about.id}` | {about.title} | {about.looks_at} |")
        limits += [
            f"| `{about.id}.{one.name}` | {one.default:g} | {one.unit} | {one.why} |"
            for one in about.thresholds
        ]
    return "\n".join([*rows, "", *limits]) + "\n"


def with_table(text: str) -> str:
    """``text`` with the tables between its two marks."""
    return _PART.sub(lambda _: table(), text)


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text("utf-8")), "utf-8")
