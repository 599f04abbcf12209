"""The job ``compare``: the same work on each backend, by turns, several times.

A round runs each setting on each backend once, beginning with another backend each time, so that
what else the machine does hits all alike. A backend that fails is left alone from then on; what it
gave until then stays, and the others go on.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import psutil

from collector.compare import footprints, kill, place, scripts
from collector.compare.place import Place, explained
from collector.compare.replay import Replay
from collector.compare.running import Run, Setting
from collector.compare.timing import Times
from collector.compare.workloads import Script
from collector.jobs.errors import CannotRun, JobEnded, TooLarge
from collector.jobs.kinds import Work
from statemeter import settings
from storage import comparisons
from storage.comparisons import OPERATIONS, QUANTILES, Asked, Cell, Comparison, Outcome, Spread
from storage.jobs import Request
from storage.workloads import WORKLOADS

MEMORY_SHARE = 0.5
"""Of the free memory, that a workload may be reckoned to need; the same of the free disk."""
SAMPLES = 200_000
"""Durations of a cell that are kept for its spread, the newest rounds first."""


def run(work: Work) -> None:
    """Compare; see ``collector.jobs.kinds``."""
    try:
        asked = comparisons.convert(work.request.asked)
    except ValueError as error:
        raise CannotRun(str(error)) from None
    Comparing(work, asked).go()


def clean(request: Request, made: list[str]) -> None:
    """Remove what a comparison left: keys of targets are noted."""
    asked = comparisons.convert(request.asked)
    folder = folder_of(request)
    for target in asked.targets:
        if target.key in made:
            token = token_of(request, asked, target.key)
            left = place.opened(target, request.secrets, token, folder)
            try:
                left.remove()
            finally:
                left.close()
    shutil.rmtree(folder, ignore_errors=True)


def token_of(request: Request, asked: Asked, key: str) -> str:
    """What names all that a job creates for a target: letters, digits and an underscore. Two of
    one server have two, none of which begins the other."""
    place_ = next(place for place, one in enumerate(asked.targets) if one.key == key)
    return f"statemeter_{request.id[:12]}{'ghijklmnopqrstuvwxyz'[place_]}"


def folder_of(request: Request) -> Path:
    """Where a job has its files: on the disk of the spool. A folder for temporary files may be
    memory, which is no disk to compare with."""
    spool = request.secrets.get("spool")
    return (Path(spool) if spool else settings.spool_folder()) / "compare" / request.id


class Comparing:
    """One comparison."""

    def __init__(self, work: Work, asked: Asked) -> None:
        self._work = work
        self._asked = asked
        self._tokens = {
            one.key: token_of(work.request, asked, one.key) for one in asked.targets
        }  # fmt: skip
        self._folder = folder_of(work.request)
        self._places: dict[str, Place] = {}
        self._samples: dict[tuple[int, str], list[np.ndarray]] = {}
        self._done = 0.0
        self._all = 1.0
        self.result = Comparison(
            workload=asked.workload, size=asked.size, rounds=asked.rounds,
            backends=comparisons.outcomes(asked.targets),
        )  # fmt: skip

    def go(self) -> None:
        """Compare, and leave nothing behind."""
        work = self._work
        work.tell("preparing the workload", 0.0, self.result)
        if WORKLOADS[self._asked.workload].built_in:  # before its content is made
            self._expect_room(scripts.needs(self._asked))
        script = scripts.make(
            self._asked, work.request.secrets, self.result, lambda phase: work.tell(phase, 0.0)
        )
        if isinstance(script, Replay):
            self._expect_room(scripts.needs(self._asked, script.thread_bytes))
        try:
            self._create()
            self._count(script)
            if self._asked.kill:  # first, as the ranking needs to know
                self._kill()
            self._weigh(script)
            self._rounds(script)
        finally:
            self._remove()
            work.partial = any(one.problem for one in self.result.backends)
        with contextlib.suppress(JobEnded):  # it is over: nothing is left to be cancelled
            work.tell("ending", 1.0, self.result)
        if not self.result.cells and not self.result.footprints:
            raise CannotRun(" ".join(one.problem for one in self.result.backends))

    def _expect_room(self, needs: tuple[int, int]) -> None:
        """Refuse what would fill memory or disk, with the figures."""
        memory, disk = needs
        self.result.estimate_bytes = max(memory, disk)
        keys = {one.key for one in self._asked.targets}
        free = psutil.virtual_memory().available
        if "memory" in keys and memory > free * MEMORY_SHARE:
            raise TooLarge(_too_large("memory", memory, free))
        parent = next(path for path in self._folder.parents if path.exists())
        free = shutil.disk_usage(parent).free
        if "sqlite" in keys and disk > free * MEMORY_SHARE:
            raise TooLarge(_too_large(f"disk at {parent}", disk, free))

    def _create(self) -> None:
        for target, outcome in zip(self._asked.targets, self.result.backends, strict=True):
            self._work.tell(f"opening {outcome.label}", 0.0, self.result)

            def create(target: comparisons.Target = target, outcome: Outcome = outcome) -> None:
                token = self._tokens[target.key]
                made = place.opened(target, self._work.request.secrets, token, self._folder)
                self._work.made(target.key)
                self._places[target.key] = made
                made.create()
                made.describe(outcome)
                outcome.saver += f" ({place.version(target.backend)})"

            self._try(outcome, create)

    def _count(self, script: Script) -> None:
        """How many turns there are to do, for the share that is done."""
        settings_ = self._settings()
        weighed = min(script.threads, footprints.THREADS) * script.turns
        rounds = sum(
            max(script.threads, one.concurrency) * script.turns
            for one in settings_ for found in self._places.values()
            if self._applies(one, found)
        )  # fmt: skip
        self._all = max(
            1.0,
            weighed * len(self._asked.durability) * len(self._places) + self._asked.rounds * rounds,
        )

    def _settings(self) -> list[Setting]:
        asked = self._asked
        return [
            Setting(*one)
            for one in product(asked.durability, asked.modes, asked.concurrency, asked.pool)
        ]

    def _applies(self, setting: Setting, found: Place) -> bool:
        """A size of the pool is tried where there is one."""
        return found.pools or setting.pool == self._asked.pool[0]

    def _weigh(self, script: Script) -> None:
        for durability in self._asked.durability:
            for outcome in self._well():
                found = self._places[outcome.key]
                tick = self._ticking(f"weighing {outcome.label}, durability {durability}")

                def weigh(
                    outcome: Outcome = outcome, found: Place = found, durability: str = durability,
                    tick: Callable[[int], None] = tick,
                ) -> None:  # fmt: skip
                    found.empty()
                    token = f"{self._tokens[outcome.key]}{durability}"
                    self.result.footprints.append(
                        footprints.weigh(
                            found,
                            script,
                            key=outcome.key,
                            durability=durability,
                            token=token,
                            tick=tick,
                        )
                    )

                self._try(outcome, weigh)
                self._done += min(script.threads, footprints.THREADS) * script.turns

    def _rounds(self, script: Script) -> None:
        for number in range(self._asked.rounds):
            for setting in self._settings():
                well = self._well()
                begin = number % max(1, len(well))
                for outcome in well[begin:] + well[:begin]:
                    if self._applies(setting, self._places[outcome.key]):
                        self._run(script, outcome, setting, number)

    def _run(self, script: Script, outcome: Outcome, setting: Setting, number: int) -> None:
        found = self._places[outcome.key]
        tick = self._ticking(
            f"round {number + 1} of {self._asked.rounds}: {outcome.label}, {setting.mode}, "
            f"durability {setting.durability}, {setting.concurrency} at once"
        )
        # Letters and digits: thread ids are in patterns of keys.
        one = Run(found, script, setting, f"{self._tokens[outcome.key]}r{number}")

        def go() -> None:
            found.empty()
            made = one.go(tick)
            cell = self._cell(outcome.key, setting, found)
            cell.rounds.append(made)
            self._keep(cell, one.times)

        self._try(outcome, go)
        self._done += max(script.threads, setting.concurrency) * script.turns
        self._tell("")

    def _cell(self, key: str, setting: Setting, found: Place) -> Cell:
        pool = setting.pool if found.pools else 0
        wanted = (key, setting.durability, setting.mode, setting.concurrency, pool)
        for cell in self.result.cells:
            if (cell.backend, cell.durability, cell.mode, cell.concurrency, cell.pool) == wanted:
                return cell
        self.result.cells.append(
            Cell(backend=key, durability=setting.durability, mode=setting.mode,
                 concurrency=setting.concurrency, pool=pool)
        )  # fmt: skip
        return self.result.cells[-1]

    def _keep(self, cell: Cell, times: Times) -> None:
        """The latencies of all rounds together."""
        place_ = self.result.cells.index(cell)
        for operation in OPERATIONS:
            taken = times.of.get(operation)
            if not taken:
                continue
            kept = self._samples.setdefault((place_, operation), [])
            kept.append(np.asarray(taken)[-SAMPLES // self._asked.rounds :])
            values = np.quantile(np.concatenate(kept), QUANTILES) / 1000
            before = cell.spread.get(operation)
            cell.spread[operation] = Spread(
                count=len(taken) + (before.count if before else 0),
                values=[round(float(value), 1) for value in values],
            )

    def _kill(self) -> None:
        for durability in self._asked.durability:
            for outcome, target in zip(self.result.backends, self._asked.targets, strict=True):
                if outcome.problem:
                    continue
                found = self._places[outcome.key]
                tick = self._ticking(f"killing a client of {outcome.label}")

                def survive(
                    found: Place = found, target: comparisons.Target = target,
                    durability: str = durability, tick: Callable[[int], None] = tick,
                ) -> None:  # fmt: skip
                    with found.saver(1):  # its tables and indexes are there
                        pass
                    self.result.survivals.append(
                        kill.survive(
                            found, target, secrets=self._work.request.secrets,
                            token=self._tokens[target.key], folder=self._folder,
                            durability=durability, tick=tick,
                        )
                    )  # fmt: skip

                self._try(outcome, survive)

    def _well(self) -> list[Outcome]:
        return [one for one in self.result.backends if not one.problem]

    def _try(self, outcome: Outcome, body: Callable[[], None]) -> None:
        """A fault of a backend is its own end, not that of the job."""
        try:
            body()
        except (JobEnded, MemoryError):
            raise
        except Exception as error:
            target = next(one for one in self._asked.targets if one.key == outcome.key)
            outcome.problem = explained(target, error)

    def _ticking(self, phase: str) -> Callable[[int], None]:
        def tick(done: int) -> None:
            self._work.tell(phase, min(1.0, (self._done + done) / self._all))

        self._tell(phase)
        return tick

    def _tell(self, phase: str) -> None:
        self._work.tell(phase, min(1.0, self._done / self._all), self.result)

    def _remove(self) -> None:
        for outcome in self.result.backends:
            found = self._places.get(outcome.key)
            if found is None:
                continue
            try:
                found.remove()
            except Exception:
                said = (
                    f"What was created there could not be removed. Its name begins with "
                    f"{self._tokens[outcome.key]}."
                )
                outcome.problem = f"{outcome.problem} {said}".strip()
            finally:
                with contextlib.suppress(Exception):
                    found.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _too_large(what: str, needed: int, free: int) -> str:
    return (
        f"The workload would need about {needed / 1e6:,.0f} MB of {what}, of which "
        f"{free / 1e6:,.0f} MB are free; at most {MEMORY_SHARE:.0%} of that may be used. Ask for "
        "fewer turns, fewer threads or smaller values."
    )
