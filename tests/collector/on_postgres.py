"""Real graphs on PostgreSQL, run as a process of its own: ``python -m … URL [shallow]``.

What ``applications`` does on other savers, over one connection, a pool and a pipeline, sync and
async; and pruned threads. The prefix of a thread's name says which.
"""

from __future__ import annotations

import asyncio
import operator
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.postgres import PostgresSaver, ShallowPostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import START, StateGraph
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

import statemeter
from tests.collector import applications
from tests.collector.applications import config, converse

OPTIONS = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}


class Values(TypedDict, total=False):
    text: str
    number: Any
    many: Annotated[list[Any], operator.add]
    nothing: Any


AWKWARD: list[Values] = [
    {"text": 'é "quoted" \\ / \b\f\n\r\t\x01\x1f\x7f \u2028 \U0001f600 </script>', "number": 1},
    {"text": "", "number": 1e-07, "nothing": None, "many": [1, "two", None]},
    {"text": "x" * 5000, "number": 1.5e300, "many": []},
    {"text": "é\n" * 5000, "number": -0.0},
    {"text": "y" * 1024, "number": 2**63 - 1},
    {"text": "z" * 1025, "number": True},
    {"number": [1, 2], "nothing": {"now": "something"}},
    {"number": 1e22, "nothing": 0.1 + 0.2, "text": "1e5"},
    {"number": -1.5e-9, "nothing": 123456.0, "text": "-0.0"},
]


def awkward(graph: Any, thread: str) -> None:
    """Values that are written inside the document, in all their forms; some move out and back."""
    for values in AWKWARD:
        graph.invoke(values, config(thread))


def plain(saver: Any) -> Any:
    """A graph whose node does nothing."""
    builder = StateGraph(Values)
    builder.add_node("node", lambda state: {})
    builder.add_edge(START, "node")
    return statemeter.instrument(builder.compile(checkpointer=saver))


def pruned(graph: Any, saver: Any, prefix: str) -> None:
    """Threads pruned in the middle, at the end, twice, and away."""
    for name in ("middle", "end", "twice", "away"):
        converse(graph, f"{prefix}{name}", "sync")
    saver.prune([f"{prefix}middle", f"{prefix}twice"])
    saver.prune([f"{prefix}away"], strategy="delete")
    for name in ("middle", "twice"):
        graph.invoke({"topic": "on"}, config(f"{prefix}{name}"))
    saver.prune([f"{prefix}end", f"{prefix}twice"])
    graph.update_state(config(f"{prefix}end"), {"topic": "and on"}, as_node="talk")


@contextmanager
def sync_savers(url: str) -> Iterator[dict[str, Any]]:
    with (
        PostgresSaver.from_conn_string(url) as one,
        PostgresSaver.from_conn_string(url, pipeline=True) as pipeline,
        ConnectionPool(url, kwargs=OPTIONS, min_size=1, max_size=4, open=True) as pool,
    ):
        one.setup()
        yield {"one-": one, "pipeline-": pipeline, "pool-": PostgresSaver(pool)}


async def asynchronous(url: str) -> None:
    async with (
        AsyncPostgresSaver.from_conn_string(url) as one,
        AsyncPostgresSaver.from_conn_string(url, pipeline=True) as pipeline,
        AsyncConnectionPool(url, kwargs=OPTIONS, min_size=1, max_size=4, open=False) as pool,
    ):
        savers = {"aone-": one, "apipeline-": pipeline, "apool-": AsyncPostgresSaver(pool)}
        for prefix, saver in savers.items():
            await applications.everything_async(saver, prefix)
            await saver.aprune([f"{prefix}sync-1", f"{prefix}exit-1"])


def shallow(url: str) -> None:
    """A saver that keeps the newest checkpoint alone; it cannot delete."""
    with ShallowPostgresSaver.from_conn_string(url) as saver:
        saver.setup()
        graph = statemeter.instrument(applications.outer().compile(checkpointer=saver))
        # Not async: which of a checkpoint and the pending writes that it replaces is stored first
        # is then decided by threads, and the probe sees when calls end, not when rows change.
        for durability in ("sync", "exit"):
            converse(graph, f"shallow-{durability}", durability)
        awkward(plain(saver), "shallow-awkward")


def main(url: str, kind: str = "") -> None:
    if kind == "shallow":
        warnings.simplefilter("ignore", DeprecationWarning)
        shallow(url)
        return
    with sync_savers(url) as savers:
        for prefix, saver in savers.items():
            graph = statemeter.instrument(applications.outer().compile(checkpointer=saver))
            applications.everything(graph, saver, prefix)
            pruned(graph, saver, prefix)
            awkward(plain(saver), f"{prefix}awkward")
    asyncio.run(asynchronous(url))


if __name__ == "__main__":
    main(*sys.argv[1:])
