"""Which node a task ran, from the path that savers keep with its pending writes.

A path is ``~__pregel_pull, NODE`` for a task that its channels triggered, and ``~__pregel_push,
INDEX, …`` for one that a ``Send`` asked for, which is the element of that index in the channel
``__pregel_tasks`` of the task's checkpoint (langgraph 1.1, ``pregel._algo.task_path_str``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

SENDS = "__pregel_tasks"
"""Channel that holds what ``Send`` asked for."""
NO_TASK = "00000000-0000-0000-0000-000000000000"
"""Task id of what a caller wrote, such as ``Command(resume=…)``."""
_INPUT, _BRANCH, _JOIN = "__start__", "branch:to:", "join:"
PULL = "~__pregel_pull, "
PUSH = "~__pregel_push, "


def node_of(task_path: str, sends: Sequence[str] = ()) -> str:
    """Name of the node; empty for one of LangGraph's own (``__start__``) and where nothing tells.

    Args:
        task_path: as it is kept with the writes, empty in databases of older versions.
        sends: node of each element of ``__pregel_tasks`` in the checkpoint, where they are known.
    """
    name = ""
    if task_path.startswith(PULL):
        name = task_path.removeprefix(PULL)
    elif task_path.startswith(PUSH):
        index = task_path.removeprefix(PUSH).partition(",")[0]
        if index.isdecimal() and int(index) < len(sends):
            name = sends[int(index)]
    return "" if name.startswith("__") else name


_as_list = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_as_extension = msgspec.msgpack.Decoder(msgspec.msgpack.Ext).decode
_as_text = msgspec.msgpack.Decoder(str).decode


def nodes_of_sends(packed: bytes | msgspec.Raw) -> list[str]:
    """Node of each ``Send`` in the packed value of ``__pregel_tasks``; empty for what is none.

    LangGraph packs one as an extension that holds (module, ``Send``, [node, argument, …]).
    """
    try:
        return [_node_of_send(element) for element in _as_list(packed)]
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return []


def _node_of_send(packed: msgspec.Raw) -> str:
    try:
        parts = _as_list(_as_extension(packed).data)
        return _as_text(_as_list(parts[2])[0]) if _as_text(parts[1]) == "Send" else ""
    except (msgspec.MsgspecError, RecursionError, UnicodeError, IndexError):
        return ""


def called(channels: Iterable[str], sends: Sequence[str]) -> list[str]:
    """Nodes that a checkpoint calls, by its channels and its ``Send``s; none where another thing
    than these may call one (the input, a join of several edges)."""
    names = dict.fromkeys(sends)
    for channel in channels:
        if channel == _INPUT or channel.startswith(_JOIN):
            return []
        if channel.startswith(_BRANCH):
            names[channel.removeprefix(_BRANCH)] = None
    return list(names)
