"""What instrumented runs tell of serializing: time and bytes by operation, channel, type, node."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui import (
    charts,
    charts_lines,
    data_serializing,
    export,
    filters,
    formats,
    frame,
    states,
)
from pages.ui.charts_lines import Line
from pages.ui.live_plot import live_plot
from storage.queries_serializing import SAMPLE, Serializing

_ROWS = 400


def draw() -> None:
    """Draws the section, again and again."""
    frame.live(lambda: states.or_else(_section))


def _section() -> None:
    found = data_serializing.serializing()
    if found.operations.empty:
        with frame.card("nothing-serialized"):
            st.subheader("Nothing was serialized with these filters", anchor=False)
            st.text(
                "Calls of instrumented savers are measured. What is only attached tells its bytes, "
                "and no times. Take a longer window, or other filters."
            )
        return
    _cards(found)
    left, right = st.columns([3, 2])
    with left:
        _over_time(found)
    with right:
        _operations(found)
    _channels(found)
    left, right = st.columns([3, 2])
    with left:
        _nodes(found)
    with right:
        _types(found)


def _cards(found: Serializing) -> None:
    window, over = filters.window(), found.over_time
    writes = found.operations[found.operations["writes"]]
    reads = found.operations[~found.operations["writes"]]
    share = _divided(writes["serde_us"].sum(), writes["duration_us"].sum())
    pickles = found.tags[found.tags["pickled"]]
    number = int(pickles["calls"].sum())
    with st.container(horizontal=True, key="cards", gap="small"):
        for label, value, note, curve, told in (
            ("Of writing", formats.share(share), f"in the serializer, {window}",
             over["dump_share"].to_numpy(np.float64),
             "Time in the serializer, of the time of calls that write checkpoints and pending "
             "writes."),
            ("A step", formats.duration(found.step_us), "serializing its checkpoint and writes",
             over["dump_us"].to_numpy(np.float64),
             "Time in the serializer for a checkpoint with its pending writes, the mean."),
            ("Of runs", formats.share(found.run_share),
             f"of {formats.count(found.runs)} runs" if found.runs else "no whole run is known",
             None,
             "Time in the serializer, reading and writing, in a second of run. Of runs all of "
             f"whose calls are among the newest {SAMPLE:,}. Parallel calls add up."),
            ("Writing", _speed(writes), "written, in the serializer", None,
             "Bytes made, by time in the serializer. Pending writes alone for PostgreSQL, whose "
             "documents pass the serializer by."),
            ("Reading", _speed(reads), "read, in the serializer", None,
             "Bytes read, by time in the serializer. RedisSaver's are not seen."),
            ("Pickled", formats.count(number), "calls fell back to pickle" if number else
             "no call fell back", None,
             "Calls whose document, or first value, was pickled: loading those runs code, and "
             f"neither sizes nor values of them can be seen. Among the newest {SAMPLE:,} calls."),
        ):  # fmt: skip
            st.metric(
                label, value, note, delta_color="off", delta_arrow="off", border=True, help=told,
                height="stretch", chart_type="area",
                chart_data=np.nan_to_num(curve).tolist()
                if curve is not None and len(curve) > 1 else None,
            )  # fmt: skip


def _speed(operations: pd.DataFrame) -> str:
    known = operations.dropna(subset="mb_per_s")
    speed = _divided(
        known["payload_bytes"].sum(), (known["payload_bytes"] / known["mb_per_s"]).sum()
    )
    return formats.UNKNOWN if speed is None else f"{formats.rate(speed)} MB/s"


def _divided(top: float, bottom: float) -> float | None:
    return float(top) / float(bottom) if bottom else None


def _over_time(found: Serializing) -> None:
    over, zone = found.over_time, filters.zone()
    drawn = [
        Line(name, place, over["at_us"].to_numpy(np.int64), over[column].to_numpy(np.float64))
        for place, (name, column) in enumerate((("writing", "dump_us"), ("reading", "load_us")))
    ]
    figure, unit = charts_lines.lines(drawn, zone, charts.TIMES, formats.duration, stacked=True)
    length = formats.duration(found.grid.slot_us)
    with frame.card("serde-time", height="stretch"):
        frame.title("Time in the serializer", f"{unit} in each {length}, stacked")
        live_plot(figure, key="plot-serde-time", label="Time in the serializer over time")


def _operations(found: Serializing) -> None:
    table = found.operations
    with frame.card("serde-operations", height="stretch"):
        export.title("Calls", "of savers", "serialized-calls", lambda: table)
        config = st.column_config
        st.dataframe(
            pd.DataFrame({
                "operation": table["operation"], "count": table["count"],
                "share": table["share"] * 100, "time": _ms(table["mean_us"]),
                "bytes": table["payload_bytes"], "speed": table["mb_per_s"],
            }),
            key="serialized-calls", hide_index=True, height="content", placeholder=formats.UNKNOWN,
            alt="Calls of savers, and their time in the serializer",
            column_config={
                "operation": config.TextColumn("Operation", pinned=True),
                "count": config.NumberColumn("Calls", format="localized"),
                "share": config.ProgressColumn(
                    "Share", format="%.0f %%", min_value=0, max_value=100, width="small",
                    help="Of the duration of the calls, in the serializer.",
                ),
                "time": config.NumberColumn("ms a call", format="%.3f"),
                "bytes": config.NumberColumn("Bytes", format="bytes"),
                "speed": config.NumberColumn("MB/s", format="%.1f"),
            },
        )  # fmt: skip


def _channels(found: Serializing) -> None:
    table = found.channels
    with frame.card("serde-channels"):
        export.title("Channels", _of_sample(found), "serialized-channels", lambda: table)
        config = st.column_config
        st.dataframe(
            pd.DataFrame({
                "channel": table["channel"], "type": table["type"], "writes": table["writes"],
                "written": table["write_bytes"], "rewritten": table["rewritten_bytes"],
                "time": _ms(table["timed_us"].where(table["timed_bytes"] > 0)),
                "known": _percent(table["timed_bytes"], table["write_bytes"]),
                "speed": table["mb_per_s"],
            }),
            key="serialized-channels", hide_index=True,
            height=frame.table_height(len(table), _ROWS), placeholder=formats.UNKNOWN,
            alt="Channels, and what serializing them takes",
            column_config={
                "channel": config.TextColumn("Channel", pinned=True),
                "type": config.TextColumn(
                    "Largest element", help="Class of the largest element, where it is a list."
                ),
                "writes": config.NumberColumn("Writes", format="localized"),
                "written": config.NumberColumn(
                    "Written", format="bytes", help="Values of pending writes."
                ),
                "rewritten": config.NumberColumn(
                    "In documents", format="bytes",
                    help="Inside checkpoints that are one document: there, each step serializes "
                    "each channel again, changed or not.",
                ),
                "time": config.NumberColumn(
                    "ms", format="%.2f",
                    help="Time in the serializer of calls that serialized this channel alone. Of "
                    "others, whose time is whose is not known.",
                ),
                "known": config.ProgressColumn(
                    "Timed", format="%.0f %%", min_value=0, max_value=100, width="small",
                    help="Of the written bytes, those whose time is known.",
                ),
                "speed": config.NumberColumn("MB/s", format="%.1f"),
            },
        )  # fmt: skip


def _nodes(found: Serializing) -> None:
    table = found.nodes
    with frame.card("serde-nodes", height="stretch"):
        export.title("Nodes", "what they wrote", "serialized-nodes", lambda: table,
                     there=not table.empty)  # fmt: skip
        if table.empty:
            st.caption("No node wrote anything with these filters.")
            return
        config = st.column_config
        st.dataframe(
            pd.DataFrame({
                "node": table["node"], "calls": table["calls"], "bytes": table["write_bytes"],
                "time": _ms(table["serde_us"]), "share": table["share"] * 100,
                "speed": table["mb_per_s"],
            }),
            key="serialized-nodes", hide_index=True,
            height=frame.table_height(len(table), _ROWS), placeholder=formats.UNKNOWN,
            alt="Nodes, and what serializing their writes takes",
            column_config={
                "node": config.TextColumn("Node", pinned=True),
                "calls": config.NumberColumn("Calls", format="localized"),
                "bytes": config.NumberColumn("Written", format="bytes"),
                "time": config.NumberColumn("ms", format="%.2f", help="In the serializer."),
                "share": config.ProgressColumn(
                    "Share", format="%.0f %%", min_value=0, max_value=100, width="small",
                    help="Of the duration of put_writes, in the serializer.",
                ),
                "speed": config.NumberColumn("MB/s", format="%.1f"),
            },
        )  # fmt: skip


def _types(found: Serializing) -> None:
    table, tags = found.types, found.tags
    with frame.card("serde-types", height="stretch"):
        export.title("Types", "slowest first, by the largest element", "serialized-types",
                     lambda: table.assign(channels=[", ".join(c) for c in table["channels"]]),
                     there=not table.empty)  # fmt: skip
        config = st.column_config
        if table.empty:
            st.caption("No list was written whose elements are known.")
        else:
            st.dataframe(
                pd.DataFrame({
                    "type": table["type"], "speed": table["mb_per_s"],
                    "bytes": table["write_bytes"], "channels": table["channels"],
                }),
                key="serialized-types", hide_index=True, height="content",
                placeholder=formats.UNKNOWN, alt="Types of elements, slowest first",
                column_config={
                    "type": config.TextColumn("Type", pinned=True),
                    "speed": config.NumberColumn("MB/s", format="%.1f"),
                    "bytes": config.NumberColumn("Written", format="bytes"),
                    "channels": config.ListColumn("Channels"),
                },
            )  # fmt: skip
        with st.container(horizontal=True, gap="small"):
            for row in tags.itertuples(index=False):
                st.badge(
                    f"{formats.plain(row.tag)} · {formats.count(row.calls)} calls",
                    color="orange" if row.pickled else "gray",
                )


def _of_sample(found: Serializing) -> str:
    number = formats.count(found.sampled)
    return f"of {'all' if found.complete else 'the newest'} {number} calls in the window"


def _ms(values: pd.Series) -> pd.Series:
    return values.astype(float) / 1000


def _percent(top: pd.Series, bottom: pd.Series) -> pd.Series:
    return 100 * top.astype(float) / bottom.astype(float).where(bottom > 0)
