"""``python -m scripts.settings_table``: write the settings into the README from the code."""

from __future__ import annotations

import re
from pathlib import Path

from statemeter.settings import SETTINGS

README = Path(__file__).resolve().parent.parent / "README.md"
_PART = re.compile(r"(?<=<!-- settings -->\n).*?(?=<!-- /settings -->)", re.DOTALL)


def table() -> str:
    """The settings as a Markdown table."""
    rows = ["| variable | default | unit | what it does |", "|---|---|---|---|"]
    for setting in SETTINGS.values():
        default = f"`{setting.default}`" if setting.default else ""
        rows.append(f"| `{setting.name}` | {default} | {setting.unit} | {setting.help} |")
    return "\n".join(rows) + "\n"


def with_table(text: str) -> str:
    """``text`` with the table between its two marks."""
    return _PART.sub(lambda _: table(), text)


if __name__ == "__main__":
    README.write_text(with_table(README.read_text("utf-8")), "utf-8")
