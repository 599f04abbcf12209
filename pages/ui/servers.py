"""What servers count of themselves: the card of the Backends page, and of caches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import formats, frame
from storage.queries_gauges import Gauges

HINT = "STATEMETER_SERVERS=redis://localhost:6379/0 postgresql://localhost/chat"

Form = Callable[[Any], str]


def draw(found: Gauges) -> None:
    """Draws the card of all servers."""
    with frame.card("servers", height="stretch"):
        frame.title("Server counters", "what servers say of themselves")
        if found.resources.empty:
            st.caption("No server is read. Name those to read to the collector:")
            st.code(HINT, language="bash", wrap_lines=True)
            return
        draw_rows(found.resources, found.seconds)


def draw_rows(rows: pd.DataFrame, seconds: float) -> None:
    """Draws servers, by name, so that each keeps its place.

    Args:
        rows: of ``Gauges.resources``.
        seconds: the time that their counters cover.
    """
    for row in rows.sort_values("label").itertuples(index=False):
        _server(row, seconds)


def _server(row: Any, seconds: float) -> None:
    with st.container(gap="xsmall", key=f"server-{row.resource_id}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{formats.plain(formats.backend_name(row.backend))}**", width="content")
            st.caption(formats.plain(row.label), width="content")
            state(row)
        with st.container(horizontal=True, gap="medium"):
            for label, value, told in figures(row, seconds):
                with st.container(width="content", gap=None):
                    st.caption(label, help=told or None)
                    st.markdown(f"**{value}**")


def state(row: Any) -> None:
    """Whether the server answers."""
    if not formats.known(row.up):
        st.badge("not read lately", icon=":material/pause_circle:", color="gray")
    elif row.up:
        st.badge("up", icon=":material/check_circle:", color="green")
    else:
        st.badge("does not answer", icon=":material/error:", color="red")


def figures(row: Any, seconds: float) -> list[tuple[str, str, str]]:
    """Label, value and explanation of what this kind of server tells."""
    found: list[tuple[str, str, str]] = []

    def level(label: str, name: str, form: Form, told: str = "") -> None:
        if formats.known(getattr(row, f"peak_{name}", None)):
            found.append((label, form(getattr(row, name)), told))

    def rate(label: str, name: str, told: str = "") -> None:
        found.append((label, formats.rate(getattr(row, name) / seconds), told))

    level("Memory", "used_bytes", formats.size, "Used now.")
    if formats.known(row.maximum_bytes):
        none = row.maximum_bytes == 0
        found.append(("Of at most", "no limit" if none else formats.size(row.maximum_bytes),
                      "What it is allowed to use."))  # fmt: skip
    level("Data", "size_bytes", formats.size, "The database.")
    level("On disk", "disk_bytes", formats.size, "Data and indexes as they lie on disk.")
    level("Keys", "keys", formats.count)
    level("Without TTL", "keys_forever", formats.count, "Keys that never expire.")
    level("Fragmentation", "fragmentation_percent", _percent,
          "Memory of the process against what is used: far above 100 % is waste.")  # fmt: skip
    level("Clients", "clients", formats.count, "Connections now.")
    if row.backend in {"redis", "valkey"}:
        found.append(("Hit rate", formats.share(hit_rate(row)),
                      "Of key look-ups in the window, of all clients. –: none."))  # fmt: skip
        rate("Commands / s", "commands")
        found.append(
            (
                "Evicted",
                formats.count(row.evicted),
                "Keys dropped for want of memory in the window: checkpoints, too.",
            )
        )
        found.append(("Expired", formats.count(row.expired), "Keys in the window."))
    elif row.backend == "postgres":
        blocks = row.blocks_hit + row.blocks_read
        found.append(("Buffer hits", formats.share(row.blocks_hit / blocks if blocks else None),
                      "Of blocks read in the window. –: none."))  # fmt: skip
        rate("Commits / s", "commits")
        rate("Rollbacks / s", "rollbacks")
        found.append(("Deadlocks", formats.count(row.deadlocks), "In the window."))
        found.append(("Temporary files", formats.size(row.temporary_bytes), "In the window."))
    elif row.backend == "mongodb":
        rate("Queries / s", "commands")
        rate("Writes / s", "rows_written", "Documents inserted, updated or deleted.")
    return found


def _percent(value: float | None) -> str:
    return formats.share(value / 100 if value is not None and formats.known(value) else None)


def hit_rate(row: Any) -> float | None:
    """Share of key look-ups that found something."""
    asked = row.hits + row.misses
    return float(row.hits / asked) if asked else None
