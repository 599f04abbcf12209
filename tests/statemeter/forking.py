"""A process of its own that forks while it measures: ``python -m … HOW NUMBER``."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver

import statemeter
from tests.statemeter.graphs import Notes, chat, single, thread

HELLO = {"messages": [("user", "hello")]}
graph = statemeter.instrument(chat(InMemorySaver()))


def work(name: str) -> int:
    """One run, in a worker."""
    return len(graph.invoke(HELLO, thread(name))["messages"])


def fork(name: str, forked: Callable[[], None] = lambda: None) -> int:
    """A child that runs the graph once and ends; its status. ``forked`` is called here."""
    child = os.fork()
    if child == 0:
        try:
            work(name)
            os._exit(0 if statemeter.flush(60) else 2)
        except BaseException:  # noqa: BLE001, RUF100
            os._exit(1)
    forked()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def under_threads(number: int) -> None:
    """Children forked while four threads emit.

    They rest while a child runs: on a slow machine they would fill the spool meanwhile.
    """
    busy, begun, stop = threading.Event(), threading.Event(), threading.Event()

    def emit() -> None:
        saver = statemeter.instrument(InMemorySaver())
        while busy.wait() and not stop.wait(0.001):
            for _ in range(20):
                saver.get_tuple(thread("parent"))
            begun.set()

    threads = [threading.Thread(target=emit) for _ in range(4)]
    for each in threads:
        each.start()
    statuses = set()
    for count in range(number):
        begun.clear()
        busy.set()
        begun.wait()
        statuses.add(fork(f"child-{count}", forked=busy.clear))
    stop.set()
    busy.set()
    for each in threads:
        each.join()
    assert statuses == {0}, statuses


def inside_a_run(number: int) -> None:
    """Children forked by a node, in the middle of a run."""

    def node(state: Any) -> Notes:
        return {"found": [fork(f"child-{count}") for count in range(number)]}

    outer = statemeter.instrument(single(node, InMemorySaver()))
    assert outer.invoke({}, thread("parent"))["found"] == [0] * number


def workers(method: str, number: int) -> None:
    """Workers of a pool, which end by os._exit after their own finalizers."""
    work("parent")
    names = [f"child-{count}" for count in range(number)]
    context = multiprocessing.get_context(method)
    size = 1 if method == "spawn" else 2  # each imports everything anew
    with context.Pool(size) as pool:
        assert pool.map(work, names[::2]) == [3] * len(names[::2])
        pool.close()
        pool.join()
    with ProcessPoolExecutor(size, mp_context=context) as executor:
        assert list(executor.map(work, names[1::2])) == [3] * len(names[1::2])


if __name__ == "__main__":
    how, count = sys.argv[1], int(sys.argv[2])
    if how == "threads":
        under_threads(count)
    elif how == "node":
        inside_a_run(count)
    else:
        workers(how, count)
