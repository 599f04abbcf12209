"""``instrument()`` without argument: every way to make a graph, and to change what it keeps."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.cache.memory import InMemoryCache
from langgraph.channels import EphemeralValue, LastValue
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.pregel import NodeBuilder, Pregel
from langgraph.store.memory import InMemoryStore

import statemeter
from statemeter import auto, awaiting, events, subclass
from tests.conftest import StartChild
from tests.statemeter.graphs import Chat, Notes, chat, single, thread
from tests.statemeter.spooled import Spooled, read, segments

HELLO = {"messages": [("user", "hello")]}
METHODS = ("validate", "stream", "astream")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Each test ends with LangGraph's own methods in their places."""
    before = {name: Pregel.__dict__[name] for name in METHODS}
    yield
    statemeter.uninstrument()
    assert {name: Pregel.__dict__[name] for name in METHODS} == before


@pytest.fixture
def every(spool: Spooled) -> Spooled:
    """The spool, with every graph of the test instrumented."""
    statemeter.instrument()
    return spool


def measured(thing: object) -> bool:
    return subclass.is_instrumented(thing)


def model() -> Any:
    """A chat model that says the same for ever."""

    class Model(GenericFakeChatModel):
        def bind_tools(self, tools: Any, **options: Any) -> Any:
            return self

    return Model(messages=iter(lambda: AIMessage("hello to you"), None))


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def test_a_state_graph(every: Spooled) -> None:
    """compile() gives a graph that is measured, with saver, store, cache and nodes."""
    saver, store, cache = InMemorySaver(), InMemoryStore(), InMemoryCache()
    graph = chat(saver, store=store, cache=cache, name="talk")
    assert measured(graph)
    assert measured(saver)
    assert measured(store)
    assert measured(cache)
    graph.invoke(HELLO, thread())
    assert every.one(events.Run).graph == "talk"
    assert [event.node for event in every.of(events.Node)] == ["think", "answer"]
    assert len(every.of(events.Put)) == 4


def test_it_returns_nothing_and_twice_is_once(every: Spooled) -> None:
    """None comes back, and a second call puts nothing around LangGraph's methods again."""
    placed = {name: Pregel.__dict__[name] for name in METHODS}
    assert statemeter.instrument() is None  # type: ignore[func-returns-value]
    assert {name: Pregel.__dict__[name] for name in METHODS} == placed
    chat(InMemorySaver()).invoke(HELLO, thread())
    assert len(every.of(events.Run)) == 1
    assert len(every.of(events.Put)) == 4


async def test_async_runs(every: Spooled) -> None:
    """The same for the async methods."""
    await chat(InMemorySaver()).ainvoke(HELLO, thread())
    assert len(every.of(events.Run)) == 1
    assert len(every.of(events.Put)) == 4


def test_an_agent_of_langgraph(every: Spooled) -> None:
    """create_react_agent compiles its graph by itself."""
    from langgraph.prebuilt import create_react_agent

    with pytest.warns(DeprecationWarning, match="create_react_agent has been moved"):
        agent = create_react_agent(model(), [add], checkpointer=InMemorySaver(), name="react")
    agent.invoke(HELLO, thread())
    assert every.one(events.Run).graph == "react"
    assert every.of(events.Put)


def test_an_agent_of_langchain(every: Spooled) -> None:
    """create_agent gives a copy of the graph that it compiled: the copy is measured."""
    from langchain.agents import create_agent

    agent = create_agent(model(), [add], checkpointer=InMemorySaver(), name="agent")
    agent.invoke(HELLO, thread())
    assert every.one(events.Run).graph == "agent"
    assert [event.node for event in every.of(events.Node)] == ["model"]
    assert every.of(events.Put)


def test_the_functional_api(every: Spooled) -> None:
    """@entrypoint makes a graph without a builder."""

    @task
    def double(number: int) -> int:
        return 2 * number

    @entrypoint(checkpointer=InMemorySaver())
    def work(number: int) -> int:
        return double(number).result()

    assert work.invoke(21, thread()) == 42
    assert every.one(events.Run).status == "done"
    assert every.of(events.Put)
    assert "work" in {event.node for event in every.of(events.Node)}


