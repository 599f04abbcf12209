"""A card for each attached database: how it fares, what it holds, and the way to its threads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from pages.ui import access, colours, connect_states, data_sources, formats, frame
from statemeter import settings
from storage import sources as files
from storage.queries_sources import SUMMED, Attached
from storage.sources import SourceError, SourceMissing

MOST = 40
"""Most cards: each takes some milliseconds, again and again."""

_FAILED = "statemeter_detach_failed"
_PAGES = Path(__file__).resolve().parent.parent


def draw(found: Sequence[Attached], collecting: bool, zone: str | None) -> None:
    """Draws the cards of those that are attached.

    Args:
        found: none of them detached.
        collecting: whether a collector works on the store.
        zone: the visitor's time zone.
    """
    left_out, found = len(found) - MOST, found[:MOST]
    colours.mark_cards([(f"source-{one.key}", one.backend) for one in found])
    with st.container(horizontal=True, key="source-cards", gap="small"):
        for one in found:
            with frame.card(f"source-{one.key}", height="stretch", gap="small"):
                _heading(one, connect_states.of(one, collecting), zone)
                if one.phase == "first" and not one.problem:
                    _progress(one)
                if one.mode == "attach" and (one.readings or not one.problem):
                    _figures(one)
                _actions(one)
    if left_out > 0:
        st.caption(f"{left_out:,} more are attached; `python -m collector sources` tells them all.")


def draw_detached(found: Sequence[Attached], zone: str | None) -> None:
    """Draws those that were attached once: what was read of them is still there."""
    if not found:
        return
    number = len(found)
    with st.expander(f"{number} detached", icon=":material/link_off:", key="detached"):
        for one in found[:MOST]:
            with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                st.markdown(
                    f"**{formats.plain(formats.backend_name(one.backend))}** "
                    f"{formats.plain(one.shown)}",
                    width="content",
                )
                st.caption(f"detached {formats.clock(one.removed_us, zone)}", width="content")
                threads_link(one.key)


def _heading(one: Attached, state: connect_states.State, zone: str | None) -> None:
    with st.container(gap=None):
        with st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
        ):
            title = one.application or formats.backend_name(one.backend)
            st.markdown(f"**{formats.plain(title)}**", width="content")
            st.badge(state.name, icon=state.icon, color=state.color)
        st.caption(
            f"{formats.plain(formats.backend_name(one.backend))} · {formats.plain(one.shown)}"
        )
        st.caption(f"attached {formats.ago(one.added_us, one.at_us)}")
    if not state.told:
        return
    if not state.wrong:
        st.caption(formats.plain(state.told))
        return
    if one.problem_since_us:
        since = formats.clock(one.problem_since_us, zone)
        st.caption(f"since {since}, {formats.ago(one.problem_since_us, one.at_us)}")
    st.text(state.told)


def _progress(one: Attached) -> None:
    share = one.share
    st.progress(0.0 if share is None else share, progress_text(one))


def progress_text(one: Attached) -> str:
    """How far its history was read: share, checkpoints, bytes, speed and time left."""
    checkpoints = formats.count(one.done_checkpoints)
    if one.total_checkpoints is not None:
        checkpoints += f" of {formats.count(one.total_checkpoints)}"
    size = formats.size(one.done_bytes)
    if one.total_bytes is not None:
        size += f" of {formats.size(one.total_bytes)}"
    left = formats.duration(one.left_us)
    parts = [
        formats.share(one.share),
        f"{checkpoints} checkpoints",
        size,
        f"{formats.size(one.bytes_per_second)}/s" if one.bytes_per_second else "speed unknown",
        f"{left} left" if left != formats.UNKNOWN else "time left unknown",
    ]
    return " · ".join(parts)


def _figures(one: Attached) -> None:
    if one.problem and one.read_at_us:
        st.caption(f"told {formats.ago(one.read_at_us, one.at_us)}")
    with st.container(horizontal=True, gap="small"):
        for label, value, told in figures(one, data_sources.stored(one.key)):
            with st.container(width=118, gap=None):
                st.caption(label, help=told)
                st.markdown(f"**{value}**")


def figures(one: Attached, stored: tuple[int, int] | None) -> list[tuple[str, str, str]]:
    """Label, value and explanation of what a database holds; unknown is a dash, and what this kind
    of database does not have is left out.

    Args:
        one: the database.
        stored: its threads and their bytes, as far as it was read; None: unknown.
    """
    told = one.readings.get
    threads, size = stored or (None, None)

    def orphans(kind: str) -> str:
        number, lost = told(f"orphan_{kind}s"), told(f"orphan_{kind}_bytes")
        return (
            f"{formats.count(number)} · {formats.size(lost)}" if number else formats.count(number)
        )

    found = [
        ("Threads", formats.count(told("threads", threads)), "In the database now."),
        ("Checkpoints", formats.count(told("checkpoints")), "Of all namespaces, now."),
        ("Stored", formats.size(size),
         "Checkpoint documents with their channels, channel blobs and pending writes, as far as it "
         "was read; without metadata and without the backend's own overhead. Of more than "
         f"{SUMMED:,} threads it is not summed here."),
        ("Pending writes", formats.count(told("writes")), "Rows of pending writes."),
        ("Orphan writes", orphans("write"),
         "Pending writes whose checkpoint is gone: nothing will ever read them."),
    ]  # fmt: skip
    if one.backend == "postgres":
        found.append(
            ("Orphan blobs", orphans("blob"),
             "Channel blobs that no checkpoint refers to: pruned checkpoints leave them behind."),
        )  # fmt: skip
    if one.backend in {"redis", "valkey"}:
        found.append(
            ("Memory", formats.size(told("memory_bytes")), "Of its keys: MEMORY USAGE of a sample.")
        )
    else:
        found += [
            ("Dead space", formats.size(told("dead_bytes")),
             "Free pages or dead rows: space that holds nothing and is not given back."),
            ("File", formats.size(told("file_bytes")), "The whole database on disk."),
        ]  # fmt: skip
    newest = formats.ago(told("newest_us"), one.at_us)
    return [*found, ("Newest", newest, "The age of its newest checkpoint.")]


def _actions(one: Attached) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        threads_link(one.key)
        st.page_link(
            _PAGES / "backends.py", label="Backend", icon=":material/database:",
            query_params={"backend": one.backend},
        )  # fmt: skip
        _detach(one)


def threads_link(key: str) -> None:
    """The way to the threads of a database."""
    st.page_link(
        _PAGES / "threads.py", label="Threads", icon=":material/forum:",
        query_params={"storage": key},
    )  # fmt: skip


def _detach(one: Attached) -> None:
    with st.popover("Detach", icon=":material/link_off:", key=f"detach-{one.key}", type="tertiary"):
        st.text(
            "Nothing more is read from this database, and its URL is forgotten. What was read "
            "stays in the store, with its threads as they are now. In the database itself nothing "
            "was ever changed."
        )
        if access.is_loopback(st.get_option("server.address")):
            st.button(
                "Detach it", key=f"detach-now-{one.key}", type="primary", on_click=_remove,
                args=(one.key,),
            )  # fmt: skip
        else:
            st.code(f"python -m collector detach {one.key}", language="bash", wrap_lines=True)
    failed = st.session_state.get(_FAILED)
    if failed is not None and failed[0] == one.key:
        st.text(failed[1])


def _remove(key: str) -> None:
    st.session_state.pop(_FAILED, None)
    try:
        files.remove(settings.spool_folder(), key)
    except SourceMissing:
        pass  # somebody was faster
    except SourceError as error:
        st.session_state[_FAILED] = (key, str(error))
