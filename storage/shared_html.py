"""A report as files: one HTML file that loads and runs nothing, and JSON with the same values."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from storage import formats
from storage.plain_text import visible
from storage.queries import WINDOWS
from storage.shared_charts import HEIGHT, WIDTH, draw
from storage.shared_report import FORMS, Noisy, Report, Value, iso, shown, to_plain

_TEXTS = frozenset({"text", "names"})
LONGEST_NOTE = 4_000
"""Characters of a sentence: one may hold the message of an exception of a server."""


def to_html(report: Report) -> bytes:
    """The report as one file, UTF-8."""
    text = _template().render(report=report, title=shown(report.title, "text"))
    # What no encoding has (half of a pair, from a damaged name) is written as an escape.
    return text.encode("utf-8", errors="backslashreplace")


def to_json(report: Report) -> bytes:
    """The report for scripts, see docs/report.md; UTF-8."""
    return json.dumps(to_plain(report), indent=1, allow_nan=False).encode()


def file_name(report: Report, ending: str) -> str:
    """What a file with the report is called."""
    return named(report.title.lower(), ending)


def named(of: str, ending: str) -> str:
    """A file's name for a report: letters, digits and dashes alone, whatever it is of."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", of).strip("-")[:60].strip("-")
    return f"statemeter-{words or 'report'}.{ending}"


@cache
def _template() -> Template:
    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined,
        trim_blocks=False, lstrip_blocks=False,
    )  # fmt: skip
    environment.filters |= {"shown": _shown, "draw": draw, "span": _span, "iso": iso}
    environment.tests["noisy"] = lambda value: isinstance(value, Noisy)
    environment.globals |= {
        "unknown": formats.UNKNOWN, "numbers": frozenset(FORMS) - _TEXTS,
        "width": WIDTH, "height": HEIGHT,
    }  # fmt: skip
    return environment.get_template("shared_report.html.jinja")


def _span(seconds: int) -> str:
    """A window by its name; another one as a duration."""
    names = {length: name for name, length in WINDOWS.items()}
    return names.get(seconds, formats.duration(seconds * 1e6))


def _shown(value: Value, form: str) -> str:
    if form == "long":
        return visible(str(value)[:LONGEST_NOTE])
    return shown(value, form)
