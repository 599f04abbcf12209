"""Whether the times that a trial of serializers predicts come true: ``python -m
benchmarks.serializers [--quick]`` prints JSON.

A chat of growing messages runs on a SQLite file. A trial (docs/serialization.md) of that file says
what a step takes in today's serializer and in the one that it advises. Then the same chat runs anew
with each of the two really given to the saver, by turns as A B B A; what counts is the processor
time inside ``dumps_typed``, all checkpoints and pending writes together, by the number of steps.
The floor is today's serializer against itself.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph

from benchmarks.figures import figure, quartiles
from statemeter import serializers
from storage import jobs, serializer_trials
from storage.serializer_advice import advise
from storage.serializer_trials import ADOPTABLE, Asked, Candidate, Step, Trial

ROOT = Path(__file__).resolve().parent.parent
THREAD = "chat"
WORDS = ("state", "of", "the", "thread", "grows", "by", "what", "each", "node", "writes", "anew")


class Timed:
    """A serializer, and the processor time that it took to write: what else the machine does is not
    in it, nor is it in the medians of a trial."""

    def __init__(self, inner: Any) -> None:
        self._inner, self.ns = inner, 0

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        begin = time.thread_time_ns()
        try:
            made: tuple[str, bytes] = self._inner.dumps_typed(obj)
            return made
        finally:
            self.ns += time.thread_time_ns() - begin

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        return self._inner.loads_typed(data)


def chat(path: Path, serde: Any, turns: int) -> list[Step]:
    """One conversation on a new file; its steps, oldest first."""
    chosen = random.Random(7)

    def text() -> str:
        return " ".join(chosen.choices(WORDS, k=200))

    builder = StateGraph(MessagesState)
    builder.add_node("answer", lambda state: {"messages": [AIMessage(text())]})
    builder.add_edge(START, "answer")
    config: Any = {"configurable": {"thread_id": THREAD}}
    with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
        saver = SqliteSaver(connection, serde=serde)
        graph = builder.compile(checkpointer=saver)
        for _ in range(turns):
            graph.invoke({"messages": [HumanMessage(text())]}, config, durability="sync")
        rows = connection.execute(
            "SELECT checkpoint_ns, checkpoint_id, coalesce(parent_checkpoint_id, '') "
            "FROM checkpoints ORDER BY checkpoint_id"
        ).fetchall()
    return [Step(*row) for row in rows]


def trial(folder: Path, path: Path, steps: list[Step]) -> Trial:
    """What the page would find, by a job of its own process."""
    spool = folder / "spool"
    asked = Asked(
        saver="0123456789ab", backend="sqlite", class_name="SqliteSaver", layout="whole",
        thread=THREAD, steps=steps, of_steps=len(steps), database=str(path),
    )  # fmt: skip
    key = jobs.ask(spool, serializer_trials.KIND, "benchmark", msgspec.to_builtins(asked)).id
    own = {
        "STATEMETER_SPOOL": str(spool), "STATEMETER_SHOW_VALUES": "1",
        "STATEMETER_ROOTS": str(folder),
    }  # fmt: skip
    subprocess.run(
        [sys.executable, "-m", "collector.jobs", key, "--spool", str(spool)],
        cwd=ROOT, env=os.environ | own, check=True, stdout=sys.stderr,
    )  # fmt: skip
    told = jobs.told(spool, key)
    made = serializer_trials.decode(bytes(told.result).decode()) if told else None
    if told is None or told.problem or made is None:
        raise SystemExit(f"benchmarks.serializers: the trial failed: {told and told.problem}")
    return made


def adopted(one: Candidate) -> Any:
    """The serializer of a candidate, as an application would make it."""
    inner = getattr(serializers, ADOPTABLE[one.format] or "", JsonPlusSerializer)()
    return serializers.CompressedSerializer(inner, codec=one.codec) if one.codec else inner


def measured(folder: Path, one: Candidate, turns: int, number: int) -> float:
    """µs of a step in the serializer, of one conversation."""
    path = folder / f"{number}.sqlite"
    serde = Timed(adopted(one))
    steps = chat(path, serde, turns)
    path.unlink()
    return serde.ns / 1000 / len(steps)


def main(arguments: list[str]) -> None:
    """Print all figures as JSON."""
    quick = "--quick" in arguments
    turns, rounds = (20, 1) if quick else (60, 6)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = trial(folder, folder / "today.sqlite", chat(folder / "today.sqlite", None, turns))
        today, best = found.of("msgpack"), advise(found).best
        if today is None or best is None:
            raise SystemExit("benchmarks.serializers: the trial advises nothing else.")
        took: dict[str, list[float]] = {today.name: [], best.name: []}
        number = 0
        for _ in range(rounds):
            for one in (today, best, best, today):
                took[one.name].append(measured(folder, one, turns, number))
                number += 1
    floors = [a / b for a, b in zip(took[today.name][::2], took[today.name][1::2], strict=True)]
    figures = []
    for one in (today, best):
        figures += [
            figure(f"{one.label}: predicted of a step", one.dump_us, "µs"),
            figure(
                f"{one.label}: measured of a step", statistics.median(took[one.name]), "µs",
                spread=quartiles(took[one.name]),
            ),
            figure(
                f"{one.label}: predicted / measured",
                one.dump_us / statistics.median(took[one.name]), "×",
                floor=statistics.median(floors),
                spread=quartiles([one.dump_us / us for us in took[one.name]]),
            ),
        ]  # fmt: skip
    pairs = [b / a for a, b in zip(took[today.name], took[best.name], strict=True)]
    figures += [
        figure("advised / today, predicted", best.dump_us / today.dump_us, "×"),
        figure("advised / today, measured", statistics.median(pairs), "×",
               spread=quartiles(pairs)),
    ]  # fmt: skip
    print(json.dumps({"figures": figures, "runs": took}))


if __name__ == "__main__":
    main(sys.argv[1:])