def test_a_graph_made_of_channels(every: Spooled) -> None:
    """Pregel itself, as the layers above it use it."""
    node = NodeBuilder().subscribe_only("a").do(lambda text: text + text).write_to("b")
    graph = Pregel(
        nodes={"node": node},
        channels={"a": EphemeralValue(str), "b": LastValue(str)},
        input_channels=["a"],
        output_channels=["b"],
        checkpointer=InMemorySaver(),
    )
    assert graph.invoke({"a": "x"}, thread()) == {"b": "xx"}
    assert every.of(events.Put)
    assert every.one(events.Run).status == "done"


def test_subgraphs(every: Spooled) -> None:
    """A subgraph is a part of its parent's run; its nodes and checkpoints tell their namespace."""
    inner = single(lambda state: {"value": 1})
    builder = StateGraph(Notes)
    builder.add_node("inner", inner)
    builder.add_node("calls", lambda state: {"other": inner.invoke({"value": 3})["value"]})
    builder.add_edge(START, "inner")
    builder.add_edge("inner", "calls")
    builder.add_edge("calls", END)
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"value": 0}, thread())
    assert len(every.of(events.Run)) == 1
    nodes = [(event.node, event.ns.partition(":")[0]) for event in every.of(events.Node)]
    assert nodes == [("node", "inner"), ("inner", ""), ("node", "calls"), ("calls", "")]
    assert len({event.ns for event in every.of(events.Put)}) == 3


def test_a_graph_that_was_there_before(spool: Spooled) -> None:
    """What was compiled earlier, as at the import of a module, is measured from its next run on."""
    graph, other = chat(InMemorySaver()), chat(InMemorySaver())
    graph.invoke(HELLO, thread("unseen"))
    statemeter.instrument()
    assert not measured(graph)
    assert len(graph.invoke(HELLO, thread())["messages"]) == 3
    assert list(other.stream(HELLO, thread()))
    assert len(spool.of(events.Run)) == 2
    assert {event.thread for event in spool.of(events.Put)} == {"thread"}


async def test_an_async_graph_that_was_there_before(spool: Spooled) -> None:
    """The same for the async methods."""
    graph = chat(InMemorySaver())
    statemeter.instrument()
    chunks = [chunk async for chunk in graph.astream(HELLO, thread())]
    assert [list(chunk) for chunk in chunks] == [["think"], ["answer"]]
    assert len(spool.of(events.Run)) == 1


def test_a_class_with_a_stream_of_its_own(spool: Spooled) -> None:
    """Its method runs once a run, also where the graph was there before."""
    graph = chat(InMemorySaver())
    calls = []

    class Own(type(graph)):  # type: ignore[misc]
        def stream(self, *given: Any, **named: Any) -> Any:
            calls.append(1)
            yield from super().stream(*given, **named)

    graph.__class__ = Own
    statemeter.instrument()
    graph.invoke(HELLO, thread())
    assert len(calls) == 1
    graph.invoke(HELLO, thread())
    assert len(calls) == 2
    assert len(spool.of(events.Run)) == 1


def test_uninstrumented_it_leaves_later_graphs_alone(every: Spooled) -> None:
    """Graphs compiled later stay bare; those that were measured still are."""
    before = chat(InMemorySaver())
    statemeter.uninstrument()
    later = chat(InMemorySaver())
    later.invoke(HELLO, thread())
    assert not measured(later)
    assert not measured(later.checkpointer)
    assert not every.of(events.Run)
    before.invoke(HELLO, thread())
    assert len(every.of(events.Run)) == 1


def test_a_graph_uninstrumented_by_itself_stays_so(every: Spooled) -> None:
    """A run does not instrument again what the application took out; instrument(graph) does."""
    graph = chat(InMemorySaver())
    statemeter.uninstrument(graph)
    graph.invoke(HELLO, thread())
    assert not measured(graph)
    assert not every.of(events.Run)
    statemeter.instrument(graph)
    statemeter.uninstrument(graph)
    statemeter.instrument(graph).invoke(HELLO, thread())
    assert len(every.of(events.Run)) == 1


