"""The form of a rule, and beside it what the rule would have done on past data."""

from __future__ import annotations

import uuid
from typing import cast

import streamlit as st

from pages.ui import alert_orders, charts_alerts, data, data_alerts, filters, formats, frame
from pages.ui.alert_orders import ORDERS
from pages.ui.alert_rules import CHOSEN
from pages.ui.live_plot import live_plot
from storage.alert_preview import RANGES, Preview
from storage.alerts import (
    METRICS,
    OPERATIONS,
    AlertError,
    Each,
    Metric,
    Rule,
    amount,
    check,
    told,
)
from storage.findings import SEVERITIES, Severity
from storage.queries_alerts import Alerts
from storage.ready_alerts import READY

NEW = ""
ALL = "all"
_SCALES = {"bytes": (1e6, "MB"), "us": (1e3, "ms"), "share": (0.01, "%"), "usd": (1.0, "USD"),
           "seconds": (1.0, "s")}  # fmt: skip
"""Unit of a metric → what a visitor types it in."""
_EACH = {"all": "everything together"}
_FIRED_SHOWN = 5


def draw(found: Alerts) -> None:
    """Draws both."""
    rules = {rule.id: rule for rule in READY} | {one.rule.id: one.rule for one in found.rules}
    kept = {one.rule.id for one in found.rules}
    with frame.card("alert-form"):
        frame.title("One rule", "what it would have done, before it is saved")
        left, right = st.columns([2, 3])
        with left:
            chosen = str(
                st.selectbox(
                    "Rule", [NEW, *rules], key=CHOSEN,
                    format_func=lambda key: rules[key].title if key in rules else "A new rule…",
                )
            )  # fmt: skip
            start = rules.get(chosen) or Rule(
                id=NEW, title="", metric="stored_bytes", threshold=100e6, each="all"
            )
            made = _fields(start, found)
            _buttons(made, chosen, kept)
        with right:
            _preview(made)


def _fields(start: Rule, found: Alerts) -> Rule:
    mark = start.id or "new"
    title = st.text_input("Name", value=start.title, key=f"alert-title-{mark}", autocomplete="off",
                          placeholder="What people will read")  # fmt: skip
    names = list(METRICS)
    name = st.selectbox(
        "Metric", names, index=names.index(start.metric), key=f"alert-metric-{mark}",
        format_func=lambda one: METRICS[one].title,
    )  # fmt: skip
    metric = METRICS[name]
    st.caption(metric.help)
    same = name == start.metric
    mark = f"{mark}-{name}"  # another metric has fields of its own
    first, second = st.columns(2)
    with first:
        threshold, above = _threshold(metric, start if same else None, mark)
        for_s = st.number_input("For, s", 0, 86_400, start.for_s, 10, key=f"alert-for-{mark}",
                                help="How long it has to be past it before it fires.")  # fmt: skip
    with second:
        each = start.each if same and start.each in metric.each else metric.each[0]
        each = st.selectbox(
            "For each", list(metric.each), index=metric.each.index(each), key=f"alert-each-{mark}",
            format_func=lambda one: _EACH.get(one, one),
        )  # fmt: skip
        over_s = start.over_s
        if metric.over:
            over_s = 60 * st.number_input(
                "Over, min", 1, 60, start.over_s // 60, key=f"alert-over-{mark}",
                help="The stretch of time that it is worked out of.",
            )  # fmt: skip
        keep_s = st.number_input(
            "Resolved after, s", 0, 86_400, start.keep_s, 10, key=f"alert-keep-{mark}",
            help="How long it has to be back: one that swings around its limit is one alert.",
        )  # fmt: skip
        severity = st.selectbox("Severity", list(SEVERITIES), key=f"alert-severity-{mark}",
                                index=SEVERITIES.index(start.severity))  # fmt: skip
    operation = start.operation
    if metric.operation:
        operation = st.selectbox("Operation", list(OPERATIONS), key=f"alert-operation-{mark}",
                                 index=OPERATIONS.index(start.operation))  # fmt: skip
    backend, application = _scope(metric, start, mark)
    targets = st.multiselect(
        "Targets", list(dict.fromkeys([*(one.name for one in found.targets), *start.targets])),
        default=start.targets, key=f"alert-targets-{mark}", placeholder="all",
    )  # fmt: skip
    return Rule(
        id=start.id, title=title.strip(), metric=name, threshold=threshold, above=above,
        for_s=int(for_s), keep_s=int(keep_s), over_s=int(over_s), operation=operation,
        each=cast(Each, each), application=application, backend=backend,
        severity=cast(Severity, severity), targets=targets,
    )  # fmt: skip


