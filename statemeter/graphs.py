"""Graphs, instrumented: runs and nodes, with the saver, the node cache and the store they use."""

from __future__ import annotations

import functools
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import Any, ClassVar, Self

from statemeter import (
    caches,
    fast,
    faults,
    loops,
    open_runs,
    probe,
    records,
    resident,
    savers,
    stores,
    subclass,
)
from statemeter.calls import SCOPE, RunScope, clock, leave, wall
from statemeter.introduction import SaverInfo

_INTERRUPT = "__interrupt__"
_INTERRUPTS = ("GraphInterrupt", "NodeInterrupt")
_PARTS = {"checkpointer", "store", "cache", "name"}
_GIVEN_SAVER = "__pregel_checkpointer"
"""In ``configurable``: the saver of one run, as servers of LangGraph give it."""
_BUBBLES = ("GraphInterrupt", "GraphBubbleUp", "ParentCommand", "NodeInterrupt")


def is_graph(thing: object) -> bool:
    """Whether it is a compiled LangGraph graph."""
    pregel = sys.modules.get("langgraph.pregel")
    return pregel is not None and isinstance(thing, pregel.Pregel)


def is_saver(thing: object) -> bool:
    """Whether it is a LangGraph checkpoint saver."""
    base = sys.modules.get("langgraph.checkpoint.base")
    return base is not None and isinstance(thing, base.BaseCheckpointSaver)


def instrument(graph: Any) -> None:
    """Instrument a compiled graph, its saver, cache and store, its nodes and those of subgraphs."""
    _instrument_saver(graph.checkpointer, graph)
    probe.get()
    for node_name, runnable in _nodes(graph, set()):
        try:
            runnable.__dict__["_statemeter_node"] = node_name
            subclass.instrument(runnable, "node", _node_methods)
        except TypeError:
            faults.fault("instrumenting a node")
    _instrument_memory(graph)
    subclass.instrument(graph, "graph", _graph_methods)


def _instrument_saver(saver: Any, graph: Any) -> None:
    if is_saver(saver):
        savers.instrument(saver)
        info = savers.info_of(saver)
        if info is not None:
            info.graph = graph.get_name()


def _instrument_memory(graph: Any) -> None:
    if graph.cache is not None:
        caches.attach(graph.cache, graph.get_name())
    if stores.is_store(graph.store):
        stores.attach(graph.store, graph.get_name())


@faults.guarded
def _exchanged(graph: Any, name: str) -> None:
    """An attribute of an instrumented graph was set, by its application or by a copy of it.

    While a copy is made, its name comes last: before it there is nothing to call its parts after.
    """
    if name in _PARTS and "name" in graph.__dict__:
        if name in {"checkpointer", "name"}:
            _instrument_saver(graph.checkpointer, graph)
        if name != "checkpointer":
            _instrument_memory(graph)


def uninstrument(graph: Any) -> None:
    """Undo ``instrument``, for the saver, the cache and the store as well."""
    if is_saver(graph.checkpointer):
        savers.detach(graph.checkpointer)
    if graph.cache is not None:
        caches.detach(graph.cache)
    if stores.is_store(graph.store):
        stores.detach(graph.store)
    release(graph)


def release(graph: Any) -> None:
    """Undo ``instrument`` for a graph and its nodes alone."""
    subclass.restore(graph)
    for _, runnable in _nodes(graph, set()):
        runnable.__dict__.pop("_statemeter_node", None)
        subclass.restore(runnable)


detach = faults.guarded(uninstrument)
"""The same, for users: a fault of it is none of theirs."""


