"""Charts of a report as drawings of SVG: paths and places of labels, no colour and no font.

A path lives in a box of ``WIDTH`` × ``HEIGHT`` that the page stretches to whatever room there is,
with lines of the same width; labels stand beside it as text of the page. So a chart is as sharp on
a phone and on paper as on a screen, and the file needs no script and forbids any. Libraries that
draw do not fit that: plotly needs its script, 5 MB in each file; pictures of matplotlib, vega or
pygal have a width, so that their text shrinks with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from storage import formats
from storage.curves import SIZES, TIMES, Units, scale_of
from storage.plain_text import clipped, visible
from storage.shared_report import LONGEST_TEXT, Box, Chart, Series, shown

WIDTH, HEIGHT = 1000, 240
TICKS = 5
"""About how many an axis has."""
HOVERS = 60
"""Most places over which a pointer is told values."""

_UNITS: dict[str, Units] = {"bytes": SIZES, "us": TIMES, "rate": ((1, "1/s"),)}
_FORMS: dict[str, Callable[[float], str]] = {
    "bytes": formats.size, "us": formats.duration, "rate": formats.rate,
}  # fmt: skip
_SPANS_S = (
    1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800,
)  # fmt: skip
"""Distances of moments on an axis."""


@dataclass(frozen=True)
class Shape:
    """A path with how it is painted: ``area``, ``line`` (also ``dashed``), ``dot``
    or ``box``."""

    kind: str
    color: int
    path: str


@dataclass(frozen=True)
class Tick:
    """A label at a place, percent of the axis from the left or from the bottom."""

    at: float
    text: str


@dataclass(frozen=True)
class Hover:
    """What is told over a part of the chart, percent."""

    left: float
    width: float
    text: str


@dataclass(frozen=True)
class Drawing:
    """A chart to be painted."""

    unit: str
    shapes: tuple[Shape, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    legend: tuple[tuple[str, int], ...]
    hovers: tuple[Hover, ...]


def draw(chart: Chart) -> Drawing:
    """A chart with at least one value."""
    tops = _tops(chart)
    scale, unit = scale_of(max(tops, default=0.0), _UNITS[chart.form])
    log = chart.kind == "boxes"
    low, high = _range(chart, tops, scale)
    place = _log_place(low, high) if log else _place(low, high)
    x = _x(chart)
    painters = {"areas": _areas, "lines": _lines, "boxes": _boxes}
    return Drawing(
        unit=f"{unit}, stacked" if chart.kind == "areas" else f"{unit}, logarithmic" if log
        else unit,
        shapes=tuple(painters[chart.kind](chart, x, lambda value: place(value / scale))),
        x_ticks=tuple(_x_ticks(chart, x)),
        y_ticks=tuple(
            Tick(round(100 - place(value) / HEIGHT * 100, 2), _number(value))
            for value in (_decades(low, high) if log else _steps(low, high))
        ),
        legend=tuple((visible(clipped(one.name, LONGEST_TEXT)), one.color) for one in chart.series),
        hovers=tuple(_hovers(chart, x)),
    )  # fmt: skip


def curves_of(chart: Chart) -> list[Series]:
    """Its curves."""
    return [one for one in chart.series if isinstance(one, Series)]


def boxes_of(chart: Chart) -> list[Box]:
    """Its boxes."""
    return [one for one in chart.series if isinstance(one, Box)]


def _tops(chart: Chart) -> list[float]:
    """The highest values, to choose a unit and an axis."""
    if chart.kind == "areas":
        return [
            sum(_zero(one.values[at]) for one in curves_of(chart)) for at in range(len(chart.x))
        ]
    if chart.kind == "boxes":
        return [max(box) for one in boxes_of(chart) for box in one.values if box]
    return [
        value + (one.spread[at] if one.spread else 0.0)
        for one in curves_of(chart)
        for at, value in enumerate(one.values) if value is not None
    ]  # fmt: skip


def _range(chart: Chart, tops: list[float], scale: float) -> tuple[float, float]:
    if chart.kind != "boxes":
        return 0.0, max([*tops, 0.0]) / scale or 1.0
    lows = [min(box) for one in boxes_of(chart) for box in one.values if box]
    low = max(min(lows), 1e-3) / scale
    return low / 1.3, max(tops) / scale * 1.3


def _zero(value: Any) -> float:
    return 0.0 if value is None else float(value)


def _place(low: float, high: float) -> Callable[[float], float]:
    """Value → from the top of the box; a little room is left above the highest."""
    return lambda value: HEIGHT - (value - low) / ((high - low) * 1.04) * HEIGHT


def _log_place(low: float, high: float) -> Callable[[float], float]:
    span = math.log10(high / low)
    return lambda value: HEIGHT - math.log10(max(value, low) / low) / span * HEIGHT


def _x(chart: Chart) -> list[float]:
    """Where each x lies: over the whole width, categories in the middle of their parts."""
    count = len(chart.x)
    if chart.x_form == "text":
        return [(at + 0.5) / count * WIDTH for at in range(count)]
    numbers = np.asarray(chart.x, dtype=float)
    span = numbers.max() - numbers.min() if count else 0.0
    if not span:
        return [WIDTH / 2] * count
    return [float(value) for value in (numbers - numbers.min()) / span * WIDTH]


def _areas(chart: Chart, x: list[float], place: Callable[[float], float]) -> list[Shape]:
    below = np.zeros(len(x))
    found = []
    for one in curves_of(chart):
        above = below + np.array([_zero(value) for value in one.values])
        top = [(at, place(value)) for at, value in zip(x, above, strict=True)]
        back = [(at, place(value)) for at, value in zip(x, below, strict=True)][::-1]
        if len(x) == 1:  # one step has no width: a bar
            top = [(x[0] - 40, top[0][1]), (x[0] + 40, top[0][1])]
            back = [(x[0] + 40, back[0][1]), (x[0] - 40, back[0][1])]
        found.append(Shape("area", one.color, f"M{_points([*top, *back])}Z"))
        found.append(Shape("line", one.color, f"M{_points(top)}"))
        below = above
    return found


def _lines(chart: Chart, x: list[float], place: Callable[[float], float]) -> list[Shape]:
    found = []
    for one in curves_of(chart):
        values = [None if value is None else place(float(value)) for value in one.values]
        path, runs = "", 0
        for at, y in enumerate(values):
            if y is None:
                continue
            joined = at and values[at - 1] is not None
            runs += not joined
            path += f"{'L' if joined else 'M'}{x[at]:.1f} {y:.1f}"
        found.append(Shape("line dashed" if one.dashed else "line", one.color, path))
        dots = [(x[at], y) for at, y in enumerate(values) if y is not None]
        if len(dots) <= 30 or runs > 1:
            found.append(Shape("dot", one.color, "".join(f"M{at:.1f} {y:.1f}h0" for at, y in dots)))
        if one.spread:
            found.append(Shape("line", one.color, "".join(
                f"M{at:.1f} {place(value - half):.1f}V{place(value + half):.1f}"
                for at, value, half in zip(x, one.values, one.spread, strict=True)
                if value is not None and half
            )))  # fmt: skip
    return [one for one in found if one.path]


def _boxes(chart: Chart, x: list[float], place: Callable[[float], float]) -> list[Shape]:
    each = WIDTH / max(len(x), 1) * 0.8 / max(len(chart.series), 1)
    found = []
    for number, one in enumerate(boxes_of(chart)):
        offset = (number - len(chart.series) / 2 + 0.5) * each
        for middle, box in zip(x, one.values, strict=True):
            if not box:
                continue
            p5, p25, p50, p75, p95 = (place(value) for value in box[:5])
            at, left, right = middle + offset, middle + offset - each * 0.36, each * 0.72
            found.append(
                Shape(
                    "box", one.color, f"M{left:.1f} {p75:.1f}h{right:.1f}V{p25:.1f}h-{right:.1f}Z"
                )
            )
            found.append(Shape(
                "line", one.color,
                f"M{at:.1f} {p95:.1f}V{p75:.1f}M{at:.1f} {p25:.1f}V{p5:.1f}"
                f"M{left:.1f} {p50:.1f}h{right:.1f}",
            ))  # fmt: skip
    return found


def _points(points: Sequence[tuple[float, float]]) -> str:
    return "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _x_ticks(chart: Chart, x: list[float]) -> list[Tick]:
    if not x:
        return []
    if chart.x_form == "text":
        return [Tick(round(at / WIDTH * 100, 2), str(name))
                for at, name in zip(x, chart.x, strict=True)]  # fmt: skip
    low, high = float(chart.x[0]), float(chart.x[-1])
    if high <= low:
        return [Tick(50.0, _x_text(chart, low, 60.0))]
    if chart.x_form == "at":
        wanted = (high - low) / 1e6 / (TICKS - 1)
        days = math.ceil(wanted / 86_400) * 86_400
        span: float = next((one for one in _SPANS_S if one >= wanted), days)
        first = math.ceil(low / 1e6 / span) * span
        values = [at * 1e6 for at in range(int(first), int(high / 1e6) + 1, int(span))]
    else:
        step = max(1.0, _nice((high - low) / TICKS))
        values = [float(v) for v in np.arange(math.ceil(low / step) * step, high + 1e-9, step)]
        span = step
    return [
        Tick(round((value - low) / (high - low) * 100, 2), _x_text(chart, value, span))
        for value in values
    ]


def _x_text(chart: Chart, value: float, span: float) -> str:
    if chart.x_form != "at":
        return f"{value:,.0f}"
    text = formats.clock(value, "UTC")
    return text[5:10] if span >= 86_400 else text[11:19] if span < 60 else text[11:16]


def _nice(step: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(times * power for times in (1, 2, 5, 10) if times * power >= step * 0.999)


def _steps(low: float, high: float) -> list[float]:
    step = _nice((high - low) / TICKS)
    return [float(value) for value in np.arange(low, high * 1.04 + step * 1e-6, step)]


def _decades(low: float, high: float) -> list[float]:
    powers = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
    found = [10.0**power for power in powers]
    if len(found) < 3:  # a narrow axis has 2 and 5 as well
        wide = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
        found = [times * 10.0**power for power in wide for times in (1, 2, 5)]
    return [value for value in found if low <= value <= high]


def _number(value: float) -> str:
    return f"{value:,.10g}" if value < 1e6 else f"{value:,.0f}"


def _hovers(chart: Chart, x: list[float]) -> list[Hover]:
    """A part of the chart for each x, or for each of evenly chosen ones."""
    if chart.kind == "boxes" or not x:
        return []
    rows = np.unique(np.linspace(0, len(x) - 1, min(len(x), HOVERS)).round().astype(int))
    edges = [0.0, *((x[a] + x[b]) / 2 for a, b in pairwise(rows)), WIDTH]
    found = []
    for number, at in enumerate(rows):
        told = [
            f"{visible(clipped(one.name, 60))}: {_FORMS[chart.form](value)}"
            for one in curves_of(chart)
            if (value := one.values[at]) is not None
        ]
        head = shown(chart.x[at], chart.x_form)
        head = f"{head} UTC" if chart.x_form == "at" else f"{chart.x_label} {head}"
        left, right = edges[number], edges[number + 1]
        found.append(Hover(
            round(left / WIDTH * 100, 2), round((right - left) / WIDTH * 100, 2),
            "\n".join([head, *told]),
        ))  # fmt: skip
    return found
