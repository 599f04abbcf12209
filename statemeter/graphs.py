"""Graphs, instrumented: runs and nodes, with the saver, the node cache and the store they use."""

from __future__ import annotations

import functools
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

from statemeter import (
    caches,
    faults,
    loops,
    nodes,
    open_runs,
    probe,
    records,
    savers,
    stores,
    subclass,
)
from statemeter.calls import SCOPE, RunScope, clock, leave, wall
from statemeter.introduction import SaverInfo

_INTERRUPT = "__interrupt__"
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
            subclass.instrument(runnable, "node", nodes.methods)
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


class _Run(nodes.Around):
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
