"""Looks into a running process: what can be asked, what it costs, and what was found."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from typing import Protocol

import streamlit as st

from pages.ui import access, data_regions, frame, look_results, looking, processes, regions
from storage.looks import LONGEST_SECONDS

_LOOK, _CHAIN, _KIND = "statemeter_process_look", "statemeter_process_chain", "look-kind"
_ENDED = "statemeter_process_ended"
_WAIT_SECONDS = 0.5


class Process(Protocol):
    """What is needed of a process."""

    @property
    def incarnation(self) -> str: ...
    @property
    def pid(self) -> int: ...
    @property
    def alive(self) -> bool: ...


@dataclass(frozen=True)
class _Kind:
    label: str
    command: str
    about: str
    cost: str
    seconds: int
    least: int = 2


_KINDS = {
    one.command: one
    for one in (
        _Kind(
            "Objects", "census",
            "How many objects of each type there are, and which grow. Who holds one is asked of a "
            "row of the result.",
            "For a million objects, a census stops the process for 0.2 s (a full garbage "
            "collection) and takes 0.3 s of CPU time beside it; growth takes six of them. In "
            "between it costs nothing.",
            20, 0,
        ),
        _Kind(
            "Allocations by line", "allocations",
            "What each line keeps of what it allocates from now on, and which lines keep more and "
            "more.",
            "While it runs, graphs take about 3.5 × their CPU time (tracemalloc, 10 calls of a "
            "traceback); at each of six moments the process stops for some milliseconds.",
            30,
        ),
        _Kind(
            "Recording", "memray",
            "Every allocation of the next seconds, with the calls that led to it: a flame graph, "
            "and what was not freed. memray has to be installed beside the application.",
            "While it runs, graphs take about 3.7 × their CPU time; with large blocks only, about "
            "1.7 ×.",
            10,
        ),
        _Kind(
            "Lines of a node", "lines",
            "What each line of a node's function adds, takes and keeps, in the node's next call.",
            "That one call takes several times as long (each line is measured); all else, while it "
            "lasts, about 3.5 × its CPU time. Until the call begins it costs nothing.",
            60,
        ),
    )
}  # fmt: skip


def draw(process: Process) -> None:
    """Draws the section of a process."""
    with frame.card("look"):
        frame.title("Look inside", "on demand; nothing of it is stored")
        if not process.alive:
            st.caption(
                "This process has ended: nothing can be asked of it any longer. Of its life, what "
                "was measured is above and on the other pages."
            )
        elif not access.is_loopback(st.get_option("server.address")):
            # Whoever may see the pages may not therefore slow an application.
            st.caption("Look from a terminal on the machine of the application:")
            st.code(_command(process), language="bash", wrap_lines=True)
        else:
            _form(process)
    regions.draw(process.incarnation)
    if process.alive:
        frame.live(lambda: _watch(process.incarnation), "watch")


def _watch(incarnation: str) -> None:
    """What is drawn above once is drawn anew when the process has ended."""
    alive = [one.alive for one in data_regions.processes() if one.incarnation == incarnation]
    if not any(alive) and st.session_state.get(_ENDED) != incarnation:
        st.session_state[_ENDED] = incarnation
        st.rerun()


def _command(process: Process) -> str:
    return (
        f"cd {shlex.quote(str(processes.ROOT))} && {shlex.quote(sys.executable)} -m collector "
        f"look {process.incarnation} census --seconds 20"
    )


def _form(process: Process) -> None:
    look = _of(process, _LOOK)
    running = look is not None and look.running
    names = list(_KINDS)
    chosen = st.segmented_control(
        "What to look at", names, default=names[0], required=True, key=_KIND, disabled=running,
        format_func=lambda name: _KINDS[name].label, label_visibility="collapsed",
    )  # fmt: skip
    kind = _KINDS[str(chosen)]
    st.caption(kind.about)
    st.markdown(f":material/speed: **What it costs.** {kind.cost}")
    with st.container(horizontal=True, vertical_alignment="bottom", key="look-settings"):
        arguments, seconds, ready = _settings(kind, running)
        st.button(
            "Looking…" if running else "Look", icon=":material/troubleshoot:", type="primary",
            disabled=running or not ready, key="look-start", on_click=_start,
            args=(process.incarnation, kind.command, seconds, arguments),
        )  # fmt: skip
        if running and look is not None:
            st.button("Show what there is", key="look-now", on_click=look.finish,
                      icon=":material/done:", disabled=look.finishing)  # fmt: skip
            st.button("Cancel", key="look-stop", icon=":material/close:", on_click=look.stop)
    for name in (_LOOK, _CHAIN):
        _result(process, name)


def _settings(kind: _Kind, running: bool) -> tuple[list[str], float, bool]:
    """Widgets of a kind: arguments of the command, seconds, and whether it can begin."""
    arguments: list[str] = []
    ready, grows = True, True
    if kind.command == "census":
        grows = st.toggle("How they grow", value=True, key="look-growth", disabled=running)
    if kind.command == "lines":
        node = st.text_input("Node", key="look-node", disabled=running, placeholder="its name")
        arguments, ready = [node.strip()], bool(node.strip())
    seconds = 0
    if grows:
        seconds = st.number_input(
            "At most, seconds" if kind.command == "lines" else "Seconds", kind.least or 2,
            LONGEST_SECONDS, kind.seconds, key=f"look-seconds-{kind.command}", disabled=running,
            width=140,
        )  # fmt: skip
    if kind.command == "allocations":
        frames = st.number_input(
            "Calls of a traceback", 5, 50, 10, key="look-frames", disabled=running, width=160,
            help="How many callers of a line are kept. More cost more.",
        )  # fmt: skip
        arguments = ["--frames", str(frames)]
    if kind.command == "memray":
        if st.toggle("One run", key="look-run", disabled=running,
                     help="Ends with the next run of a graph that begins."):  # fmt: skip
            arguments.append("--run")
        if st.toggle("Large blocks only", key="look-arenas", disabled=running,
                     help="Small objects are not recorded one by one, only the arenas of 1 MB "
                     "that hold them: costs less, and says less of leaks."):  # fmt: skip
            arguments.append("--arenas")
    return arguments, float(seconds), ready


def _start(incarnation: str, command: str, seconds: float, arguments: list[str]) -> None:
    st.session_state.pop(_CHAIN, None)
    st.session_state[_LOOK] = looking.start(command, incarnation, seconds, arguments)


def _of(process: Process, name: str) -> looking.Look | None:
    look: looking.Look | None = st.session_state.get(name)
    return look if look is not None and look.incarnation == process.incarnation else None


def _result(process: Process, name: str) -> None:
    look = _of(process, name)
    if look is None:
        return
    if look.running:
        st.fragment(lambda: _wait(look), run_every=_WAIT_SECONDS)()
    elif look.answer is not None and look.answer.problem:
        with st.container(border=True, key=f"look-problem-{name[-5:]}"):
            st.markdown(":material/error: **It could not be looked at**")
            st.text(look.answer.problem)
    elif look.answer is not None:

        def ask(type_name: str, address: int) -> None:
            given = [type_name, *(["--address", hex(address)] if address else [])]
            st.session_state[_CHAIN] = looking.start("chain", process.incarnation, 0, given)

        look_results.draw(look.answer, ask)


def _wait(look: looking.Look) -> None:
    if not look.running:
        st.rerun()
    if look.seconds and look.elapsed < look.seconds:
        st.progress(
            min(look.elapsed / look.seconds, 1.0),
            f"{look.elapsed:.0f} of {look.seconds:.0f} s",
        )
    else:
        st.caption("Counting, and reading what was found…")