def _nodes(graph: Any, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """The sequence of each node (its function, then its writers), subgraphs included."""
    if id(graph) in seen:
        return
    seen.add(id(graph))
    sequence = sys.modules["langgraph._internal._runnable"].RunnableSeq
    for node_name, node in graph.nodes.items():
        runnable = node.node
        if isinstance(runnable, sequence) and not node_name.startswith("__"):
            yield node_name, runnable
        for inner in node.subgraphs or ():
            if is_graph(inner):
                yield from _nodes(inner, seen)


def _begin_run(graph: Any, config: Any) -> RunScope | None:
    """The scope of a run; None for a graph that runs as a part of one."""
    if SCOPE.get() is not None:
        return None
    thread: Any = ""
    saver: Any = None
    for source in (config, getattr(graph, "config", None)):
        given = (source or {}).get("configurable") or {}
        thread = thread or given.get("thread_id", "")
        saver = saver or given.get(_GIVEN_SAVER)
    if saver:
        _instrument_saver(saver, graph)
    else:
        saver = graph.checkpointer
    info: SaverInfo | None = savers.info_of(saver) if is_saver(saver) else None
    target = probe.get()
    target.awake()
    return RunScope(next(target.run_numbers), graph.get_name(), info, str(thread))


class _Around:
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


class _Run(_Around):
    """Around a run: its clocks, and its scope while the graph works (not its consumer)."""

    __slots__ = ("at_ns", "done", "left_ns", "loop", "scope", "start_ns")
    what = "run"

    def __init__(self, graph: Any, config: Any, loop: Any = None) -> None:
        self.scope: RunScope | None = None
        self.done = False
        self.left_ns = 0
        self.loop: loops.Loop | None = None
        try:
            self.scope = _begin_run(graph, config)
            if self.scope is not None:
                open_runs.begin(self.scope.number, self)
                self.loop = loop() if loop is not None else None
        except Exception:
            faults.fault("beginning a run")
        self.at_ns = wall()
        self.start_ns = clock()

    def _end(self, kind: type[BaseException] | None) -> None:
        scope = self.scope
        if scope is None:
            return
        open_runs.OPEN.pop(scope.number, None)
        name = ""
        if kind is not None and kind is not GeneratorExit:
            status, name = "error", kind.__name__
            if name in _BUBBLES:
                status, name = "interrupted", ""
        elif not self.done:
            status = "closed"
        else:
            status = "interrupted" if scope.interrupted else "done"
        ended = (self.at_ns, clock() - self.start_ns, scope, status, name)
        probe.get().emit(records.run, ended)

    @faults.guarded
    def saw(self, chunk: Any) -> None:
        """Look whether the graph says that it was interrupted."""
        if type(chunk) is tuple and chunk:
            chunk = chunk[-1]
        if type(chunk) is dict and self.scope is not None:
            if "ns" in chunk and type(chunk.get("data")) is dict:  # version="v2"
                chunk = chunk["data"]
            if _INTERRUPT in chunk:
                self.scope.interrupted = True


def _graph_methods(cls: Any) -> dict[str, Any]:
    @functools.wraps(cls.stream)
    def stream(
        self: Any,
        input: Any,
        config: Any = None,
        **options: Any,
    ) -> Iterator[Any]:
        with _Run(self, config) as run:
            chunks = cls.stream(self, input, config, **options)
            if run.scope is None:
                yield from chunks
                return
            try:
                while True:
                    token = SCOPE.set(run.scope)
                    try:
                        chunk = next(chunks)
                    except StopIteration:
                        break
                    finally:
                        leave(token)
                    run.saw(chunk)
                    run.left_ns = clock()
                    yield chunk
                    run.left_ns = 0
                run.done = True
            finally:
                chunks.close()

    @functools.wraps(cls.astream)
    async def astream(
        self: Any,
        input: Any,
        config: Any = None,
        **options: Any,
    ) -> AsyncIterator[Any]:
        with _Run(self, config, loops.running) as run:
            chunks = cls.astream(self, input, config, **options)
            try:
                while True:
                    token = SCOPE.set(run.scope or SCOPE.get())
                    try:
                        chunk = await anext(chunks)
                    except StopAsyncIteration:
                        break
                    finally:
                        leave(token)
                    run.saw(chunk)
                    run.left_ns = clock()
                    yield chunk
                    run.left_ns = 0
                run.done = True
            finally:
                # One that awaits where it is told to end cannot be closed: its own error goes on.
                if not getattr(chunks, "ag_running", False):
                    await chunks.aclose()

    def __setattr__(self: Any, name: str, value: Any) -> None:
        cls.__setattr__(self, name, value)
        _exchanged(self, name)

    return {"stream": stream, "astream": astream, "__setattr__": __setattr__}


def _end_node(
    at_ns: int, duration_ns: int, before: int, node: str, config: Any, kind: Any
) -> None:
    """Queue the event of an attempt of a node."""
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


class _NodeRun(_Around):
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
        _end_node(self.at_ns, duration_ns, self.before, self.node, self.config, kind)


_node_run: Callable[[Any, Any], Any] = _NodeRun
if "nodes" in fast.IN_C and fast.IN_C["nodes"](
    SCOPE, probe, records.node, faults.fault, _end_node, _note_run, resident.between
):
    _node_run = fast.IN_C["node_begin"]
    resident.peak = fast.IN_C["peak"]


def _step_of(metadata: Any) -> int:
    """The super-step that LangGraph notes in a config, -1 where it does not.

    Metadata is a ``ChainMap``, whose own look-up costs more than all the rest of a node's end.
    """
    for part in getattr(metadata, "maps", (metadata or {},)):
        if "langgraph_step" in part:
            return part["langgraph_step"]  # type: ignore[no-any-return]
    return -1


def _node_methods(cls: Any) -> dict[str, Any]:
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
