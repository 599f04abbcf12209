"""Whatever fails inside the probe, the graph gives what it gave, and the probe goes on after it."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import pkgutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.types import CachePolicy, Command, interrupt

import statemeter
from statemeter import events, faults, probe
from tests.statemeter.graphs import Notes, chat, thread
from tests.statemeter.spooled import Spooled
from tests.statemeter.test_graphs import comparable

EXCEPTED = {
    "faults.fault": "the guard itself: it has a guard of its own",
    "faults.guarded": "used once, when modules are imported",
    "accesses.Access.__enter__": "a wrapper's body: guarded inside",
    "accesses.Access.__exit__": "a wrapper's body: guarded inside",
    "store_calls.StoreCall.__enter__": "a wrapper's body: guarded inside",
    "store_calls.StoreCall.__exit__": "a wrapper's body: guarded inside",
    "embeddings._Embedding.__enter__": "a wrapper's body: guarded inside",
    "calls.Call.__enter__": "a wrapper's body: nothing but a guarded call of begin",
    "calls.Call.__exit__": "a wrapper's body: guarded inside",
    "calls.Rows.__enter__": "a wrapper's body",
    "calls.Rows.__exit__": "a wrapper's body: guarded inside",
    "graphs._Run.__init__": "a wrapper's body: guarded inside",
    "graphs._Run.__enter__": "a wrapper's body: returns itself",
    "graphs._Run.__exit__": "a wrapper's body: guarded inside",
    "graphs._NodeRun.__init__": "a wrapper's body: takes a name and two times",
    "graphs._NodeRun.__enter__": "a wrapper's body: returns itself",
    "graphs._NodeRun.__exit__": "a wrapper's body: guarded inside",
    "saver_methods._observed": "a wrapper's body",
    "saver_methods._aobserved": "a wrapper's body",
    "probe.Probe._run": "the thread's body: guarded inside",
}
"""What may not be broken, with the reason."""
EXCEPTED_AT_FIRST = {
    "api.instrument": "the user's own call",
    "api._advice": "only for what is no graph",
    "graphs.is_graph": "decides whether the call is an error of the user",
    "graphs.is_saver": "decides whether the call is an error of the user",
    "kinds.of": "decides whether the call is an error of the user",
}


def functions() -> Iterator[str]:
    """Every function and method of the package, as ``module.[Class.]name``."""
    for found in pkgutil.iter_modules(statemeter.__path__):
        module = importlib.import_module(f"statemeter.{found.name}")
        for name, thing in vars(module).items():
            if getattr(thing, "__module__", None) != module.__name__:
                continue
            if inspect.isfunction(thing) or hasattr(thing, "cache_info"):
                yield f"{found.name}.{name}"
            elif inspect.isclass(thing):
                for attribute, method in vars(thing).items():
                    if inspect.isfunction(method) or isinstance(method, property):
                        yield f"{found.name}.{name}.{attribute}"


ALL = sorted(set(functions()))


@pytest.fixture
def no_faults() -> bool:
    return False


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes made by a test leave nothing behind in this process."""
    monkeypatch.setattr("os.register_at_fork", lambda **hooks: None)
    monkeypatch.setattr("atexit.register", lambda function: function)


