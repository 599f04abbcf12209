"""Graphs give with the probe what they give without it; runs, nodes and cache answers are told."""

from __future__ import annotations

import asyncio
import contextvars
import operator
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.cache.memory import InMemoryCache
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import CachePolicy, Command, RetryPolicy, Send, interrupt
from typing_extensions import TypedDict

import statemeter
from statemeter import events
from tests.statemeter.graphs import chat, single, thread
from tests.statemeter.spooled import Spooled

HELLO = {"messages": [HumanMessage("hello", id="h")]}


class State(TypedDict, total=False):
    found: Annotated[list[str], operator.add]
    name: str


def extend(old: list[str], updates: list[list[str]]) -> list[str]:
    return [*old, *(item for update in updates for item in update)]


class Delta(TypedDict, total=False):
    found: Annotated[list[str], DeltaChannel(extend, list)]


def history(graph: Any, name: str = "thread") -> list[Any]:
    """The states of a thread without what is new in each run (ids and times)."""
    return [
        comparable((state.values, state.next, state.metadata, state.tasks))
        for state in graph.get_state_history(thread(name))
    ]


_NEW_IN_EACH_RUN = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}"
    r"|\d{4}-\d\d-\d\dT[0-9:.+]+|0\.\d{12,}|object at 0x[0-9a-f]+"
)


def comparable(value: Any) -> str:
    """An output without what is new in each run: ids and times."""
    return _NEW_IN_EACH_RUN.sub("?", repr(value))


def same_as_bare(build: Callable[[Any], Any], drive: Callable[[Any], Any], path: Path) -> Any:
    """Drive a graph bare and instrumented, on both savers: output and history are the same."""
    graphs = []
    for make in ("memory", "sqlite"):
        results = []
        for measured in (False, True):
            with SqliteSaver.from_conn_string(str(path / f"{make}{measured}.sqlite")) as sqlite:
                graph = build(InMemorySaver() if make == "memory" else sqlite)
                if measured:
                    assert statemeter.instrument(graph) is graph
                    graphs.append(graph)
                out = drive(graph)
                results.append((comparable(out), history(graph)))
        assert results[0] == results[1]
        assert results[0][1], "no history: nothing was compared"
    return graphs


# Graphs


def fail_first(saver: Any) -> Any:
    """The second node fails once, then works."""
    failed: list[int] = []

    def first(state: State) -> State:
        return {"found": ["first"]}

    def second(state: State) -> State:
        if not failed:
            failed.append(1)
            raise ConnectionError("secret cause")
        return {"found": ["second"]}

    builder = StateGraph(State)
    builder.add_sequence([first, second])
    builder.add_edge(START, "first")
    return builder.compile(checkpointer=saver)


def asking(saver: Any, **options: Any) -> Any:
    """A node that asks twice, and one after it."""

    def ask(state: State) -> State:
        return {"found": [interrupt("one?"), interrupt("two?")]}

    def after(state: State) -> State:
        return {"found": ["after"]}

    builder = StateGraph(State)
    builder.add_sequence([ask, after])
    builder.add_edge(START, "ask")
    return builder.compile(checkpointer=saver, **options)


def fanned(saver: Any) -> Any:
    """Three tasks of one node, by Send."""
    builder = StateGraph(State)
    builder.add_node("search", lambda state: {"found": [state["name"]]})
    builder.add_conditional_edges(
        START, lambda state: [Send("search", {"name": f"q{n}"}) for n in range(3)], ["search"]
    )
    return builder.compile(checkpointer=saver)


def nested(inner_saver: Any) -> Callable[[Any], Any]:
    """A graph in a graph, with what the inner one was compiled with."""

    def build(saver: Any) -> Any:
        inner = StateGraph(State)
        inner.add_sequence([("deep", lambda s: {"found": ["deep"]}), ("deeper", lambda s: {})])
        inner.add_edge(START, "deep")
        outer = StateGraph(State)
        outer.add_node("before", lambda state: {"found": ["before"]})
        outer.add_node("inner", inner.compile(checkpointer=inner_saver))
        outer.add_edge(START, "before")
        outer.add_edge("before", "inner")
        return outer.compile(checkpointer=saver)

    return build


