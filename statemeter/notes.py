"""What a saver's call notes of its arguments, in the application's own thread: few and cheap.

The serializer tells objects by ``id``, which is theirs while the call runs.
"""

from __future__ import annotations

import functools
import inspect
import json
import sys
from collections.abc import Callable
from typing import Any

import msgspec

from statemeter import fast

_LARGE = 1024
"""Characters of a string that is measured at once, so that the queue does not keep it."""

_NO_DELTAS: dict[str, int] = {}
_encode = msgspec.json.Encoder().encode


def put(config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
    """Of a saver that hands all to its serializer.

    The last part is for what passes the serializer by, as (function, what it takes): the function
    gives an ``asides.Aside`` and runs on the probe's thread.
    """
    snapshot = snapshot_type()
    if "note_put" in fast.IN_C:
        noted = fast.IN_C["note_put"](checkpoint, metadata, new_versions, snapshot)
        if noted is not None:
            return noted
    values = checkpoint["channel_values"]
    get = metadata.get
    parents = get("parents")
    counters = get("counters_since_delta_snapshot")
    channels = list(new_versions)
    ids = []
    snapshots = []
    for channel in channels:
        if channel in values:
            value = values[channel]
            ids.append(id(value))
            if type(value) is snapshot:
                snapshots.append(channel)
        else:
            ids.append(0)
    return (
        id(checkpoint), checkpoint["id"], get("step"), get("source"), channels, ids,
        parents.get("", "") if parents else "",
        _since_snapshot(counters) if counters else _NO_DELTAS, snapshots, None,
    )  # fmt: skip


def _since_snapshot(counters: Any) -> dict[str, int]:
    """Super-steps of each ``DeltaChannel`` since its snapshot, of (updates, super-steps)."""
    try:
        return {str(channel): int(steps) for channel, (_, steps) in counters.items()}
    except (AttributeError, TypeError, ValueError):  # LangGraph may come to count otherwise
        return _NO_DELTAS


@functools.cache
def snapshot_type() -> Any:
    """The class of the full value of a ``DeltaChannel``; of an older LangGraph nothing's class."""
    types = sys.modules.get("langgraph.checkpoint.serde.types")
    return getattr(types, "_DeltaSnapshot", object)


def beside(measure: Callable[[Any], Any]) -> Callable[..., Any]:
    """Of a saver whose metadata passes its serializer by: it is sized later."""

    def put_beside(config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        names = put(config, checkpoint, metadata, new_versions)
        return (*names[:-1], (measure, (_slim(config), metadata)))

    return put_beside


def json_document(measure: Callable[[Any], Any], inline: bool) -> Callable[..., Any]:
    """Of a saver that writes its document as JSON, with small values inside it if ``inline``.

    The document is kept as text: the application may change its parts after the call.
    """

    def put_json(config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        names = put(config, checkpoint, metadata, new_versions)
        document = dict(checkpoint)
        values = document.pop("channel_values")
        snapshots: list[str] = []
        large: dict[str, int] = {}
        if inline:
            kept: dict[str, Any] = {}
            document["channel_values"] = kept
            for channel, value in values.items():
                if isinstance(value, str) and len(value) > _LARGE:
                    kept[channel] = ""
                    large[channel] = len(_text(value))
                elif value is None or isinstance(value, str | int | float | bool):
                    kept[channel] = value
                elif type(value) is snapshot_type():
                    kept[channel] = True  # a mark: the value itself becomes a blob
                    snapshots.append(channel)
        text = _text(document)
        return (*names[:-1], (measure, (text, snapshots, large, _slim(config), metadata)))

    return put_json


def _slim(config: Any) -> Any:
    """What of a config becomes checkpoint metadata; a subgraph's holds the run around it, which is
    not ours to keep alive."""
    plain = {
        name: value
        for name, value in config["configurable"].items()
        if isinstance(value, str | int | float) and not name.startswith("__")
    }
    return {"metadata": config.get("metadata"), "configurable": plain}


def _text(document: Any) -> bytes:
    """JSON; its strings are as long as those that PostgreSQL writes."""
    try:
        return _encode(document)
    except Exception:  # huge integers, classes of the application
        try:
            return json.dumps(document, ensure_ascii=False).encode()
        except Exception:  # the saver cannot do it, either
            return b""


def writes(pairs: Any, task_id: str, task_path: str) -> Any:
    """Of ``put_writes``."""
    names: list[str] = []
    ids: list[int] = []
    # An iterator can be gone through once: that is for the saver.
    if type(pairs) is list or not hasattr(pairs, "__next__"):
        for channel, value in pairs:
            names.append(channel)
            ids.append(id(value))
    return names, ids, task_id, task_path


def channels(names: Any) -> Any:
    """Of ``get_delta_channel_history``."""
    return [] if hasattr(names, "__next__") else list(names)


def removal(name: str, method: Any, given: Any, named: Any) -> Any:
    """Method, thread, subjects and strategy, as ``events.Removal`` has them."""
    bound = inspect.signature(method).bind(None, *given, **named)
    bound.apply_defaults()
    first, *others = [*bound.arguments.values()][1:]
    if name == "delete_thread":
        return name, first, (), ""
    if name == "copy_thread":
        return name, first, others[:1], ""
    subjects = [] if hasattr(first, "__next__") else list(first)
    return name, "", subjects, _strategy(bound.arguments)


def _strategy(arguments: Any) -> str:
    """The strategy of ``prune``; RedisSaver has a number that goes before it."""
    count = arguments.get("keep_last")
    if count is None:
        return str(arguments.get("strategy", ""))
    if count == 0:
        return "delete"
    return "keep_latest" if count == 1 else f"keep_latest:{count}"
