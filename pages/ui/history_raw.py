"""Raw: how the backend holds each part of a checkpoint: type, length, the bytes it starts with."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from pages.ui import export, formats, frame
from pages.ui import history_values as shared
from pages.ui.hexdump import hexdump
from pages.ui.history_context import Context
from storage.plain_json import kind_of, reduced
from storage.plain_text import clipped, visible
from storage.values import Answer, Value

_DECODED_CHARACTERS = 20_000
"""Of the decoded text that is shown below the bytes."""


def draw(context: Context) -> None:
    """Draws the list of blobs, and the start of the one that the visitor chose."""
    with frame.card("raw"):
        answer = shared.of_chosen(context)
        if answer is None:
            return
        blobs = parts(answer)
        table = _table(blobs)
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            frame.title("Blobs", f"at step {shared.step(context.chosen)}; choose one to see it")
            export.button("blobs", lambda: table)
        chosen = _choose(table)
        _blob(list(blobs)[chosen], list(blobs.values())[chosen])
        shared.origin(answer)


def parts(answer: Answer) -> dict[str, Value]:
    """Name → blob: channels, most bytes first, then document, metadata and pending writes."""
    found = {f"channel {name}": one for name, one in shared.channels(answer, True).items()}
    found |= {"checkpoint": answer.document, "metadata": answer.metadata}
    for number, write in enumerate(answer.writes):
        name = f"write {number}: {write.node or write.task} → {write.channel}"
        found[name] = write.value
    return found


def _table(blobs: dict[str, Value]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "part": [visible(clipped(name, 200)) for name in blobs],
            "type": [visible(clipped(one.type, 60)) for one in blobs.values()],
            "bytes": pd.array(
                [one.bytes if one.bytes >= 0 else None for one in blobs.values()], dtype="Int64"
            ),
            "holds": [kind_of(one.data) if one.known else "" for one in blobs.values()],
            "problem": [visible(clipped(one.problem)) for one in blobs.values()],
        }
    )


def _choose(table: pd.DataFrame) -> int:
    """The row that the visitor chose, the first one if none."""
    shown = table if (table["problem"] != "").any() else table.drop(columns="problem")
    config = st.column_config
    state = st.dataframe(
        shown,
        key="raw-table",
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        height=frame.table_height(len(table), 320),
        placeholder=formats.UNKNOWN,
        alt="Blobs of the checkpoint",
        column_config={
            "part": config.TextColumn("Part", pinned=True),
            "type": config.TextColumn("Type", help="The tag that the serializer gave it."),
            "bytes": config.NumberColumn("Length", format="localized", help="Bytes."),
            "holds": config.TextColumn("Decodes to"),
            "problem": config.TextColumn("Not decoded because"),
        },
    )
    rows = state["selection"]["rows"]
    return rows[0] if rows and rows[0] < len(table) else 0


def _blob(name: str, blob: Value) -> None:
    exact = f"{formats.count(blob.bytes)} B" if blob.bytes >= 0 else formats.UNKNOWN
    shared.heading(name, f"{blob.type or 'no type'} · {exact}")
    if blob.head:
        shown = len(blob.head) // 2
        told = "all of it" if shown == blob.bytes else f"the first {shown} bytes"
        st.caption(f"In hex, {told}")
        st.code(hexdump(blob.head), language=None)
    else:
        st.text("Its bytes are not shown: something in it is redacted, or it has none of its own.")
    if not blob.known:
        st.text(visible(clipped(blob.problem)))
        return
    st.caption("Decoded to plain data")
    text = json.dumps(reduced(blob.data), ensure_ascii=False, indent=1)
    st.code(clipped(text, _DECODED_CHARACTERS), language="json", height=320)
