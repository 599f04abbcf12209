"""A thread replayed under several designs, on a throwaway saver: rounds, interleaved, medians.

Every round plays the thread once under each design, so that what else the machine does hits all
alike. Times are those of this process: of a database over a network, they have no round trip.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from collector.designs import savers
from collector.designs.graph import Player
from collector.designs.plan import Plan, plan
from collector.jobs.errors import CannotRun
from storage import design_pruning
from storage.design_thread import Recorded
from storage.design_trials import Trial, Trials
from storage.designs import Design, Prediction, Settings, predict

WRITTEN_MOST = 20_000_000_000
"""Bytes that all rounds may write together."""

PREFIX = "statemeter-designs-"
"""Of the temporary folder."""

_LOADS = 5
_SAMPLED = 12

Tell = Callable[[str, float, Trials], None]


class Replay:
    """One thread and the designs to try.

    Args:
        thread: as it is recorded.
        chosen: ids of designs; empty: all that can be had.
        settings: their parameters.
        rounds: how often each is played.
    """

    def __init__(
        self, thread: Recorded, chosen: tuple[str, ...], settings: Settings, rounds: int
    ) -> None:
        found = predict(thread, settings)
        if found.today is None:
            raise CannotRun(thread.problem)
        self._thread, self._settings, self._rounds = thread, settings, max(rounds, 1)
        self.backend = savers.backend_of(thread)
        possible = [one for one in found.others if not one.why_not and self._plays(one.design)]
        unknown = set(chosen) - {one.design.id for one in possible}
        if unknown:
            raise CannotRun(
                f"This thread has no design {', '.join(sorted(unknown))}; "
                f"it has {', '.join(one.design.id for one in possible) or 'none'}."
            )
        picked = [one for one in possible if not chosen or one.design.id in chosen]
        self.predictions: list[Prediction] = [found.today, *picked]
        self.plan: Plan = plan(thread)
        if not self.plan.values | self.plan.lists:
            raise CannotRun("No step of the thread wrote a channel of known size.")
        written = sum(one.written_bytes or 0 for one in self.predictions) * self._rounds
        if written > WRITTEN_MOST:
            raise CannotRun(
                f"This would write {written / 1e9:,.1f} GB, more than {WRITTEN_MOST / 1e9:,.0f}. "
                "Choose fewer designs, or one round."
            )

    def run(self, tell: Tell, made: Callable[[str], None] | None = None) -> Trials:
        """Play everything; ``tell`` may raise to end it, and what was found until then was told.

        Args:
            tell: hears phase, share and what was measured so far.
            made: hears the temporary folder, which is removed in the end.
        """
        thread, designs = self._thread, [one.design for one in self.predictions]
        notes = [*self.plan.notes, self._place()]
        told = Trials(
            thread=thread.thread_id, saver="", backend=self.backend, runs=len(self.plan.runs),
            steps=self.plan.checkpoints, notes=notes,
        )  # fmt: skip
        measured: dict[str, list[_Round]] = {design.id: [] for design in designs}
        whole = self._rounds * len(designs)
        with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
            if made is not None:
                made(folder)
            for number in range(self._rounds):
                for place, design in enumerate(designs):
                    done = number * len(designs) + place
                    phase = f"round {number + 1} of {self._rounds}: {design.name}"

                    def progress(share: float, done: int = done, phase: str = phase) -> None:
                        tell(phase, (done + share) / whole, told)

                    measured[design.id].append(self._play(design, Path(folder), progress))
                    told.trials = [
                        _trial(one, measured[one.design.id], self.plan)
                        for one in self.predictions
                        if measured[one.design.id]
                    ]
        return told

    def _plays(self, design: Design) -> bool:
        """Pruning is played where the replay's saver is the thread's own kind: the code is its."""
        return design.kind != "prune" or self._thread.backend == self.backend == "sqlite"

    def _place(self) -> str:
        name = "SqliteSaver, in a temporary file" if self.backend == "sqlite" else "InMemorySaver"
        if self._thread.backend == self.backend:
            return f"Measured on {name}, with made-up contents of the same sizes."
        return (
            f"Measured on {name}, with made-up contents of the same sizes: serialization and "
            f"LangGraph's own work, without the round trips to {self._thread.backend}."
        )

    def _play(self, design: Design, folder: Path, progress: Callable[[float], None]) -> _Round:
        player = Player(self.plan, design, self._settings)
        config: Any = {"configurable": {"thread_id": savers.THREAD}}
        with savers.opened(self.backend, folder) as (saver, clock):
            graph = player.compiled(saver)
            took = 0.0
            for number, run in enumerate(self.plan.runs):
                progress(number / len(self.plan.runs))
                given = player.begin(run)
                begun = time.perf_counter()
                graph.invoke(given, config | {"recursion_limit": player.steps(run)},
                             durability=player.durability)  # fmt: skip
                took += time.perf_counter() - begun
            if design.kind == "prune":
                _prune(saver, design.number)
            stored = savers.stored_bytes(saver)
            _loaded(graph, config)  # the first one warms up
            load = statistics.median(_loaded(graph, config) for _ in range(_LOADS))
            worst = max(load, *(_loaded(graph, one) for one in _sampled(saver, config)), 0.0)
        runs = max(len(self.plan.runs), 1)
        return _Round(stored, clock.us, took * 1e6 / runs, load, worst)


class _Round:
    """One design, played once."""

    def __init__(
        self, stored: int, put_us: float, run_us: float, load_us: float, worst_us: float
    ) -> None:
        self.stored, self.put_us, self.run_us = stored, put_us, run_us
        self.load_us, self.worst_us = load_us, worst_us


def _prune(saver: Any, keep: int) -> None:
    """Run the code that is shown."""
    text = design_pruning.code(Recorded("", "sqlite", "whole", "", ""), keep)
    exec(text, {"saver": saver, "thread_id": savers.THREAD})  # noqa: S102 (our own text)


def _loaded(graph: Any, config: Any) -> float:
    """µs of one ``get_state``."""
    begun = time.perf_counter()
    graph.get_state(config)
    return (time.perf_counter() - begun) * 1e6


def _sampled(saver: Any, config: Any) -> list[Any]:
    """Checkpoints from the first to the newest, evenly."""
    every = [found.config for found in saver.list(config)]
    return every[:: max(len(every) // _SAMPLED, 1)][:_SAMPLED]


def _trial(one: Prediction, rounds: list[_Round], plan: Plan) -> Trial:
    puts = [found.put_us / max(plan.checkpoints, 1) for found in rounds]
    return Trial(
        design=one.design.id, name=one.design.name, predicted_bytes=one.stored_bytes or 0,
        stored_bytes=rounds[-1].stored, put_us=statistics.median(puts), put_least_us=min(puts),
        put_most_us=max(puts), run_us=statistics.median(found.run_us for found in rounds),
        load_us=statistics.median(found.load_us for found in rounds),
        worst_load_us=statistics.median(found.worst_us for found in rounds), rounds=len(rounds),
    )  # fmt: skip
