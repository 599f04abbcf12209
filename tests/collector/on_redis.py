"""Real graphs on Redis, run as a process of its own: ``python -m … REDIS_STACK_URL REDIS_URL``.

What ``applications`` does on other savers, on RedisSaver, ShallowRedisSaver and ValkeySaver, sync
and async; and pruned threads. The prefix of a thread's name says which. RedisSaver takes msgpack
for ``bytes``, which Redis then holds in another form: here is none.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from langgraph.checkpoint.redis import AsyncRedisSaver, RedisSaver, ShallowRedisSaver
from langgraph.checkpoint.redis.ashallow import AsyncShallowRedisSaver
from langgraph_checkpoint_aws import AsyncValkeySaver, ValkeySaver
from langgraph_checkpoint_aws.checkpoint.valkey.base import BaseValkeySaver

import statemeter
from tests.collector import applications
from tests.collector.applications import State, config, converse

_with_bytes = applications.outer


def fail_once(state: State) -> State:
    applications.fail_once(state)
    return {"found": ["é", '\x00\n"\\', "😀"]}


def outer() -> Any:
    """The graph of ``applications`` with text in place of bytes."""
    builder = _with_bytes()
    builder.nodes.pop("fail_once")
    return builder.add_node("fail_once", fail_once)


def once(graph: Any, thread: str) -> None:
    """A conversation in a thread that is pruned or shallow."""
    converse(graph, thread, "sync")
    graph.update_state(config(thread), {"topic": "on"}, as_node="talk")


def pruned(graph: Any, saver: Any, prefix: str) -> None:
    """Threads pruned to one checkpoint, to three, twice, and away."""
    for name in ("one", "three", "twice", "away"):
        once(graph, f"{prefix}{name}")
    saver.prune([f"{prefix}one", f"{prefix}twice"])
    saver.prune([f"{prefix}three"], keep_last=3)
    saver.prune([f"{prefix}away"], keep_last=0)
    graph.invoke({"topic": "on"}, config(f"{prefix}twice"))
    saver.prune([f"{prefix}twice"], strategy="keep_latest")
    graph.update_state(config(f"{prefix}three"), {"topic": "and on"}, as_node="talk")


def instrumented(saver: Any) -> Any:
    applications._failed.clear()
    graph = _with_bytes() if isinstance(saver, BaseValkeySaver) else outer()
    return statemeter.instrument(graph.compile(checkpointer=saver))


def shallow(graph: Any, saver: Any, prefix: str) -> None:
    """Threads of a saver that keeps the newest checkpoint: all durabilities, deleted, pruned."""
    for name in (*applications.DURABILITIES, "deleted", "kept", "away"):
        converse(graph, f"{prefix}{name}", name if name in applications.DURABILITIES else "sync")
    saver.delete_thread(f"{prefix}deleted")
    saver.prune([f"{prefix}kept"])
    saver.prune([f"{prefix}away"], strategy="delete")


async def asynchronous(stack: str, plain: str) -> None:
    async with AsyncRedisSaver.from_conn_string(stack) as saver:
        await applications.everything_async(saver, "aredis-")
        await saver.aprune(["aredis-sync-1", "aredis-exit-1"])
    applications._failed.clear()
    async with AsyncValkeySaver.from_conn_string(plain, pool_size=100) as valkey:
        await applications.everything_async(valkey, "avalkey-")
    applications._failed.clear()
    async with AsyncShallowRedisSaver.from_conn_string(stack) as shallow_saver:
        await applications.everything_async(shallow_saver, "ashallow-")


def main(stack: str, plain: str) -> None:
    with RedisSaver.from_conn_string(stack) as saver:
        saver.setup()
        graph = instrumented(saver)
        applications.everything(graph, saver, "redis-")
        pruned(graph, saver, "redis-")
    with ShallowRedisSaver.from_conn_string(stack) as shallow_saver:
        shallow_saver.setup()
        shallow(instrumented(shallow_saver), shallow_saver, "shallow-")
    with ValkeySaver.from_conn_string(plain) as valkey:
        applications.everything(instrumented(valkey), valkey, "valkey-")
    applications.outer = outer  # what ``everything_async`` builds
    asyncio.run(asynchronous(stack, plain))


if __name__ == "__main__":
    main(*sys.argv[1:])