def delta(saver: Any) -> Any:
    """A channel that stores what is new only."""
    builder = StateGraph(Delta)
    builder.add_node("add", lambda state: {"found": [f"n{len(state.get('found', []))}"]})
    builder.add_edge(START, "add")
    return builder.compile(checkpointer=saver)


# How they are driven


def invoke(graph: Any) -> Any:
    return [graph.invoke({"found": [f"in{turn}"]}, thread()) for turn in range(3)]


def resume(graph: Any) -> Any:
    out = [graph.invoke({"found": ["in"]}, thread())]
    return out + [graph.invoke(Command(resume=answer), thread()) for answer in ("a", "b")]


def fail_and_resume(graph: Any) -> Any:
    with pytest.raises(ConnectionError, match="secret cause"):
        graph.invoke({"found": ["in"]}, thread())
    return graph.invoke(None, thread())


def travel(graph: Any) -> Any:
    out = invoke(graph)
    past = list(graph.get_state_history(thread()))
    out.append(graph.invoke(None, past[len(past) // 2].config))
    graph.update_state(thread(), {"found": ["changed"]})
    forked = graph.update_state(past[-2].config, {"found": ["other"]})
    out.append(graph.invoke(None, forked))
    return out


def static(graph: Any) -> Any:
    out = [graph.invoke({"found": ["in"]}, thread(), interrupt_before=["second"])]
    return [*out, graph.invoke(None, thread())]


def sequence(saver: Any) -> Any:
    builder = StateGraph(State)
    builder.add_sequence([("first", lambda s: {"found": ["1"]}), ("second", lambda s: {})])
    builder.add_edge(START, "first")
    return builder.compile(checkpointer=saver)


def bare_chat_turns(graph: Any) -> Any:
    return [graph.invoke(HELLO, thread()) for _ in range(2)]


CASES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "a chat": (chat, bare_chat_turns),
    "interrupts": (asking, resume),
    "a failure": (fail_first, fail_and_resume),
    "fan-out": (fanned, invoke),
    "subgraph, saver inherited": (nested(None), invoke),
    "subgraph without saver": (nested(False), invoke),
    "subgraph with its own history": (nested(True), invoke),
    "time travel": (sequence, travel),
    "static interrupt": (sequence, static),
    "delta channel": (delta, invoke),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")
def test_outputs_and_history_are_those_of_the_bare_graph(
    case: str, tmp_path: Path, spool: Spooled
) -> None:
    """What a graph returns and what its thread holds do not know of the probe."""
    same_as_bare(*CASES[case], tmp_path)
    assert spool.of(events.Put)
    assert spool.of(events.Run)


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_every_durability(durability: str, tmp_path: Path, spool: Spooled) -> None:
    """Puts are as many as the durability makes: one a step, or one a run."""

    def drive(graph: Any) -> Any:
        return graph.invoke(HELLO, thread(), durability=durability)

    same_as_bare(chat, drive, tmp_path)
    puts = spool.of(events.Put)
    assert len(puts) == (2 if durability == "exit" else 8)
    assert {event.run for event in puts} == {1, 2}


MODES: list[Any] = [
    "values", "updates", "messages", "custom", "debug", "tasks", "checkpoints",
    ["values", "updates"],
]  # fmt: skip


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("subgraphs", [False, True])
def test_every_stream_mode(mode: Any, subgraphs: bool, tmp_path: Path, spool: Spooled) -> None:
    """Streams give the same chunks; a stream is one run."""

    def drive(graph: Any) -> Any:
        options = {"stream_mode": mode, "subgraphs": subgraphs}
        return list(graph.stream({"found": ["in"]}, thread(), **options))

    same_as_bare(nested(None), drive, tmp_path)
    assert [event.status for event in spool.of(events.Run)] == ["done", "done"]


@pytest.mark.parametrize("mode", ["values", "updates", "custom", "messages", "tasks"])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_an_interrupt_is_seen_in_every_stream_mode(mode: str, version: str, spool: Spooled) -> None:
    """A run that waits for an answer is told as interrupted, whatever its stream shows."""
    graph = statemeter.instrument(asking(InMemorySaver()))
    for given in ({"found": []}, Command(resume="a"), Command(resume="b")):
        for _ in graph.stream(given, thread(), stream_mode=mode, version=version):
            pass
    statuses = [event.status for event in spool.of(events.Run)]
    assert statuses == ["interrupted", "interrupted", "done"]
    nodes = [(event.node, event.error) for event in spool.of(events.Node)]
    asked = ("ask", "GraphInterrupt")
    assert nodes == [asked, asked, ("ask", ""), ("after", "")]


def test_a_static_interrupt_is_told(spool: Spooled) -> None:
    """Stopping before or after a node interrupts the run, and resuming ends it."""
    graph = statemeter.instrument(sequence(InMemorySaver()))
    graph.invoke({"found": []}, thread(), interrupt_before=["second"])
    graph.invoke(None, thread())
    graph.invoke({"found": []}, thread("2"), interrupt_after="*")
    assert [event.status for event in spool.of(events.Run)] == [
        "interrupted",
        "done",
        "interrupted",
    ]


def test_runs_and_nodes_of_a_failure(spool: Spooled) -> None:
    """A failure is told by its class at its node and its run; the retry by hand is another run."""
    graph = statemeter.instrument(fail_first(InMemorySaver()))
    fail_and_resume(graph)
    runs = spool.of(events.Run)
    assert [(run.status, run.error) for run in runs] == [("error", "ConnectionError"), ("done", "")]
    nodes = spool.of(events.Node)
    assert [(node.node, node.error, node.run) for node in nodes] == [
        ("first", "", 1), ("second", "ConnectionError", 1), ("second", "", 2),
    ]  # fmt: skip
    assert [node.step for node in nodes] == [1, 2, 2]
    assert nodes[1].task == nodes[2].task != nodes[0].task
    assert len({run.run_id for run in runs}) == 2
    assert all(run.run_id for run in runs)
    assert b"secret cause" not in spool.content()


def test_each_attempt_of_a_retry_is_a_node_event(spool: Spooled) -> None:
    """Three attempts are three events, two of them with the class of the error."""
    attempts: list[int] = []

    def flaky(state: State) -> State:
        attempts.append(1)
        if len(attempts) < 3:
            raise ConnectionError("again")
        return {"found": ["x"]}

    builder = StateGraph(State)
    policy = RetryPolicy(initial_interval=0.001, jitter=False)
    builder.add_node("flaky", flaky, retry_policy=policy)
    builder.add_edge(START, "flaky")
    graph = statemeter.instrument(builder.compile(checkpointer=InMemorySaver()))
    assert graph.invoke({"found": []}, thread()) == {"found": ["x"]}
    assert [event.error for event in spool.of(events.Node)] == [*["ConnectionError"] * 2, ""]
    assert spool.one(events.Run).status == "done"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_cached_node_is_told_as_cached(asynchronous: bool, spool: Spooled) -> None:
    """The first run works, the second is answered by the cache; outputs are the same."""
    ran: list[int] = []

    def slow(state: State) -> State:
        ran.append(1)
        return {"found": ["slow"]}

    builder = StateGraph(State)
    builder.add_node("slow", slow, cache_policy=CachePolicy())
    builder.add_edge(START, "slow")
    graph = statemeter.instrument(builder.compile(cache=InMemoryCache()))
    for _ in range(2):
        given: Any = {"found": ["x"]}
        out = asyncio.run(graph.ainvoke(given)) if asynchronous else graph.invoke(given)
        assert out == {"found": ["x", "slow"]}
    assert len(ran) == 1
    nodes = [(event.node, event.cached, event.run) for event in spool.of(events.Node)]
    assert nodes == [("slow", 0, 1), ("slow", 1, 2)]
    statemeter.uninstrument(graph)
    assert type(graph.cache) is InMemoryCache


def test_nodes_of_subgraphs_have_their_namespace(spool: Spooled) -> None:
    """A node of a subgraph tells the namespace of that subgraph, one of the root tells none."""
    graph = statemeter.instrument(nested(None)(InMemorySaver()))
    graph.invoke({"found": []}, thread())
    spaces = {event.node: event.ns for event in spool.of(events.Node)}
    assert set(spaces) == {"before", "inner", "deep", "deeper"}
    assert spaces["before"] == spaces["inner"] == ""
    assert spaces["deep"] == spaces["deeper"]
    assert spaces["deep"].startswith("inner:")
    assert spaces["deep"] in {event.ns for event in spool.of(events.Put)}
    assert len(spool.of(events.Run)) == 1


def test_a_stream_left_early_is_closed(spool: Spooled) -> None:
    """Who stops listening closes the run; that is no error."""
    graph = statemeter.instrument(sequence(InMemorySaver()))
    stream = graph.stream({"found": []}, thread())
    next(stream)
    stream.close()
    run = spool.one(events.Run)
    assert (run.status, run.error) == ("closed", "")
    graph.invoke({"found": []}, thread("after"))
    assert {event.run for event in spool.of(events.Put) if event.thread == "after"} == {2}


async def test_an_async_stream_left_early_is_closed(spool: Spooled) -> None:
    """The asynchronous stream as well, by aclose and by a cancelled task."""
    graph = statemeter.instrument(sequence(InMemorySaver()))
    stream = graph.astream({"found": []}, thread())
    await anext(stream)
    await stream.aclose()

    async def hang(state: State) -> State:
        started.set()
        await asyncio.Event().wait()
        return {}

    started = asyncio.Event()
    hanging = statemeter.instrument(single(hang, InMemorySaver(), State))
    running = asyncio.create_task(hanging.ainvoke({"found": []}, thread()))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    runs = spool.of(events.Run)
    assert [(run.status, run.error) for run in runs] == [
        ("closed", ""), ("error", "CancelledError"),
    ]  # fmt: skip


def test_threads_at_once(tmp_path: Path, spool: Spooled) -> None:
    """Eight threads run one graph: each run's events are its own."""
    with SqliteSaver.from_conn_string(str(tmp_path / "c.sqlite")) as sqlite:
        for saver in (InMemorySaver(), sqlite):
            graph = statemeter.instrument(chat(saver))
            before = len(spool.of(events.Run))
            names = [f"t{number}" for number in range(24)]
            with ThreadPoolExecutor(8) as pool:
                outs = list(pool.map(graph.invoke, [HELLO] * 24, map(thread, names)))
            assert [len(out["messages"]) for out in outs] == [3] * 24
            runs = spool.of(events.Run)[before:]
            by_number = {run.number: run.thread for run in runs}
            assert sorted(by_number.values()) == sorted(names)
            for kind, of_each_run in ((events.Put, 4), (events.Writes, 3), (events.Node, 2)):
                told = [event for event in spool.of(kind) if event.run in by_number]
                assert len(told) == 24 * of_each_run
                assert all(by_number[event.run] == event.thread for event in told)


async def test_coroutines_at_once(tmp_path: Path, spool: Spooled) -> None:
    """Runs that interleave on one loop keep their calls, bytes and times apart."""
    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "c.sqlite")) as saver:
        graph = statemeter.instrument(chat(saver))
        names = [f"t{number}" for number in range(20)]
        await asyncio.gather(*(graph.ainvoke(HELLO, thread(name)) for name in names))
        out = await graph.aget_state(thread("t3"))
        assert len(out.values["messages"]) == 3
        stored = await (
            await saver.conn.execute(
                "SELECT thread_id, checkpoint_id, length(checkpoint) FROM checkpoints"
            )
        ).fetchall()
    by_number = {run.number: run.thread for run in spool.of(events.Run)}
    assert sorted(by_number.values()) == sorted(names)
    puts = spool.of(events.Put)
    assert {(e.thread, e.checkpoint, e.document_bytes) for e in puts} == set(map(tuple, stored))
    assert all(by_number[event.run] == event.thread for event in puts)


async def test_a_run_that_is_let_go(spool: Spooled) -> None:
    """It ends wherever Python collects it, in a context that is not its own, as the bare one does.

    For both, newer Pythons say that LangGraph's run awaits where it is told to end; others nothing.
    """
    said: list[str] = []
    for instrument in (lambda graph: graph, statemeter.instrument):
        async with AsyncSqliteSaver.from_conn_string(":memory:") as saver:
            await saver.setup()
            graph = instrument(chat(saver))
            for call in (graph.ainvoke(HELLO, thread("t")), saver.aget_tuple(thread("t"))):
                contextvars.copy_context().run(call.send, None)
                try:
                    call.close()
                    said.append("")
                except RuntimeError as error:
                    said.append(str(error))
    assert said[0] in {"", "coroutine ignored GeneratorExit"}
    assert said == [said[0], "", said[0], ""]
    assert not statemeter.stats()["failures"]
    assert [read.error for read in spool.of(events.Read)] == ["GeneratorExit"] * 2


def test_batches(spool: Spooled) -> None:
    """Each item of a batch is a run of its own; so for abatch."""
    graph = statemeter.instrument(chat(InMemorySaver()))
    configs = [thread(f"s{number}") for number in range(5)]
    outs = graph.batch([HELLO] * 5, configs)
    assert [len(out["messages"]) for out in outs] == [3] * 5
    configs = [thread(f"a{number}") for number in range(5)]
    asyncio.run(graph.abatch([HELLO] * 5, configs))
    assert sorted(run.thread for run in spool.of(events.Run)) == sorted(
        f"{kind}{number}" for kind in "as" for number in range(5)
    )


async def test_async_streams_are_those_of_the_bare_graph(tmp_path: Path, spool: Spooled) -> None:
    """astream gives the same chunks in every mode, subgraphs included; astream_events works."""
    for mode in MODES:
        outs = []
        for measured in (False, True):
            graph = nested(None)(InMemorySaver())
            if measured:
                statemeter.instrument(graph)
            options = {"stream_mode": mode, "subgraphs": True}
            stream = graph.astream({"found": ["in"]}, thread(), **options)
            outs.append(sorted([repr(type(chunk)) async for chunk in stream]))
        assert outs[0] == outs[1]
    graph = statemeter.instrument(chat(InMemorySaver()))
    kinds = [e["event"] async for e in graph.astream_events(HELLO, thread(), version="v2")]
    assert kinds[0] == "on_chain_start"
    assert kinds[-1] == "on_chain_end"
    runs = spool.of(events.Run)
    assert [run.status for run in runs] == ["done"] * (len(MODES) + 1)


def test_a_graph_keeps_what_it_is(spool: Spooled) -> None:
    """Name, class, copies with another configuration, drawing, and a second instrument()."""
    bare, graph = chat(InMemorySaver(), name="talk"), chat(InMemorySaver(), name="talk")
    assert statemeter.instrument(statemeter.instrument(graph)) is graph
    assert isinstance(graph, type(bare))
    assert type(graph).__qualname__ == type(bare).__qualname__
    assert graph.get_name() == "talk"
    assert graph.get_graph().draw_mermaid() == bare.get_graph().draw_mermaid()
    assert graph.get_input_jsonschema() == bare.get_input_jsonschema()
    other = graph.with_config(configurable={"thread_id": "configured"})
    other.invoke(HELLO)
    run = spool.one(events.Run)
    assert (run.thread, run.graph, run.status) == ("configured", "talk", "done")
    assert len(spool.of(events.Node)) == 2
    assert {event.graph for event in spool.of(events.Put)} == {"talk"}


def test_calls_outside_a_run_name_the_graph(spool: Spooled) -> None:
    """Reading or changing a state is no run, and belongs to the graph of its saver."""
    graph = statemeter.instrument(chat(InMemorySaver(), name="talk"))
    graph.update_state(thread(), HELLO, as_node="think")
    graph.get_state(thread())
    told = [event for event in spool.told() if not isinstance(event, events.Node)]
    assert {event.run for event in told} == {0}
    assert {event.graph for event in told} == {"talk"}
    assert not spool.of(events.Run)


def test_uninstrument_gives_everything_back(spool: Spooled) -> None:
    """Graph, nodes, subgraphs' nodes and saver are of their own classes again, and silent."""
    saver = InMemorySaver()
    graph = nested(None)(saver)
    inner = graph.nodes["inner"].subgraphs[0]
    watched = [graph, saver, saver.serde]
    watched += [node.node for node in (*graph.nodes.values(), *inner.nodes.values())]
    classes = [type(thing) for thing in watched]
    attributes = [set(vars(thing)) for thing in watched if hasattr(thing, "__dict__")]
    statemeter.instrument(graph)
    assert [type(thing) for thing in watched] != classes
    graph.invoke({"found": []}, thread())
    before = len(spool.told())
    assert statemeter.uninstrument(graph) is graph
    assert [type(thing) for thing in watched] == classes
    assert [set(vars(t)) for t in watched if hasattr(t, "__dict__")] == attributes
    assert saver.serde is watched[2]
    graph.invoke({"found": []}, thread())
    assert len(spool.told()) == before


def test_a_graph_without_a_saver(spool: Spooled) -> None:
    """Runs and nodes are told, of no thread and no storage."""
    graph = statemeter.instrument(chat())
    assert len(graph.invoke(HELLO)["messages"]) == 3
    run = spool.one(events.Run)
    assert (run.saver, run.thread, run.status) == ("", "", "done")
    assert [event.node for event in spool.of(events.Node)] == ["think", "answer"]


def test_a_graph_called_inside_a_node_is_part_of_its_run(spool: Spooled) -> None:
    """One run, whichever graphs work in it."""
    inner = statemeter.instrument(chat())
    outer = statemeter.instrument(
        single(lambda state: {"value": len(inner.invoke(HELLO)["messages"])}, InMemorySaver())
    )
    assert outer.invoke({"found": []}, thread())["value"] == 3
    assert len(spool.of(events.Run)) == 1
    assert [event.node for event in spool.of(events.Node)] == ["think", "answer", "node"]
    assert {event.run for event in spool.of(events.Node)} == {1}


def test_a_new_run_follows_in_the_same_context(spool: Spooled) -> None:
    """What a consumer runs between the chunks of a stream is a run of its own."""
    graph = statemeter.instrument(sequence(InMemorySaver()))
    for _ in graph.stream({"found": []}, thread("outer")):
        graph.invoke({"found": []}, thread("inner"))
    runs = [(run.thread, run.status) for run in spool.of(events.Run)]
    assert runs == [("inner", "done"), ("inner", "done"), ("outer", "done")]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_the_functional_api(asynchronous: bool, spool: Spooled) -> None:
    """An entrypoint with tasks gives what it gave, and its saver is measured."""

    def make() -> Any:
        @task
        def double(number: int) -> int:
            return number * 2

        @entrypoint(checkpointer=InMemorySaver())
        def work(numbers: list[int], *, previous: Any = None) -> int:
            found = [double(number) for number in numbers]
            return sum(future.result() for future in found) + (previous or 0)

        @task
        async def adouble(number: int) -> int:
            return number * 2

        @entrypoint(checkpointer=InMemorySaver())
        async def awork(numbers: list[int], *, previous: Any = None) -> int:
            return sum(await asyncio.gather(*map(adouble, numbers))) + (previous or 0)

        return awork if asynchronous else work

    def drive(graph: Any) -> list[int]:
        if asynchronous:
            return [asyncio.run(graph.ainvoke([1, 2], thread())) for _ in range(2)]
        return [graph.invoke([1, 2], thread()) for _ in range(2)]

    assert drive(make()) == drive(statemeter.instrument(make())) == [6, 12]
    assert [run.status for run in spool.of(events.Run)] == ["done", "done"]
    assert spool.of(events.Put)


def test_a_delta_channel_is_measured(spool: Spooled) -> None:
    """Its checkpoints stay small; reading it replays writes, which is told."""
    saver = InMemorySaver()
    graph = statemeter.instrument(delta(saver))
    for _ in range(3):
        graph.invoke({"found": ["x" * 300]}, thread())
    histories = spool.of(events.History)
    assert histories
    assert {name for event in histories for name in event.channels} == {"found"}
    assert max(event.writes for event in histories) >= 2
    assert max(event.blob_bytes for event in spool.of(events.Put)) < 700


def test_the_number_of_a_thread_may_be_a_number(spool: Spooled) -> None:
    """Runs, nodes and calls tell the same text for it."""
    graph = statemeter.instrument(chat(InMemorySaver()))
    graph.invoke(HELLO, thread(12))
    assert {event.thread for event in spool.told()} == {"12"}


def test_messages_keep_their_ids_and_types(spool: Spooled) -> None:
    """State read back is made of the same objects as without the probe."""
    graph = statemeter.instrument(chat(InMemorySaver()))
    graph.invoke(HELLO, thread())
    found = graph.get_state(thread()).values["messages"]
    assert [(type(m), m.id) for m in found] == [
        (HumanMessage, "h"), (AIMessage, "a1"), (AIMessage, "b2"),
    ]  # fmt: skip
