"""A real graph in a process of its own, which tells what LangGraph itself has of each checkpoint.

``python -m tests.collector.viewer.telling KIND URL OUT [--delta] [--codec=NAME]`` plays
``tests.long_thread`` on a saver of that kind, under a ``CompressedSerializer`` if a codec is named,
and writes OUT: JSON, all checkpoints of all namespaces as plain data (``corpus``), from
``saver.get_tuple`` and, for the root graph, ``graph.get_state_history``. With the kind ``memory``
it waits for the end of its standard input, as its values end with it. Without arguments it takes
them from standard input, as JSON, one list a line, and says ``told`` after each.
"""

from __future__ import annotations

import asyncio
import json
import os
import pkgutil
import sys
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver

import statemeter
from statemeter import probe
from statemeter.serializers import CompressedSerializer, adopt
from tests import long_thread
from tests.collector.viewer.corpus import described

TURNS = 11
FORK_EVERY = 8
SAVERS = {
    "sqlite": "langgraph.checkpoint.sqlite:SqliteSaver",
    "async-sqlite": "langgraph.checkpoint.sqlite.aio:AsyncSqliteSaver",
    "postgres": "langgraph.checkpoint.postgres:PostgresSaver",
    "async-postgres": "langgraph.checkpoint.postgres.aio:AsyncPostgresSaver",
    "shallow-postgres": "langgraph.checkpoint.postgres:ShallowPostgresSaver",
    "redis": "langgraph.checkpoint.redis:RedisSaver",
    "async-redis": "langgraph.checkpoint.redis:AsyncRedisSaver",
    "shallow-redis": "langgraph.checkpoint.redis:ShallowRedisSaver",
    "valkey": "langgraph_checkpoint_aws:ValkeySaver",
    "async-valkey": "langgraph_checkpoint_aws:AsyncValkeySaver",
    "mongodb": "langgraph.checkpoint.mongodb:MongoDBSaver",
}
"""Kind → its saver, imported by whoever wants it: each brings in a driver."""


@asynccontextmanager
async def opened(kind: str, url: str) -> AsyncIterator[Any]:
    """A saver of a kind, set up."""
    if kind == "memory":
        yield InMemorySaver()
        return
    made = pkgutil.resolve_name(SAVERS[kind]).from_conn_string(url)
    if not kind.startswith("async"):
        with made as saver:
            if hasattr(saver, "setup"):
                saver.setup()
            yield saver
        return
    async with made as saver:
        if kind in ("async-postgres", "async-redis"):
            await (saver.setup if kind == "async-postgres" else saver.asetup)()
        yield saver


async def tell(kind: str, url: str, out: str, delta: bool, codec: str = "") -> None:
    """Play, then write what there is."""
    async with opened(kind, url) as saver:
        if codec:
            adopt(saver, CompressedSerializer(codec=codec, min_bytes=64))
        graph = long_thread.build(saver, delta=delta)
        thread = f"{kind}-delta" if delta else kind
        thread += f"-{codec}" if codec else ""
        if kind == "memory":
            statemeter.instrument(graph)
        if kind.startswith("async"):
            config: Any = await long_thread.aplay(graph, thread, TURNS, fork_every=FORK_EVERY)
            history = [one async for one in graph.aget_state_history(config)]
            # Listed whole first: a saver holds its lock while it lists.
            found = [one async for one in saver.alist(config)]
            listed = [await saver.aget_tuple(one.config) or one for one in found]
        else:
            config = long_thread.play(graph, thread, TURNS, fork_every=FORK_EVERY)
            history = list(graph.get_state_history(config))
            listed = [saver.get_tuple(one.config) or one for one in list(saver.list(config))]
            if kind == "redis":  # its list(), unlike its get_tuple(), leaves messages as JSON
                history = [graph.get_state(one.config) for one in history]
        values = {one.config["configurable"]["checkpoint_id"]: one.values for one in history}
        told = {"checkpoints": [_told(one, values) for one in listed], **_of_memory(kind)}
        new = Path(out).with_suffix(".new")
        new.write_text(json.dumps(told), "utf-8")
        os.replace(new, out)
        if kind == "memory":
            sys.stdin.read()


def _told(found: Any, values: dict[str, Any]) -> dict[str, Any]:
    """One checkpoint; ``values`` where it is one of the root graph."""
    named = dict(found.config["configurable"])
    if named["checkpoint_ns"] == "__empty__":  # ShallowRedisSaver's own name for the root
        named["checkpoint_ns"] = ""
    parent = found.parent_config["configurable"]["checkpoint_id"] if found.parent_config else ""
    return {
        "ns": named["checkpoint_ns"], "id": found.checkpoint["id"], "parent": parent,
        "metadata": described(dict(found.metadata)),
        "channels": described(found.checkpoint["channel_values"]),
        "versions": sorted(found.checkpoint["channel_versions"]),
        "values": described(values[found.checkpoint["id"]])
        if found.checkpoint["id"] in values and not named["checkpoint_ns"] else None,
        "writes": [[task, channel, described(value)]
                   for task, channel, value in found.pending_writes or []],
    }  # fmt: skip


def _of_memory(kind: str) -> dict[str, str]:
    if kind != "memory":
        return {}
    target = probe.get()
    return {"key": next(iter(target.savers.values())).key, "incarnation": target.incarnation}


def main(arguments: list[str]) -> None:
    """See the module's docstring."""
    chosen = [one.removeprefix("--codec=") for one in arguments if one.startswith("--codec=")]
    delta = "--delta" in arguments
    asyncio.run(tell(*arguments[:3], delta=delta, codec=(*chosen, "")[0]))


if __name__ == "__main__":
    warnings.simplefilter("ignore", DeprecationWarning)
    if sys.argv[1:]:
        main(sys.argv[1:])
    else:
        for line in sys.stdin:
            main(json.loads(line))
            print("told", flush=True)
