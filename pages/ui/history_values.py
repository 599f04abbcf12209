"""What all views of values share: what was read and from where, or in one line why nothing was."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.ui import formats, values
from pages.ui.history_context import Context
from storage.history_sizes import is_internal
from storage.plain_json import kind_of
from storage.plain_text import clipped, visible
from storage.values import Answer, Value


def allowed() -> bool:
    """Whether values may be shown; where they may not, ``of_chosen`` says how to allow them."""
    return not values.allowed()


def of_chosen(context: Context) -> Answer | None:
    """The values of the chosen step; None, and said why, where there are none."""
    return _shown(context.values)


def of_compared(context: Context) -> Answer | None:
    """The values of the step it is compared with, likewise; empty ones where there is no such."""
    found = context.compared_values
    return Answer() if found is None else _shown(found)


def of_row(context: Context, row: Any) -> Answer | None:
    """The values of any row of the history, likewise."""
    return _shown(context.read(row))


def origin(answer: Answer) -> None:
    """Where the values come from, what was left out, and that nothing of them is kept."""
    told = [f"Read from {answer.origin or 'the backend'} in {formats.duration(answer.took_us)}"]
    if answer.left_out:
        told.append(f"{formats.count(answer.left_out)} channels and writes left out: too large")
    if answer.redacted:
        places = "place" if answer.redacted == 1 else "places"
        told.append(f"{formats.count(answer.redacted)} {places} redacted")
    told.append("nothing of it is stored")
    st.caption(formats.plain(visible("; ".join(told) + ".")))


def step(row: Any) -> str:
    """The number of a step."""
    return formats.UNKNOWN if not formats.known(_number(row.step)) else str(int(row.step))


def channels(answer: Answer, internal: bool) -> dict[str, Value]:
    """The channels of a checkpoint, most bytes first."""
    found = [one for one in answer.channels.items() if internal or not is_internal(one[0])]
    return dict(sorted(found, key=lambda one: (-one[1].bytes, one[0])))


def state(answer: Answer, internal: bool) -> dict[str, Any]:
    """Channel → plain data; of what could not be decoded, its type, length and version."""
    versions = answer.document.data if isinstance(answer.document.data, dict) else {}
    versions = versions.get("channel_versions") or {}
    made = {}
    for name, value in answer.channels.items():
        if not internal and is_internal(name):
            continue
        if value.known:
            made[name] = value.data
        else:
            # The version tells that it changed, where the value does not.
            version = versions.get(name, "") if isinstance(versions, dict) else ""
            told = f"{formats.size(_bytes(value))}, version {version}: {value.problem}"
            made[name] = {"__type__": value.type or "unknown", "value": told}
    return made


def facts(value: Value, whole: float = 0) -> str:
    """What a value is, its bytes, its share of ``whole`` bytes, and how it came about."""
    told = [formats.size(_bytes(value))]
    if whole > 0 and value.bytes >= 0:
        told.append(f"{part(value.bytes, whole)} of the channels")
    told.append(kind_of(value.data) if value.known else value.type or "unknown type")
    if value.cut:
        told.append("cut by a limit")
    if value.rebuilt:
        ancestors = "ancestor" if value.rebuilt == 1 else "ancestors"
        told.append(f"rebuilt from {formats.count(value.rebuilt)} {ancestors}")
    if value.how:
        told.append(visible(clipped(value.how)))
    return " · ".join(told)


def part(some: float, every: float) -> str:
    """A share in percent, in which little is not nothing."""
    small = 0 < some < every / 1000
    return f"< {formats.share(0.001)}" if small else formats.share(some / every)


def whole(found: dict[str, Value]) -> float:
    """Bytes of these channels."""
    return float(sum(max(0, value.bytes) for value in found.values()))


def own_channels(key: str) -> bool:
    """Whether the visitor wants to see LangGraph's own channels."""
    return st.toggle(
        "LangGraph's own channels",
        key=key,
        help="Triggers (branch:to:…), joins and the input, which are not part of the state.",
    )


def heading(text: str, detail: str = "") -> None:
    """A line of the user's data as a heading, with our own words in grey beside it."""
    name = formats.plain(visible(clipped(text, 120)))
    st.markdown(f"**{name}** :gray[{formats.plain(detail)}]" if detail else f"**{name}**")


def _shown(answer: Answer) -> Answer | None:
    if not answer.problem:
        return answer
    st.text(visible(clipped(answer.problem, 1000)))
    if answer.origin:
        st.caption(formats.plain(visible(answer.origin)))
    return None


def _bytes(value: Value) -> float | None:
    return value.bytes if value.bytes >= 0 else None


def _number(found: Any) -> float | None:
    try:
        return None if found is None else float(found)
    except TypeError:  # pandas' own missing value
        return None