def _threshold(metric: Metric, start: Rule | None, mark: str) -> tuple[float, bool]:
    if metric.unit == "severity":
        at = int(start.threshold) if start else 2
        word = st.selectbox("At or above", list(SEVERITIES), index=at, key=f"alert-least-{mark}")
        return float(SEVERITIES.index(word)), True
    above = True if start is None else start.above
    side = st.segmented_control(
        "Fires", ["above", "below"], default="above" if above else "below", required=True,
        key=f"alert-side-{mark}",
    )  # fmt: skip
    scale, unit = _SCALES.get(metric.unit, (1.0, ""))
    value = start.threshold / scale if start else {"share": 50.0, "count": 0.0}.get(
        metric.unit, 100.0
    )  # fmt: skip
    typed = st.number_input(
        f"Threshold{', ' + unit if unit else ''}", value=float(value), format="%.6g",
        key=f"alert-threshold-{mark}",
    )  # fmt: skip
    return float(typed) * scale, side == "above"


def _scope(metric: Metric, start: Rule, mark: str) -> tuple[str, str]:
    if not metric.narrowed:
        return "", ""
    backends, applications = data.choices()
    found = []
    for place, (label, names, now) in zip(
        st.columns(2),
        (("Backend", backends, start.backend), ("Application", applications, start.application)),
        strict=True,
    ):
        options = [ALL, *names, *([now] if now and now not in names else [])]
        with place:
            one = st.selectbox(label, options, index=options.index(now or ALL),
                               key=f"alert-{label.lower()}-{mark}")  # fmt: skip
        found.append("" if one == ALL else str(one))
    return found[0], found[1]


def _buttons(made: Rule, chosen: str, kept: set[str]) -> None:
    with st.container(horizontal=True):
        st.button(
            "Save and switch on", type="primary", icon=":material/save:", key="alert-save",
            on_click=_save, args=(made,),
        )  # fmt: skip
        if chosen in kept:
            st.button("Remove", icon=":material/delete:", key="alert-remove", on_click=_remove,
                      args=(made,))  # fmt: skip


def _save(made: Rule) -> None:
    if not made.id:
        made = Rule(**{name: getattr(made, name) for name in made.__struct_fields__}
                    | {"id": uuid.uuid4().hex})  # fmt: skip
    alert_orders.save(made, True, f"{made.title} is switched on.")


def _remove(made: Rule) -> None:
    ORDERS.leave("remove alert rule", {"id": made.id}, f"{made.title} is removed.")
    st.session_state[CHOSEN] = NEW


def _preview(made: Rule) -> None:
    ranges = list(RANGES)
    window = str(
        st.segmented_control("Looked back", ranges, default="24h", required=True,
                             key="alert-range")
    )  # fmt: skip
    try:
        check(Rule(**{name: getattr(made, name) for name in made.__struct_fields__}
                   | {"id": made.id or "new", "title": made.title or "new"}))  # fmt: skip
    except AlertError as error:
        st.text("\n".join(error.faults))
        return
    found = data_alerts.preview(made, RANGES[window])
    st.markdown(f"**{_verdict(found, window)}**")
    if not found.drawn:
        st.caption(formats.plain(told(made)))
        st.caption("Nothing is known of this metric in that time.")
        return
    figure, unit = charts_alerts.preview(found, filters.zone())
    st.caption(formats.plain(told(made)) + (f" · drawn in {unit}" if unit else ""))
    live_plot(figure, key="plot-alert-preview", label="What the rule would have done")
    _fired(found)


def _verdict(found: Preview, window: str) -> str:
    span = {"1h": "hour", "24h": "day", "7d": "week"}[window]
    number = len(found.fired)
    words = "not have fired" if not number else (
        "have fired once" if number == 1 else f"have fired {formats.count(number)} times"
    )  # fmt: skip
    return f"It would {words} in the last {span}."


def _fired(found: Preview) -> None:
    zone, unit = filters.zone(), METRICS[found.rule.metric].unit
    lines = [
        f"{formats.clock(one.at_us, zone)} {one.subject.words}: {amount(unit, one.peak)}, "
        + (formats.duration(one.ended_us - one.at_us) if one.ended_us else "still")
        for one in found.fired[-_FIRED_SHOWN:][::-1]
    ]
    if lines:
        st.text("\n".join(lines))
    notes = list(found.parts)
    if found.known_from_us > found.times.first_us:
        notes.append(f"Known from {formats.clock(found.known_from_us, zone)} on.")
    if found.subjects > len(found.drawn):
        notes.append(f"{len(found.drawn)} of {formats.count(found.subjects)} are drawn.")
    for note in notes:
        st.caption(note)
