"""Tables of threads, and the way from a row to its thread."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui import address, data_findings, filters, formats, ticked
from storage.queries_threads import GROWING, GROWING_BYTES, REWRITTEN, flags

_FLAGS = {
    "critical": "red",
    "warning": "orange",
    "growing": "orange",
    "rewritten": "red",
    "errors": "red",
    "deleted": "gray",
    "partial": "blue",
}
_FLAGS_HELP = (
    "**critical**, **warning**: the worst finding of it, see [Findings](findings).  \n"
    f"**growing**: the newest checkpoint is {GROWING:g} × that of mid-window or more, "
    f"and at least {formats.size(GROWING_BYTES)}.  \n"
    f"**rewritten**: more than {REWRITTEN} × the newest checkpoint was written.  \n"
    "**errors**: calls of the saver raised.  \n"
    "**deleted**: by `delete_thread`.  \n"
    "**partial**: measured from its middle on; what was written before is missing."
)


def threads(
    rows: pd.DataFrame,
    curves: dict[int, np.ndarray],
    *,
    key: str,
    small: bool = False,
    storage: bool = False,
    open_: Callable[[str, str], None] = address.ask_for_thread,
) -> None:
    """A table of threads; choosing a row opens the thread.

    Args:
        rows: as of ``storage.queries_threads.list_threads``.
        curves: as of ``storage.queries_threads.histories``.
        key: names the table.
        small: leaves out what the Overview has no room for.
        storage: names the storage of each row, too.
        open_: goes to the thread, by its id and the key of its saver.
    """
    shown = pd.DataFrame(
        {
            "thread": rows["thread_id"],
            "backend": [formats.backend_name(name) for name in rows["backend"]],
            "stored": rows["stored_bytes"],
            "history": [
                curves[int(key)][0].tolist() if int(key) in curves else [] for key in rows["id"]
            ],
            "live": rows["live_bytes"],
            "steps": rows["steps"],
            "amplification": rows["amplification"],
            "flags": _flagged(rows, curves),
        }
    )
    if not small:
        if "gained_bytes" in rows:
            shown.insert(3, "gained", rows["gained_bytes"])
        shown["written"] = rows["written_bytes"]
        shown["errors"] = rows["errors"]
        shown["application"] = rows["application"]
        shown["graph"] = rows["graph"]
        shown["used"] = pd.to_datetime(rows["last_seen_us"], unit="us", utc=True)
    if storage:
        names = [
            label or saver for label, saver in zip(rows["saver_label"], rows["saver"], strict=True)
        ]
        shown.insert(1, "storage", names)
    st.dataframe(
        shown,
        key=key,
        hide_index=True,
        on_select=lambda: _open_chosen(key, rows, open_),
        selection_mode="single-row",
        column_config=_columns(),
        height="content",
        placeholder=formats.UNKNOWN,
        alt="Threads",
    )


def _flagged(rows: pd.DataFrame, curves: dict[int, np.ndarray]) -> list[list[str]]:
    """What stands out of each thread, its worst finding first."""
    worst = data_findings.flags([int(key) for key in rows["id"]])
    found = [worst.get(int(key), "") for key in rows["id"]]
    return [
        [severity, *told] if severity in _FLAGS else told
        for severity, told in zip(found, flags(rows, curves), strict=True)
    ]


def back_to_list() -> None:
    """A button that goes back to the list of threads."""
    st.button(
        "All threads",
        icon=":material/arrow_back:",
        key="all-threads",
        type="tertiary",
        on_click=address.ask_for_list,
    )


def _open_chosen(key: str, rows: pd.DataFrame, open_: Callable[[str, str], None]) -> None:
    picked = ticked.row(key, len(rows))
    if picked is not None:
        row = rows.iloc[picked]
        open_(str(row["thread_id"]), str(row["saver"]))


def _columns() -> dict[str, object]:
    config = st.column_config
    return {
        "thread": config.TextColumn("Thread", width=150, pinned=True),
        "storage": config.TextColumn("Storage"),
        "backend": config.TextColumn("Backend"),
        "live": config.NumberColumn("Live", format="bytes", help="The newest checkpoint."),
        "stored": config.NumberColumn(
            "Stored", format="bytes", help="What the backend holds now for this thread."
        ),
        "gained": config.NumberColumn(
            "Gained",
            format="bytes",
            help=f"Stored bytes gained in the last {filters.window()}. –: not known any more.",
        ),
        "history": config.AreaChartColumn(f"Last {filters.window()}", width="small"),
        "written": config.NumberColumn(
            "Written", format="bytes", help="All that was ever sent to the backend."
        ),
        "steps": config.NumberColumn("Steps", format="localized"),
        "amplification": config.NumberColumn(
            "Written / live", format="%.1f×", help="Write amplification."
        ),
        "flags": config.MultiselectColumn(
            "Flags", options=list(_FLAGS), color=list(_FLAGS.values()), width=180, help=_FLAGS_HELP
        ),
        "errors": config.NumberColumn(
            "Errors", format="localized", help="–: found in a database, nobody saw its calls."
        ),
        "application": config.TextColumn("Application"),
        "graph": config.TextColumn("Graph"),
        "used": config.DatetimeColumn("Last used", format="distance"),
    }
