"""One run: so many clients at once on one backend, each turn and each call of the saver timed."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from collector.compare.place import Place
from collector.compare.timing import Times, timed
from collector.compare.workloads import Script
from storage.comparisons import OPERATIONS, Round

TELL_SECONDS = 0.25


@dataclass(frozen=True)
class Setting:
    """How a run is done."""

    durability: str
    mode: str
    concurrency: int
    pool: int


@dataclass
class Run:
    """One run, as far as it has come."""

    place: Place
    script: Script
    setting: Setting
    token: str
    """Begins the ids of its threads."""
    times: Times = field(default_factory=Times)
    done: int = 0
    """Turns; counted by all clients, so approximate while it runs."""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _problem: BaseException | None = None

    @property
    def threads(self) -> list[str]:
        """Ids of its threads: at least one for each client."""
        count = max(self.script.threads, self.setting.concurrency)
        return [f"{self.token}t{number}" for number in range(count)]

    def go(self, tick: Callable[[int], None]) -> Round:
        """Do it.

        Args:
            tick: is called now and then with the number of turns done; what it raises ends the run.

        Raises:
            Exception: of a saver, as it came.
        """
        body = self._sync if self.setting.mode == "sync" else self._async
        worker = threading.Thread(target=self._catch, args=(body,), name="compare-run")
        worker.start()
        try:
            while worker.is_alive():
                worker.join(TELL_SECONDS)
                tick(self.done)
        finally:
            self._stop.set()
            worker.join()
        if self._problem is not None:
            raise self._problem
        return self._round()

    def _catch(self, body: Callable[[], None]) -> None:
        try:
            body()
        except BaseException as error:
            self._problem = error

    def _sync(self) -> None:
        with self.place.saver(self.setting.pool, self.script.serde) as saver:
            timed(saver, self.times)
            left = iter(self.threads)
            lock = threading.Lock()

            def client() -> None:
                while not self._stop.is_set():
                    with lock:
                        thread = next(left, None)
                    if thread is None:
                        return
                    talk = self._talk(saver, thread)
                    for number in range(talk.turns):
                        if self._stop.is_set():
                            return
                        talk.turn(number)
                        self.done += 1

            with self._clock(), ThreadPoolExecutor(self.setting.concurrency) as pool:
                found = [pool.submit(self._guard, client) for _ in range(self.setting.concurrency)]
                for one in found:
                    one.result()

    def _async(self) -> None:
        asyncio.run(self._in_loop())

    async def _in_loop(self) -> None:
        async with self.place.asaver(self.setting.pool, self.script.serde) as saver:
            timed(saver, self.times)
            left = iter(self.threads)

            async def client() -> None:
                for thread in left:
                    talk = self._talk(saver, thread)
                    for number in range(talk.turns):
                        if self._stop.is_set():
                            return
                        await talk.aturn(number)
                        self.done += 1

            with self._clock():
                async with _all_or_none() as clients:
                    for _ in range(self.setting.concurrency):
                        clients.create_task(client())

    def _talk(self, saver: Any, thread: str) -> Any:
        return self.script.conversation(saver, thread, self.setting.durability, self.times)

    def _guard(self, client: Callable[[], None]) -> None:
        """The first client that fails ends the others."""
        try:
            client()
        except BaseException:
            self._stop.set()
            raise

    @contextlib.contextmanager
    def _clock(self) -> Iterator[None]:
        started, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.seconds = time.perf_counter() - started
            self.cpu_seconds = time.process_time() - cpu

    def _round(self) -> Round:
        made = Round(turns=self.done, seconds=self.seconds)
        calls = 0
        for operation in OPERATIONS:
            taken = self.times.of.get(operation)
            if not taken:
                continue
            calls += len(taken) if operation != "turn" else 0
            values = np.quantile(np.asarray(taken), (0.5, 0.95, 0.99)) / 1000
            made.p50_us[operation], made.p95_us[operation], made.p99_us[operation] = (
                round(float(value), 1) for value in values
            )
        if self.seconds and self.done:
            made.turns_per_second = self.done / self.seconds
            made.operations_per_second = calls / self.seconds
            made.cpu_us_per_turn = self.cpu_seconds / self.done * 1e6
        return made


@contextlib.asynccontextmanager
async def _all_or_none() -> AsyncIterator[asyncio.TaskGroup]:
    """A group of tasks that ends by the first fault, told as it was raised."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as faults:
        raise faults.exceptions[0] from None
