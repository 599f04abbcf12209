"""From what the hot path queued to the fields of an event; all of it on the probe's thread.

Fields are in the order of ``statemeter.events``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from statemeter import fast, resident

if TYPE_CHECKING:
    from statemeter.calls import Call, Rows, RunScope

_NODE_MEMORY = 4096

_node_of_task: dict[str, str] = {}

RUN_ENDED: list[Callable[[int], None]] = []
"""Told of each run that ended, by when it began (ns since 1970), as long as a look waits for one;
on the probe's thread."""


def text(name: Any) -> str:
    """A thread or run as savers name it: LangGraph takes numbers and UUIDs for names as well."""
    return name if type(name) is str else str(name)


def common(tag: str, seq: int, call: Call) -> tuple[Any, ...]:
    info, scope = call.info, call.scope
    thread = call.thread
    return (
        tag, seq, call.at_ns // 1000, call.duration_ns // 1000, info.key,
        scope.graph if scope else info.graph, scope.number if scope else 0,
        thread if type(thread) is str else str(thread), call.ns, call.checkpoint, call.error,
        call.serde_ns // 1000, call.serializer,
    )  # fmt: skip


def size_of(dump: tuple[Any, ...]) -> int:
    """Bytes of (tag, bytes), or of (tag, None, size) where a backlog let the bytes go."""
    blob: bytes | None = dump[1]
    return len(blob) if blob is not None else dump[2]


def writes_in_python(seq: int, call: Call, held: Callable[[int], int] = int) -> tuple[Any, ...]:
    """A ``Writes`` event; a value that the saver did not serialize has -1.

    The backend holds ``held(n)`` bytes for n bytes of a value.
    """
    channels, owners, task, path = call.names
    dumps = call.dumps
    told = []
    at, count = 0, len(dumps)
    for channel, owner in zip(channels, owners):  # noqa: B905 (made side by side)
        size = -1
        if at < count and dumps[at] == owner:
            size = held(size_of(dumps[at + 1]))
            at += 2
        told.append((channel, size))
    if dumps:
        call.serializer = dumps[1][0]
    return (*common("writes", seq, call), task, _node(task, path), told)


@fast.first(_node_of_task)
def writes(seq: int, call: Call) -> tuple[Any, ...]:
    """The same, of a backend that holds the bytes as they are."""
    return writes_in_python(seq, call)


def _node(task: str, path: str) -> str:
    node = _node_of_task.get(task)
    if node is None:
        if not path.startswith("~__pregel_pull, "):
            return ""
        node = path.removeprefix("~__pregel_pull, ")
    return "" if node[:2] == "__" else node


@fast.first()
def read(seq: int, call: Call) -> tuple[Any, ...]:
    """A ``Read`` event."""
    return (*common("read", seq, call), int(bool(call.detail)), call.loads_bytes)


def listing(seq: int, call: Rows) -> tuple[Any, ...]:
    """A ``List`` event."""
    first = call.first_ns // 1000 if call.first_ns >= 0 else -1
    return (
        *common("list", seq, call), call.rows, first, call.open_ns // 1000, call.loads_bytes,
        int(call.filtered), int(call.complete),
    )  # fmt: skip


def history(seq: int, call: Call) -> tuple[Any, ...]:
    """A ``History`` event."""
    channels, replayed = call.names, call.detail or 0
    return (*common("history", seq, call), list(channels), replayed, call.loads_bytes)


def removal(seq: int, call: Call) -> tuple[Any, ...]:
    """A ``Removal`` event."""
    method, thread, subjects, strategy = call.names
    call.thread = thread
    return (*common("removal", seq, call), method, [text(s) for s in subjects], strategy)


@fast.first(_node_of_task)
def node(seq: int, ran: Any) -> tuple[Any, ...]:
    """A ``Node`` event, of a tuple or of a node that ended in C."""
    if type(ran) is not tuple:
        ran = ran.told()
    at_ns, duration_ns, scope, thread, ns, step, node_name, task, error, cached, *seen = ran
    memory = resident.told(at_ns, duration_ns, *seen) if seen else resident.NOT_SEEN
    if task:
        if len(_node_of_task) >= _NODE_MEMORY:
            _node_of_task.clear()
        _node_of_task[task] = node_name
    return (
        "node", seq, at_ns // 1000, duration_ns // 1000, scope.number if scope else 0,
        scope.saver.key if scope and scope.saver else "", text(thread), ns,
        scope.graph if scope else "", step, node_name, task, error, cached, *memory,
    )  # fmt: skip


def region(seq: int, ended: tuple[Any, ...]) -> tuple[Any, ...]:
    """A ``Region`` event."""
    at_ns, duration_ns, scope, thread, node_name, name, error, (before, after, mark) = ended
    # The region itself saw the mark rise: one that rose next to it is not mistaken for its own.
    peak = max(mark, resident.between(at_ns, duration_ns, marks=False))
    memory = (before, after, max(before, after, peak) if peak > 0 else resident.UNKNOWN)
    return (
        "region", seq, at_ns // 1000, duration_ns // 1000, scope.number if scope else 0,
        scope.saver.key if scope and scope.saver else "", text(thread),
        scope.graph if scope else "", node_name, name, error, *memory,
    )  # fmt: skip


def run(seq: int, ended: tuple[int, int, RunScope, str, str]) -> tuple[Any, ...]:
    """A ``Run`` event."""
    at_ns, duration_ns, scope, status, error = ended
    for tell in RUN_ENDED:
        tell(at_ns)
    return (
        "run", seq, at_ns // 1000, scope.number, duration_ns // 1000,
        scope.saver.key if scope.saver else "", scope.thread, scope.graph,
        scope.run_id, status, error,
    )  # fmt: skip
