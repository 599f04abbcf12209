"""Attempts of nodes: what is told at the end of each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, ClassVar, Self

from statemeter import fast, faults, probe, records, resident
from statemeter.calls import SCOPE, RunScope, clock, wall

_INTERRUPTS = ("GraphInterrupt", "NodeInterrupt")


class Around:
    """What is told at its end, whatever that is."""

    __slots__ = ()
    what: ClassVar[str]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._end(kind)
        except Exception:
            faults.fault(f"ending a {self.what}")

    def _end(self, kind: type[BaseException] | None) -> None:
        raise NotImplementedError


def _end_node(seen: tuple[int, int, int], node: str, config: Any, kind: Any) -> None:
    """Queue the event of an attempt of a node: begun at (ns), how long (ns), memory before."""
    at_ns, duration_ns, before = seen
    config = config or {}
    conf = (config.get("configurable") or {}).get
    scope = SCOPE.get()
    if scope is not None and not scope.run_id:
        _note_run(scope, config)
    ns = conf("checkpoint_ns", "").rpartition("|")[0]
    error = kind.__name__ if kind is not None and kind is not GeneratorExit else ""
    if scope is not None and error in _INTERRUPTS:
        scope.interrupted = True  # in what mode of streaming ever
    thread = conf("thread_id", "")
    probe.get().emit(
        records.node,
        (
            at_ns, duration_ns, scope, thread, ns, _step_of(config.get("metadata")), node,
            conf("__pregel_task_id", ""), error, 0, before, resident.after(clock()),
        ),
    )  # fmt: skip


def _note_run(scope: RunScope, config: Any) -> None:
    """The id that LangChain gave to a run: its first node knows it."""
    parent = getattr(config.get("callbacks"), "parent_run_id", None)
    scope.run_id = str(parent) if parent else ""


class _NodeRun(Around):
    """Around one attempt of a node; or the same in C."""

    __slots__ = ("at_ns", "before", "config", "node", "start_ns")
    what = "node"

    def __init__(self, runnable: Any, config: Any) -> None:
        self.node = runnable.__dict__.get("_statemeter_node", "")
        self.config = config
        self.at_ns = wall()
        self.start_ns = clock()
        try:
            self.before = resident.before(self.start_ns)
        except Exception:
            self.before = resident.UNKNOWN
            faults.fault("reading the memory")

    def _end(self, kind: type[BaseException] | None) -> None:
        duration_ns = clock() - self.start_ns
        _end_node((self.at_ns, duration_ns, self.before), self.node, self.config, kind)


_node_run: Callable[[Any, Any], Any] = _NodeRun
if "nodes" in fast.IN_C and fast.IN_C["nodes"](
    SCOPE, probe, records.node, faults.fault, _end_node, _note_run, resident.between
):
    _node_run = fast.IN_C["node_begin"]


def _step_of(metadata: Any) -> int:
    """The super-step that LangGraph notes in a config, -1 where it does not.

    Metadata is a ``ChainMap``, whose own look-up costs more than all the rest of a node's end.
    """
    for part in getattr(metadata, "maps", (metadata or {},)):
        if "langgraph_step" in part:
            return part["langgraph_step"]  # type: ignore[no-any-return]
    return -1


def methods(cls: Any) -> dict[str, Any]:
    def invoke(self: Any, input: Any, config: Any = None, **options: Any) -> Any:
        with _node_run(self, config):
            return cls.invoke(self, input, config, **options)

    async def ainvoke(self: Any, input: Any, config: Any = None, **options: Any) -> Any:
        with _node_run(self, config):
            return await cls.ainvoke(self, input, config, **options)

    async def astream(
        self: Any,
        input: Any,
        config: Any = None,
        **options: Any,
    ) -> AsyncIterator[Any]:
        with _node_run(self, config):
            async for chunk in cls.astream(self, input, config, **options):
                yield chunk

    return {"invoke": invoke, "ainvoke": ainvoke, "astream": astream}
