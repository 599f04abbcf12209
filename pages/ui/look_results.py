"""What a look into a process found, as tables and figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import charts_looks, export, frame
from pages.ui.formats import count, duration, size
from pages.ui.live_plot import live_plot
from storage.looks import Allocations, Answer, Census, Chain, Flame, Lines, Recording

_HEIGHT = 420
_GROWS = "grows"
_STEADY = "rose at each of six moments, about evenly: what stays, not what comes and goes"

Ask = Callable[[str, int], None]
"""Asks who holds an object, by its type and address (0: any of that type)."""


def draw(answer: Answer, ask: Ask) -> None:
    """Draws a result below its title.

    Args:
        answer: without a problem.
        ask: who holds an object.
    """
    if answer.ended:
        st.caption(f"The look {answer.ended}.")
    if answer.census is not None:
        _census(answer.census, ask)
    elif answer.chain is not None:
        chain(answer.chain)
    elif answer.allocations is not None:
        _allocations(answer.allocations)
    elif answer.recording is not None:
        _recording(answer.recording)
    elif answer.lines is not None:
        _lines(answer.lines)


def _census(found: Census, ask: Ask) -> None:
    estimated = f", one in {found.every} counted: estimates" if found.every > 1 else ""
    change = f", {count(found.change, signed=True)}" if found.growth else ""
    if found.growth:
        names = [one.name for one in found.suspects]
        _verdict(names, "type grows", "types grow")
    table = pd.DataFrame(
        [(one.name, one.count, one.change, _GROWS if one.steady else "") for one in found.types],
        columns=["type", "objects", "change", "steady"],
    )
    containers = pd.DataFrame(
        [(one.name, one.length, one.change, _GROWS if one.steady else "", hex(one.address))
         for one in found.containers],
        columns=["type", "elements", "change", "steady", "address"],
    )  # fmt: skip
    if not found.growth:
        table, containers = (one.drop(columns=["change", "steady"]) for one in (table, containers))
    left, right = st.columns(2)
    with left:
        export.title("Objects by type", f"{count(found.objects)}{change}{estimated}", "census",
                     lambda: table)  # fmt: skip
        row = _choice(table, "census-types")
    with right:
        export.title("Longest lists, dictionaries and sets", "elements", "containers",
                     lambda: containers)  # fmt: skip
        container = _choice(containers.drop(columns="address"), "census-containers")
    st.caption("Choose a row, of either table, to see who holds it.")
    for chosen, rows, last in ((row, found.types, "type"), (container, found.containers, "list")):
        if chosen is not None and chosen < len(rows):
            one = rows[chosen]
            st.button(
                "Who holds it?", icon=":material/account_tree:", key=f"ask-chain-{last}",
                on_click=ask, args=(one.name, getattr(one, "address", 0)),
                help="Walks over all objects, once a step: the process stops for some "
                "milliseconds each (about 30 ms for a million objects), for 10 s at most.",
            )  # fmt: skip
            st.caption("Of")
            st.code(one.name, language=None)


def chain(found: Chain) -> None:
    """Draws who holds an object."""
    frame.title("Who holds it", f"of {count(found.number)} objects, up to 3")
    st.code(found.name, language=None)
    if not found.complete:
        st.caption("The search took more than 10 s and was ended: chains may be missing.")
    if not all(one.rooted for one in found.chains):
        st.caption(
            "Where no module or running function stands at the top, none was found that holds it: "
            "it is about to go, or held by something outside Python."
        )
    figure, rows = charts_looks.chains(found)
    height = rows * charts_looks.ROW_PIXELS + 24
    live_plot(figure, key="plot-chain", label=f"Who holds {found.name}", height=height)


def _allocations(found: Allocations) -> None:
    names = [f"{one.file}:{one.line}" for one in found.suspects]
    _verdict(names, "line grows", "lines grow")
    table = pd.DataFrame(
        [(f"{one.file}:{one.line}", one.change_bytes, one.bytes, one.change_blocks, one.blocks,
          _GROWS if one.steady else "") for one in found.lines],
        columns=["line", "change_bytes", "bytes", "change_blocks", "blocks", "steady"],
    )  # fmt: skip
    files = pd.DataFrame(found.files, columns=["file", "bytes", "change_bytes"])
    total = f"{size(found.bytes)} kept, {size(found.change_bytes, signed=True)}"
    lines_tab, files_tab = st.tabs(["By line", "By file"])
    with lines_tab:
        export.title("Allocations by line", total, "allocations", lambda: table)
        row = _choice(_sized(table, "change_bytes", "bytes"), "allocation-lines", ends=("line",))
        if row is not None and row < len(found.lines) and found.lines[row].stack:
            st.caption("The calls that led to the most of it, the last one first:")
            stack = "\n".join(f"{file}:{line}" for file, line in found.lines[row].stack)
            st.code(stack, language=None)
        else:
            st.caption("Choose a row to see the calls that led to it.")
    with files_tab:
        _table(_sized(files, "change_bytes", "bytes"), "allocation-files")


def _recording(found: Recording) -> None:
    of_run = ", one run" if found.run else ""
    frame.title(
        "Recorded",
        f"{found.seconds:.1f} s{of_run}: {count(found.allocations)} allocations, at most "
        f"{size(found.peak_bytes)}, {size(found.kept.bytes)} not freed",
    )
    peak, kept = st.tabs(["At the peak", "Not freed"])
    with peak:
        _flame(found.peak, "peak", "Allocated at the moment of the most memory")
    with kept:
        table = pd.DataFrame(
            [(one.function, f"{one.file}:{one.line}" if one.file else "(no Python)", one.bytes,
              one.blocks) for one in found.leaks],
            columns=["function", "line", "bytes", "blocks"],
        )  # fmt: skip
        export.title("Allocated and not freed", "by the line that did it", "leaks", lambda: table)
        _table(_sized(table, "bytes"), "recording-leaks")
        _flame(found.kept, "kept", "Allocated and not freed, by calls")


def _flame(found: Flame, key: str, label: str) -> None:
    if len(found.frames) < 2:
        st.caption("Nothing was allocated.")
        return
    live_plot(
        charts_looks.flame(found), key=f"plot-flame-{key}", label=label,
        height=charts_looks.flame_height(found),
    )  # fmt: skip
    left = (
        f" {size(found.left_out_bytes)} in boxes too narrow to draw."
        if found.left_out_bytes
        else ""
    )
    st.caption(f"Calls from top to bottom, as wide as their bytes; a click goes into one.{left}")


def _lines(found: Lines) -> None:
    took = duration(found.duration_us) if found.complete else "not over in time"
    error = f", ended with {found.error}" if found.error else ""
    export.title("Lines of one call", f"{took}{error}", "lines", lambda: table)
    st.code(f"{found.function}  {found.file}:{found.first}", language=None)
    table = pd.DataFrame(
        [(one.line, one.hits, one.change_bytes, one.peak_bytes, one.held_bytes, one.text)
         for one in found.lines],
        columns=["line", "hits", "change_bytes", "peak_bytes", "held_bytes", "source"],
    )  # fmt: skip
    shown = table.astype({"change_bytes": object, "peak_bytes": object, "held_bytes": object})
    for name in ("change_bytes", "peak_bytes", "held_bytes"):
        shown.loc[table["hits"] == 0, name] = None
    _table(_sized(shown, "change_bytes", "peak_bytes", "held_bytes"), "node-lines", 640)
    st.caption(
        "**change**: what the line added to the memory of Python, all its turns together, with all "
        "that it calls. **peak**: the most that it took above what was there before. **held**: "
        "of what it allocated, what was still there at the end of the call. Change and peak are "
        "the whole process's: what other threads allocate meanwhile counts too."
    )


def _verdict(names: list[str], one: str, many: str) -> None:
    if not names:
        st.markdown(":material/check_circle: Nothing grows steadily.")
        return
    st.markdown(
        f":material/warning: **{len(names)} {one if len(names) == 1 else many} steadily**",
        help=_STEADY,
    )
    st.code("\n".join(names[:5]), language=None)


def _sized(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    """With bytes in their columns shown with units; order stays."""
    return table.assign(
        **{name: [size(_number(v), signed=name.startswith("change")) for v in table[name]]
           for name in names}
    )  # fmt: skip


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


_COLUMNS = {
    "type": st.column_config.TextColumn("Type", width="medium"),
    "line": st.column_config.TextColumn("Line"),
    "file": st.column_config.TextColumn("File", width="large"),
    "function": st.column_config.TextColumn("Function"),
    "objects": st.column_config.NumberColumn("Objects", format="localized"),
    "elements": st.column_config.NumberColumn("Elements", format="localized"),
    "change": st.column_config.NumberColumn("Change", format="localized"),
    "steady": st.column_config.TextColumn("Steady", help=_STEADY),
    "bytes": st.column_config.TextColumn("Kept", alignment="right"),
    "change_bytes": st.column_config.TextColumn("Change", alignment="right"),
    "peak_bytes": st.column_config.TextColumn("Peak", alignment="right"),
    "held_bytes": st.column_config.TextColumn("Held", alignment="right"),
    "blocks": st.column_config.NumberColumn("Blocks", format="localized"),
    "change_blocks": st.column_config.NumberColumn("Blocks, change", format="localized"),
    "hits": st.column_config.NumberColumn("Turns", format="localized"),
    "source": st.column_config.TextColumn("Source", width="large"),
}


def _table(table: pd.DataFrame, key: str, most: int = _HEIGHT) -> None:
    st.dataframe(
        table, hide_index=True, key=key, column_config=_COLUMNS,
        height=frame.table_height(len(table), most),
    )  # fmt: skip


def _choice(table: pd.DataFrame, key: str, ends: tuple[str, ...] = ()) -> int | None:
    """A table of which one row can be chosen. Paths are shown by their end, which tells them
    apart."""
    shown = table.assign(**{name: [_end(text) for text in table[name]] for name in ends})
    event: Any = st.dataframe(
        shown, hide_index=True, key=key, column_config=_COLUMNS, on_select="rerun",
        selection_mode="single-row", height=frame.table_height(len(table), _HEIGHT),
    )  # fmt: skip
    rows = event.selection.rows
    return int(rows[0]) if rows else None


def _end(path: str) -> str:
    return "/".join(path.replace("\\", "/").split("/")[-2:])
