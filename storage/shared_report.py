"""A report to share: what is in it, before it is written as HTML or JSON.

A report is a list of sections; a section has figures, charts and tables. Both files are written
from these values alone, so that they cannot differ. Values are plain numbers and text in the unit
that their name ends with (``_bytes``, ``_us``, ``_usd``, …); None is unknown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from storage import formats
from storage.comparison_tables import told
from storage.plain_text import clipped, visible

VERSION = 1
"""Of the fields of the JSON; one more is fine, a changed or removed one needs another number."""

LONGEST_TEXT = 300
"""Characters of a name that are shown; JSON has all."""


@dataclass(frozen=True)
class Noisy:
    """A median with its noise."""

    median: float
    noise: float | None
    """Half the distance of the quartiles of the rounds; None: too few rounds."""
    tie: bool
    """It cannot be told from the best of all."""


Value = float | str | bool | list[str] | Noisy | None


@dataclass(frozen=True)
class Figure:
    """One number or text with its name."""

    name: str
    """In JSON; says the unit."""
    label: str
    value: Value
    form: str = "text"
    """One of ``FORMS``."""
    told: str = ""
    """What the number means, our own words."""
    least: bool = False
    """A part of it is unknown: the value is a lower bound."""

    @property
    def text(self) -> str:
        """As people read it."""
        text = shown(self.value, self.form)
        return f"≥ {text}" if self.least and self.value is not None else text


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    label: str
    form: str = "text"


@dataclass(frozen=True)
class Table:
    """Rows of values, as many as there are columns."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Value]]
    note: str = ""
    """What it leaves out, our own words."""
    across: bool = False
    """Drawn with a column for each row: there are few, with many values."""


@dataclass(frozen=True)
class Series:
    """One curve; missing values are None."""

    name: str
    values: Sequence[float | None]
    color: int
    """Place among the chart colours of the theme."""
    spread: Sequence[float] = ()
    """Half the length of a bar around each value; empty: none."""
    dashed: bool = False


@dataclass(frozen=True)
class Box:
    """Quantiles of one name in each category: 0.05, 0.25, 0.5, 0.75, 0.95; None: not measured."""

    name: str
    values: Sequence[Sequence[float] | None]
    color: int


@dataclass(frozen=True)
class Chart:
    """Curves, or boxes, over one axis."""

    name: str
    title: str
    kind: str
    """``areas`` (stacked), ``lines``, or ``boxes`` (on a logarithmic axis)."""
    form: str
    """Of the values, see ``FORMS``: ``bytes``, ``us`` or ``rate``."""
    x: Sequence[float | str]
    x_label: str
    series: Sequence[Series | Box]
    x_form: str = "count"
    """``count``, ``at`` (µs since 1970) or ``text`` (categories)."""


@dataclass(frozen=True)
class Section:
    """One subject."""

    name: str
    title: str
    detail: str = ""
    figures: tuple[Figure, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    of: dict[str, Value] = field(default_factory=dict)
    """What tells it from other sections of its name; the title says it, too."""
    lead: str = ""
    """What it comes to, in one or two sentences."""
    notes: tuple[str, ...] = ()
    """Sentences; shown as text, whatever they hold."""


@dataclass(frozen=True)
class Report:
    """All of it."""

    kind: str
    """``thread``, ``application`` or ``comparison``."""
    title: str
    """Of what, as it is called."""
    subject: tuple[Figure, ...]
    """What it is: shown as badges."""
    sections: list[Section]
    made_us: int
    window_s: int | None = None
    """Of what is counted over a window; None: there is none."""
    anonymous: bool = False
    marks: tuple[str, ...] = field(default=())
    """What to know before all else, such as that its beginning was not seen."""


def _moment(value: float) -> str:
    return f"{formats.clock(value, 'UTC')}"


FORMS: dict[str, Callable[[Any], str]] = {
    "text": lambda text: visible(clipped(str(text), LONGEST_TEXT)),
    "names": lambda names: visible(clipped(", ".join(names), LONGEST_TEXT)),
    "bytes": formats.size,
    "signed_bytes": lambda value: formats.size(value, signed=True),
    "us": formats.duration,
    "count": formats.count,
    "rate": formats.rate,
    "share": formats.share,
    "factor": formats.factor,
    "usd": formats.money,
    "usd_least": lambda value: formats.money(value, least=True),
    "at": _moment,
    "number": lambda value: f"{value:,.2f}",
    "noisy": lambda one: told((one.median, one.noise, one.tie)) or formats.UNKNOWN,
}
"""How values are shown, by name."""


def known(value: Any) -> Value:
    """A value as both files have it: a plain number, text, names or None, whatever held it."""
    if value is None or isinstance(value, str | bool | Noisy):
        return value
    if isinstance(value, list | tuple):
        return [str(one) for one in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value if isinstance(value, bool) else None  # pandas' NA
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return int(value) if isinstance(value, float) and value.is_integer() else value


def numbers(values: Iterable[Any]) -> list[float | None]:
    """Values of a curve; what is missing is None."""
    return [
        value if isinstance(value := known(one), int | float) else None for one in values
    ]  # fmt: skip


def shown(value: Value, form: str) -> str:
    """A value as people read it; unknown is a dash."""
    if value is None or value == [] or (form == "at" and not value):
        return formats.UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    return FORMS[form](value)


def to_plain(report: Report) -> dict[str, Any]:
    """The report as JSON has it: see docs/report.md."""
    return {
        "format": "statemeter-report",
        "version": VERSION,
        "kind": report.kind,
        "title": report.title,
        "made_at": iso(report.made_us),
        "window_seconds": report.window_s,
        "anonymous": report.anonymous,
        "marks": list(report.marks),
        "subject": _figures(report.subject),
        "sections": [
            {
                "name": section.name,
                "title": section.title,
                "of": section.of,
                "figures": _figures(section.figures),
                "charts": [_chart(chart) for chart in section.charts],
                "tables": {table.name: _rows(table) for table in section.tables},
                "lead": section.lead,
                "notes": [*section.notes, *(one.note for one in section.tables if one.note)],
            }
            for section in report.sections
        ],
    }


def _figures(figures: Sequence[Figure]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in figures:
        found[one.name] = _told(one.value, one.form)
        if one.least:
            found[f"{one.name}_is_least"] = True
    return found


def _rows(table: Table) -> list[dict[str, Any]]:
    return [
        {
            column.name: _told(value, column.form)
            for column, value in zip(table.columns, row, strict=True)
        }
        for row in table.rows
    ]


def _chart(chart: Chart) -> dict[str, Any]:
    return {
        "name": chart.name,
        "title": chart.title,
        "unit": {"us": "µs", "rate": "1/s"}.get(chart.form, chart.form),
        "x": [_told(x, chart.x_form) for x in chart.x],
        "x_is": chart.x_label,
        "series": [{"name": one.name, "values": list(one.values)} for one in chart.series],
    }


def _told(value: Value, form: str) -> Any:
    if isinstance(value, Noisy):
        return asdict(value)
    return iso(value) if form == "at" and isinstance(value, int | float) else value


def iso(at_us: float) -> str | None:
    """ISO 8601 in UTC; None where there is no moment."""
    if not at_us:
        return None
    moment = datetime.fromtimestamp(at_us / 1e6, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
