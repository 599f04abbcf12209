"""What keeps a process from answering a look, in words with the fix."""

from __future__ import annotations

from typing import Any

from collector.look.folders import Whose

INSTALL = "pip install 'statemeter[memory]'"

_KINDS = {
    "census": "a census", "chain": "a search for who holds an object",
    "allocations": "allocations by line", "recording": "a recording", "lines": "lines of a node",
}  # fmt: skip
ENDED = {
    "now": "ended when its result was asked for",
    "memory": "ended early: it took as much memory as it may",
}
"""Why a look ended before its time."""

_PROBLEMS = {
    "busy": "Another look is under way in {shown}: {other}, for {seconds_left} s more. One at a "
    "time: try again then.",
    "missing": "{package} is missing in the environment of {shown}: " + INSTALL + ", and start "
    "it again.",
    "gone": "There is no object of type {name} any longer.",
    "asked": "{shown} does not take this: its Statemeter is another version, or a time is missing.",
    "failed": "The look failed in {shown} ({kind}); it goes on undisturbed. Please report it.",
    "profiled": "A profiler is at work in {shown} (sys.setprofile): memray would take its place.",
    "recorded": "memray records {shown} already.",
    "large": "The recording became too large: record fewer seconds.",
    "traced": "tracemalloc is at work in {shown} already: stop it there first.",
    "debugged": "A debugger or coverage traces the thread that {shown} ran the node in.",
    "no_node": "No instrumented graph of {shown} has a node {name}. There are: {names}.",
    "no_function": "{name} is no function of Python: a subgraph, a runnable or a builtin.",
    "not_run": "{name} did not run in this time. A graph that is compiled for each request is not "
    "reached: its nodes are others by then.",
    "values": "It hands out no values.",
}


def problem(told: dict[str, Any], whose: Whose) -> str:
    """A message; empty where the process answered."""
    said = str(told.get("problem", ""))
    if not said:
        return ""
    words = _PROBLEMS.get(said)
    if words is None:
        return f"{whose.shown} runs another version of Statemeter."
    names = ", ".join(map(str, told.get("names", []))) or "none"
    other = _KINDS.get(str(told.get("kind", "")), "another")
    named = {"package": "", "kind": "", "name": "", "seconds_left": "?"} | told
    return words.format(**named | {"names": names, "other": other, "shown": whose.shown})