def test_methods_that_somebody_else_wrapped(spool: Spooled, monkeypatch: Any) -> None:
    """Another tool's wrapper stays in its place, ours inside it wakes and sleeps."""
    original = Pregel.__dict__["stream"]
    statemeter.instrument()
    ours = Pregel.__dict__["stream"]
    seen = []

    def theirs(self: Any, *given: Any, **named: Any) -> Any:
        seen.append(1)
        return ours(self, *given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(Pregel, "stream", theirs)
        statemeter.uninstrument()
        assert Pregel.__dict__["stream"] is theirs
        graph = chat(InMemorySaver())
        graph.invoke(HELLO, thread())
        assert not spool.of(events.Run)
        statemeter.instrument()
        graph.invoke(HELLO, thread())  # begun by the other tool: measured from the next one on
        graph.invoke(HELLO, thread())
        chat(InMemorySaver()).invoke(HELLO, thread())
        assert len(seen) == 4
        assert len(spool.of(events.Run)) == 2
    statemeter.uninstrument()
    assert Pregel.__dict__["stream"] is original


def test_what_cannot_be_instrumented_is_left_alone(
    every: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The graph works bare, and its runs do not try again."""
    tried = []

    def fails(graph: Any) -> None:
        tried.append(graph)
        raise TypeError("its class cannot be changed")

    monkeypatch.setattr("statemeter.graphs.instrument", fails)
    graph = chat(InMemorySaver())
    for _ in range(3):
        assert graph.invoke(HELLO, thread())["messages"]
    assert len(tried) == 1
    from statemeter import faults

    assert faults._counts == {"instrumenting a graph": 1}
    faults.reset()


def test_disabled_it_does_nothing(spool: Spooled, monkeypatch: pytest.MonkeyPatch) -> None:
    """STATEMETER_ENABLED=0 touches neither LangGraph nor the import system."""
    monkeypatch.setenv("STATEMETER_ENABLED", "0")
    before = Pregel.__dict__["validate"]
    statemeter.instrument()
    assert Pregel.__dict__["validate"] is before
    assert not measured(chat(InMemorySaver()))


def test_no_checkpointer_is_no_warning(every: Spooled, caplog: pytest.LogCaptureFixture) -> None:
    """A subgraph has none by right, and nobody asked for this graph in particular."""
    chat().invoke(HELLO)
    assert every.one(events.Run).status == "done"
    assert not caplog.records


@pytest.mark.parametrize("given", ["set", "copy", "with_config", "configurable", "bound"])
def test_a_saver_given_later(given: str, every: Spooled) -> None:
    """A server of LangGraph exchanges the saver of a graph that it did not compile."""
    saver = InMemorySaver()
    graph, config = chat(name="served"), thread()
    if given == "set":
        graph.checkpointer = saver
    elif given == "copy":
        graph = graph.copy(update={"checkpointer": saver})
    elif given == "with_config":
        graph.checkpointer = saver
        graph = graph.with_config({"tags": ["a"]})
    elif given == "configurable":
        config["configurable"]["__pregel_checkpointer"] = saver
    else:
        graph = graph.with_config({"configurable": {"__pregel_checkpointer": saver}})
    graph.invoke(HELLO, config)
    assert measured(saver)
    assert len(every.of(events.Put)) == 4
    run = every.one(events.Run)
    assert (run.graph, run.status) == ("served", "done")
    assert {run.saver} == {event.key for event in every.of(events.Saver)}


def test_a_saver_set_later_is_measured_before_the_first_run(every: Spooled) -> None:
    """The methods for state go to the saver without a run."""
    graph = chat(name="talk")
    graph.checkpointer = InMemorySaver()
    graph.update_state(thread(), {"topic": "given"})
    assert every.one(events.Put).graph == "talk"


def test_a_store_and_a_cache_set_later(every: Spooled) -> None:
    """They are measured under the name of the graph."""
    graph = chat(name="talk")
    graph.store, graph.cache = InMemoryStore(), InMemoryCache()
    assert measured(graph.store)
    assert measured(graph.cache)
    graph.store.put(("a",), "key", {"value": 1})
    assert every.one(events.Access).graph == "talk"


def test_a_new_name_is_told(every: Spooled) -> None:
    """What the saver does outside of runs is told under the name that the graph has now."""
    graph = chat(InMemorySaver(), name="old")
    graph.name = "new"
    graph.update_state(thread(), {"topic": "given"})
    assert every.one(events.Put).graph == "new"


def test_a_saver_shared_by_copies_counts_once(every: Spooled) -> None:
    """A copy of a graph has its saver, which is one storage."""
    graph = chat(InMemorySaver())
    graph.with_config({"tags": ["a"]}).invoke(HELLO, thread())
    graph.invoke(HELLO, thread())
    assert len({event.key for event in every.of(events.Saver)}) == 1
    assert len(every.of(events.Put)) == 8


def test_a_graph_that_is_wrong_raises_as_before(every: Spooled) -> None:
    """A graph that LangGraph refuses is refused with LangGraph's own error."""
    builder = StateGraph(Chat)
    builder.add_node("node", lambda state: state)
    with pytest.raises(ValueError, match="entrypoint"):
        builder.compile()


BEFORE = """
import statemeter, sys
statemeter.instrument()
assert not [name for name in sys.modules if name.startswith("langgraph")]
from langgraph.checkpoint.memory import InMemorySaver
from tests.statemeter.graphs import chat, thread
import langgraph.pregel
loader = langgraph.pregel.__spec__.loader
assert type(loader).__module__.startswith(("importlib", "_frozen_importlib")), loader
assert langgraph.pregel.__loader__ is loader
assert not [f for f in sys.meta_path if type(f).__module__.startswith("statemeter")]
chat(InMemorySaver()).invoke({"messages": [("user", "hello")]}, thread())
"""


def test_langgraph_imported_afterwards(start_child: StartChild, isolated: Path) -> None:
    """instrument() imports no LangGraph; its import, once it comes, leaves no trace of the wait."""
    child = start_child("-W", "error", "-c", BEFORE)
    assert child.wait(60) == 0, child.log_path.read_text("utf-8")  # type: ignore[attr-defined]
    (paths,) = segments(isolated / "spool").values()
    assert len([event for event in read(paths) if isinstance(event, events.Put)]) == 4


def test_an_import_that_fails_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import is awaited until it succeeds; others pass; two may wait for the same."""
    name = "module_that_is_awaited"
    path = tmp_path / f"{name}.py"
    path.write_text("raise OSError('not yet')\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    called: list[str] = []

    def first() -> None:
        called.append("first")

    def second() -> None:
        called.append("second")

    def third() -> None:
        called.append("third")

    for then in (first, first, second, third):
        awaiting.after_import(name, then)
    awaiting.forget(name, third)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    with pytest.raises(OSError, match="not yet"):
        importlib.import_module(name)
    assert called == []
    path.write_text("value = __loader__.get_filename()\n", "utf-8")
    importlib.invalidate_caches()
    module = importlib.import_module(name)
    assert module.value == str(path)
    assert sorted(called) == ["first", "second"]
    awaiting.after_import(name, third)
    assert called[-1] == "third"
    assert not [finder for finder in sys.meta_path if isinstance(finder, awaiting._Finder)]
    del sys.modules[name]


def test_a_module_that_does_not_exist(spool: Spooled) -> None:
    """Waiting for a module changes nothing about its absence."""

    def never() -> None:
        raise AssertionError

    awaiting.after_import("module_that_is_not_there", never)
    with pytest.raises(ModuleNotFoundError, match="module_that_is_not_there"):
        importlib.import_module("module_that_is_not_there")
    awaiting.forget("module_that_is_not_there", never)
    assert not auto._State.on
