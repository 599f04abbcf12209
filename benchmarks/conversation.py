"""The program that ``benchmarks.chat`` measures, in a process of its own.

``python -m benchmarks.conversation bare|probe`` holds a conversation for each line that it is given
and prints the CPU time of it as JSON; ``… bytes`` the bytes spooled by turn; ``… emit CALLS`` the
time that single calls take.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

TURNS = 100
MESSAGE_BYTES = 500
BURST = 100
TEXT = ("The invoice of last month lists the router twice, please look at it. " * 8)[:MESSAGE_BYTES]


class Chat(TypedDict):
    """The state."""

    messages: Annotated[list[AnyMessage], add_messages]
    topic: str


def classify(state: Chat) -> dict[str, Any]:
    """The first node."""
    return {"topic": "billing"}


def reply(state: Chat) -> dict[str, Any]:
    """The second node."""
    return {"messages": [AIMessage(TEXT)]}


def build(instrument: Callable[[Any], Any]) -> Any:
    """A graph with a saver of its own."""
    builder = StateGraph(Chat)
    builder.add_node(classify)
    builder.add_node(reply)
    builder.add_edge(START, "classify")
    builder.add_edge("classify", "reply")
    builder.add_edge("reply", END)
    return instrument(builder.compile(checkpointer=InMemorySaver()))


def talk(graph: Any, thread: str, turns: int) -> None:
    """One conversation, or its next turns."""
    config = {"configurable": {"thread_id": thread}}
    for _ in range(turns):
        graph.invoke({"messages": [HumanMessage(TEXT)]}, config)


def cpu(arm: str) -> Iterator[dict[str, Any]]:
    """CPU seconds of one conversation after another: all threads, writing the spool included."""
    instrument: Callable[[Any], Any] = lambda graph: graph  # noqa: E731 (the arm without a probe)
    flush: Callable[[], Any] = lambda: True  # noqa: E731
    if arm == "probe":
        import statemeter

        instrument, flush = statemeter.instrument, statemeter.flush
    talk(build(instrument), "warm-up", 20)
    number = 0
    while True:
        flush()
        gc.collect()
        start = time.process_time()
        talk(build(instrument), f"thread-{number}", TURNS)
        complete = flush()
        seconds = time.process_time() - start
        if arm == "probe":
            stats = statemeter.stats()
            complete = complete and not stats["dropped"] and not stats["failures"]
        yield {"cpu_seconds": seconds, "complete": bool(complete)}
        number += 1


def spooled_bytes() -> dict[str, Any]:
    """Bytes a turn that one conversation spools in its first and last 20 turns."""
    import statemeter

    talk(build(statemeter.instrument), "warm-up", 5)
    graph = build(statemeter.instrument)
    marks = []
    for turns in (0, 20, 60, 20):
        talk(graph, "thread", turns)
        statemeter.flush()
        marks.append(statemeter.stats()["spooled_bytes"])
    return {
        "turns_1_20": (marks[1] - marks[0]) / 20,
        "turns_81_100": (marks[3] - marks[2]) / 20,
        "turns_1_100": (marks[3] - marks[0]) / 100,
    }


class NullSaver(BaseCheckpointSaver):
    """Does nothing, so that what a call takes is what is around it."""

    def put_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        """Nothing."""

    async def aput_writes(
        self, config: Any, writes: Any, task_id: str, task_path: str = ""
    ) -> None:
        """Nothing."""


def emit(calls: int) -> dict[str, Any]:
    """Time in ns of single calls: the append alone, and a whole measured call, against bare."""
    import statemeter
    from statemeter import probe

    config = {"configurable": {"thread_id": "thread", "checkpoint_ns": "", "checkpoint_id": "1"}}
    arguments = (config, [("messages", TEXT)], "task", "")
    bare, measured = NullSaver(), statemeter.instrument(NullSaver())
    append = probe.get().emit
    return {
        "clock": _timed(lambda: None, calls),
        "emit": _timed(lambda: append(_nothing, None), calls),
        "bare": _timed(lambda: bare.put_writes(*arguments), calls),
        "call": _timed(lambda: measured.put_writes(*arguments), calls),
        "async_bare": asyncio.run(_timed_async(bare, arguments, calls)),
        "async_call": asyncio.run(_timed_async(measured, arguments, calls)),
    }


def _nothing(number: int, item: Any) -> None:
    """An event that the probe's thread has nothing to write of."""


def _timed(call: Callable[[], Any], calls: int) -> list[int]:
    clock = time.perf_counter_ns
    taken = []
    for number in range(calls):
        start = clock()
        call()
        taken.append(clock() - start)
        if number % BURST == 0:
            time.sleep(0.002)  # an application waits now and then; the probe's thread writes
    return taken


async def _timed_async(saver: Any, arguments: tuple[Any, ...], calls: int) -> list[int]:
    clock = time.perf_counter_ns
    taken = []
    for number in range(calls):
        start = clock()
        await saver.aput_writes(*arguments)
        taken.append(clock() - start)
        if number % BURST == 0:
            await asyncio.sleep(0.002)
    return taken


def main(what: str, *numbers: str) -> None:
    """Print JSON, a line for each result."""
    if what == "bytes":
        print(json.dumps(spooled_bytes()))
    elif what == "emit":
        print(json.dumps(emit(int(numbers[0]))))
    else:
        results = cpu(what)
        for _ in sys.stdin:
            print(json.dumps(next(results)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
