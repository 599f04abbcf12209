"""The form of the cost model's settings."""

from __future__ import annotations

import streamlit as st

from pages.ui import formats, frame
from pages.ui.price_orders import SETTINGS
from storage import cost_settings, layouts
from storage.cost_settings import CostSettingError
from storage.monthly_costs import services_of
from storage.queries_prices import Book

_AUTO = ""


def draw(book: Book) -> None:
    """Draws the form."""
    frame.title("Settings", "kept in the store, for the page and the command")
    figures = cost_settings.values(book.settings)
    services = cost_settings.chosen(book.settings, "service")
    instances = cost_settings.chosen(book.settings, "instance")
    mark = str(book.changed_us)
    with st.form("cost-settings", border=False):
        left, right = st.columns(2)
        for place, (name, setting) in enumerate(cost_settings.SETTINGS.items()):
            with (left, right)[place % 2]:
                st.text_input(
                    f"{setting.label} ({setting.unit})", value=f"{figures[name]:g}",
                    key=f"cost-{name}-{mark}", help=setting.help, autocomplete="off",
                )  # fmt: skip
        for backend in layouts.BACKENDS:
            found = services_of(book.prices, backend)
            _choice(f"{formats.backend_name(backend)}: service", f"service:{backend}",
                    list(found), services.get(backend, _AUTO), mark)  # fmt: skip
            machines = [
                price.item for rows in found.values() for price in rows if price.part == "instance"
            ]
            if len(machines) > 1:
                _choice(f"{formats.backend_name(backend)}: instance", f"instance:{backend}",
                        machines, instances.get(backend, _AUTO), mark)  # fmt: skip
        st.form_submit_button(
            "Save settings", icon=":material/save:", key="cost-save", on_click=_save, args=(mark,),
            disabled=SETTINGS.saving(),
        )  # fmt: skip
    SETTINGS.draw()


def _choice(label: str, name: str, options: list[str], chosen: str, mark: str) -> None:
    if len(options) < 2:
        return
    automatic = (
        "the smallest that fits" if name.startswith("instance") else "the first with all prices"
    )
    every = [_AUTO, *dict.fromkeys(options), *([chosen] if chosen not in {_AUTO, *options} else [])]
    st.selectbox(
        label, every, index=every.index(chosen), key=f"cost-{name}-{mark}",
        format_func=lambda one: one or automatic,
    )  # fmt: skip


def _save(mark: str) -> None:
    values: dict[str, str | float] = {}
    faults = []
    for key in list(st.session_state):
        name = str(key)
        if not (name.startswith("cost-") and name.endswith(f"-{mark}")):
            continue
        name = name.removeprefix("cost-").removesuffix(f"-{mark}")
        value = st.session_state[key]
        if name.startswith(cost_settings.CHOICES):
            values[name] = str(value)
        elif name in cost_settings.SETTINGS:
            try:
                number = cost_settings.check(name, str(value).strip())
            except CostSettingError as error:
                faults.append(str(error))
                continue
            values[name] = number if number != cost_settings.SETTINGS[name].default else ""
    if faults:
        SETTINGS.refuse(faults)
        return
    SETTINGS.leave("set costs", {"values": values}, "The settings")
