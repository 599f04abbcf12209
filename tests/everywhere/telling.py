"""A long thread in a process of its own, which tells what LangGraph itself has of it.

``python -m tests.everywhere.telling KIND URL OUT [--turns N] [--delta] [--instrument]`` plays
``tests.long_thread`` and writes OUT, JSON: ``namespaces``: namespace → checkpoints as
``graph.get_state_history`` has them, newest first; ``counted``: their bytes, see ``counting``;
``values``: (namespace, checkpoint) of some → values as plain data. With the kind ``memory`` it
then waits for the end of its standard input, as its values end with it.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import random
import sys
import warnings
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import statemeter
from statemeter import probe
from tests import long_thread
from tests.collector.viewer import telling
from tests.collector.viewer.corpus import described
from tests.everywhere import counting

FORK_EVERY = 12
SHOWN = 40
"""Of so many checkpoints all values are told."""


class Teller:
    """LangGraph, asked in one way whether the saver is synchronous or not."""

    def __init__(self, kind: str, graph: Any, saver: Any) -> None:
        self.kind, self.graph, self.saver = kind, graph, saver
        self.is_async = kind.startswith("async")

    async def play(self, thread: str, turns: int) -> None:
        if self.is_async:
            await long_thread.aplay(self.graph, thread, turns, fork_every=FORK_EVERY)
        else:
            long_thread.play(self.graph, thread, turns, fork_every=FORK_EVERY)

    async def history(self, config: Any) -> list[Any]:
        """Snapshots of a namespace, newest first."""
        if self.is_async:
            return [one async for one in self.graph.aget_state_history(config)]
        ns = config["configurable"]["checkpoint_ns"]
        # RedisSaver lists the checkpoints of all namespaces for the root.
        return [
            one
            for one in self.graph.get_state_history(config)
            if one.config["configurable"]["checkpoint_ns"] == ns
        ]

    async def state(self, config: Any) -> Any:
        if self.is_async:
            return await self.graph.aget_state(config)
        return self.graph.get_state(config)

    async def stored(self, config: Any) -> Any:
        if self.is_async:
            return await self.saver.aget_tuple(config)
        return self.saver.get_tuple(config)

    def _serialized(self, value: Any) -> bytes:
        """A value of a channel, as docs/measures.md says that this saver keeps it."""
        if self.kind == "postgres" and (value is None or isinstance(value, str | int | float)):
            return json.dumps(value, ensure_ascii=False).encode()
        blob: bytes = self.saver.serde.dumps_typed(value)[1]
        # None has no bytes as a blob of its own, but inside a document.
        return blob or {"memory": b"", "redis": b"null"}.get(self.kind, b"\xc0")

    async def row(self, snapshot: Any) -> dict[str, Any]:
        """What is told of a checkpoint."""
        if self.kind == "redis":  # its list() gives neither messages nor all writes
            snapshot = await self.state(snapshot.config)
        found = await self.stored(snapshot.config)
        channels = {}
        for name, value in found.checkpoint["channel_values"].items():
            blob = self._serialized(value)
            channels[name] = [len(blob), hashlib.sha1(blob).hexdigest()]
        return {
            "checkpoint": snapshot.config["configurable"]["checkpoint_id"],
            "parent": (snapshot.parent_config or {}).get("configurable", {}).get(
                "checkpoint_id", ""
            ),
            "step": snapshot.metadata["step"], "source": snapshot.metadata["source"],
            "next": sorted(snapshot.next),
            "interrupts": sum(bool(task.interrupts) for task in snapshot.tasks),
            "channels": channels,
            "writes": sorted([task, name] for task, name, _ in found.pending_writes or []),
        }  # fmt: skip


def opened(kind: str, url: str) -> AbstractAsyncContextManager[Any]:
    """A saver, set up."""
    if kind in {"memory", "async-sqlite"}:
        return telling.opened(kind, url)
    return _synchronous(url)


@asynccontextmanager
async def _synchronous(url: str) -> Any:
    with long_thread.opened(url) as saver:
        yield saver


async def tell(told: argparse.Namespace) -> None:
    """Play, then write what there is."""
    async with opened(told.kind, told.url) as saver:
        graph = long_thread.build(saver, delta=told.delta)
        if told.instrument:
            statemeter.instrument(graph)
        teller = Teller(told.kind, graph, saver)
        await teller.play(told.thread, told.turns)
        facts: dict[str, Any] = {}
        if told.instrument:
            target = probe.get()
            (facts["key"],) = (one.key for one in target.savers.values())
            if told.kind != "memory":
                statemeter.uninstrument(graph)
        facts["counted"] = counting.counted(told.kind, told.url, saver, told.thread)
        facts["namespaces"], facts["values"] = {}, []
        chosen = random.Random(told.thread)
        for ns in sorted(facts["counted"]):
            config = {"configurable": {"thread_id": told.thread, "checkpoint_ns": ns}}
            history = await teller.history(config)
            facts["namespaces"][ns] = [await teller.row(snapshot) for snapshot in history]
            some = chosen.sample(history, min(len(history), SHOWN if not ns else 1))
            for snapshot in some[:1] if len(facts["values"]) > 2 * SHOWN else some:
                values = (await teller.state(snapshot.config)).values
                name = snapshot.config["configurable"]["checkpoint_id"]
                facts["values"].append([ns, name, described(values)])
        if told.instrument:
            statemeter.flush()
        if told.kind == "redis":
            _as_kept(facts["namespaces"], counting.kept_writes(told.url, told.thread))
        new = Path(told.out).with_suffix(".new")
        new.write_text(json.dumps(facts), "utf-8")
        os.replace(new, told.out)
        if told.kind == "memory":
            sys.stdin.read()


def _as_kept(namespaces: dict[str, list[dict[str, Any]]], kept: Any) -> None:
    for ns, rows in namespaces.items():
        for row in rows:
            row["writes"] = sorted(kept.get((ns, row["checkpoint"]), []))
            tasks = [task for task, channel in row["writes"] if channel == "__interrupt__"]
            row["interrupts"] = len(set(tasks))


def main(arguments: list[str]) -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m tests.everywhere.telling")
    for name in ("kind", "url", "out"):
        parser.add_argument(name)
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--thread", default="long-1")
    parser.add_argument("--delta", action="store_true")
    parser.add_argument("--instrument", action="store_true")
    asyncio.run(tell(parser.parse_args(arguments)))


if __name__ == "__main__":
    warnings.simplefilter("ignore", DeprecationWarning)
    main(sys.argv[1:])