def broken(monkeypatch: pytest.MonkeyPatch, name: str, error: type[Exception]) -> list[int]:
    """Make a function raise; the list grows with each time it was called."""
    module, *path = name.split(".")
    owner: Any = importlib.import_module(f"statemeter.{module}")
    for part in path[:-1]:
        owner = getattr(owner, part)
    calls: list[int] = []

    def fail(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        raise error("broken")

    original = vars(owner)[path[-1]]
    replacement: Any = property(fail) if isinstance(original, property) else fail
    if getattr(original, "__code__", None) is faults.guarded(fail).__code__:
        replacement = faults.guarded(fail)  # what is guarded breaks inside its guard
    monkeypatch.setattr(owner, path[-1], replacement)
    return calls


@pytest.fixture
def graphs(tmp_path: Path) -> Iterator[tuple[Any, ...]]:
    """New graphs, a store and its embeddings, closed at the end whatever the test did."""
    *made, connection = make(tmp_path)
    with closing(connection):
        yield tuple(made)


def make(folder: Path) -> tuple[Any, ...]:
    """Graphs that reach every part: both layouts, interrupts, a cache, a subgraph, lists; and the
    store of one of them with its embeddings."""
    folder.mkdir(exist_ok=True)
    connection = sqlite3.connect(folder / "c.sqlite", check_same_thread=False)
    inner = StateGraph(Notes)
    inner.add_node("ask", lambda state: {"found": [interrupt("?")]})
    inner.add_edge(START, "ask")
    outer = StateGraph(Notes)
    outer.add_node("quick", lambda state: {"found": ["q"]}, cache_policy=CachePolicy())
    outer.add_node("recall", recall)
    outer.add_node("inner", inner.compile())
    outer.add_edge(START, "quick")
    outer.add_edge("quick", "recall")
    outer.add_edge("recall", "inner")
    embeddings = DeterministicFakeEmbedding(size=4)
    store = InMemoryStore(index={"embed": embeddings, "dims": 4})
    graph = outer.compile(checkpointer=SqliteSaver(connection), cache=InMemoryCache(), store=store)
    return chat(InMemorySaver()), graph, store, embeddings, connection


def recall(state: Notes, *, store: BaseStore) -> Notes:
    """A node that uses each call of a store."""
    name = ("notes", str(len(state["found"])))
    store.put(name, "a", {"text": "first"})
    store.put(name, "b", {"text": "second"})
    found = store.search(("notes",), query="first", limit=3)
    item = store.get(name, "a")
    store.delete(name, "b")
    spaces = store.list_namespaces(prefix=("notes",))
    return {"found": [f"{len(found)} {item and item.value} {spaces}"]}


def drive(chatting: Any, asking: Any, store: Any, embeddings: Any) -> str:
    """All outputs, as text."""
    hello = {"messages": [("user", "hello")]}
    saver = asking.checkpointer
    out: list[Any] = [
        [(m.type, m.content) for m in chatting.invoke(hello, thread())["messages"]],
        [(m.type, m.content) for m in asyncio.run(chatting.ainvoke(hello, thread()))["messages"]],
        asking.invoke({"found": ["a"]}, thread()),
        asking.invoke(Command(resume="yes"), thread()),
        list(asking.stream({"found": ["a"]}, thread("2"), stream_mode="updates")),
        [(state.values, state.next) for state in asking.get_state_history(thread())],
        len(list(saver.list(None, limit=2))),
        saver.get_delta_channel_history(config=thread(), channels=["found"]) != {},
    ]
    out += [
        [item and item.value for item in asyncio.run(both(store))],
        embeddings.embed_query("a text"),
        asyncio.run(embeddings.aembed_documents(["one", "two"])),
    ]
    saver.delete_thread("thread")
    out.append(asking.get_state(thread()).values)
    return comparable(out)


async def both(store: Any) -> list[Any]:
    """Two calls at once, of which a store may make one batch."""
    await store.aput(("later",), "c", {"text": "third"})
    return await asyncio.gather(store.aget(("later",), "c"), store.aget(("later",), "none"))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the graphs give without the probe."""
    *graphs, connection = make(tmp_path_factory.mktemp("bare"))
    with closing(connection):
        return drive(*graphs)


@pytest.mark.parametrize("name", [name for name in ALL if name not in EXCEPTED])
def test_a_broken_function_harms_no_graph(
    name: str,
    bare: str,
    graphs: tuple[Any, ...],
    spool: Spooled,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each function of the probe raises while graphs run: same output, and measuring goes on."""
    for graph in graphs:
        statemeter.instrument(graph)
    with monkeypatch.context() as patched:
        broken(patched, name, RuntimeError)
        assert drive(*graphs) == bare
        try:
            statemeter.flush()
            statemeter.stats()
        except RuntimeError:
            assert name in ("api.flush", "api.stats", "faults.total") or name.startswith("probe.")
    graphs[0].invoke({"messages": [("user", "after")]}, thread("after"))
    after = [event.thread for event in spool.told() if isinstance(event, events.Put)]
    assert after.count("after") == 4


@pytest.mark.parametrize(
    "name", [n for n in ALL if n not in EXCEPTED and n not in EXCEPTED_AT_FIRST]
)
def test_a_function_broken_from_the_start_harms_no_graph(
    name: str,
    bare: str,
    graphs: tuple[Any, ...],
    quiet: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where not even instrument() works, the graph runs as it is, or partly measured."""
    monkeypatch.setattr(probe, "_probe", None)
    broken(monkeypatch, name, MemoryError)
    for graph in graphs:
        assert statemeter.instrument(graph) is graph
    assert drive(*graphs) == bare
    target = probe._probe
    monkeypatch.undo()
    if target is not None and hasattr(target, "_wake"):
        target._wake.set()
        target.writer.close()
    faults.reset()


def test_every_exception_from_the_rule_exists() -> None:
    """A function excepted above is one that there is."""
    assert set(EXCEPTED) | set(EXCEPTED_AT_FIRST) <= set(ALL)
    assert len(ALL) > 100


def test_a_fault_is_counted_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """The log names the place and the class of the exception, never its text."""
    faults.reset()
    for _ in range(3):
        try:
            raise ValueError("secret text")
        except ValueError:
            faults.fault("the place")
    assert faults.total() == 3
    assert len(caplog.records) == 1
    assert "the place failed (ValueError); your graph is not affected" in caplog.text
    assert "secret text" not in caplog.text
    faults.reset()


def test_a_fault_while_telling_of_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logging may fail, too."""
    faults.reset()
    monkeypatch.setattr(faults.logger, "warning", None)
    try:
        raise ValueError
    except ValueError:
        faults.fault("the place")
    assert faults.total() == 1
    faults.reset()


def test_a_guarded_function_gives_none(caplog: pytest.LogCaptureFixture) -> None:
    """An ``Exception`` is counted; what ends a program goes through."""
    faults.reset()

    @faults.guarded
    def fail(error: BaseException) -> None:
        raise error

    fail(ValueError())
    assert faults.total() == 1
    with pytest.raises(KeyboardInterrupt):
        fail(KeyboardInterrupt())
    faults.reset()
