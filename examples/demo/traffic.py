"""Who visits when: dozens of threads interleaved, new ones opened, old ones deleted."""

from __future__ import annotations

import asyncio
import inspect
import random
import sys
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import statemeter
from examples.demo import (
    assistant,
    faq_bot,
    knowledge_base,
    ops_agent,
    quotes,
    refunds,
    reports,
    support_chat,
)
from examples.demo.places import Place
from examples.demo.savers import thread_number
from examples.demo.visit import Visit

FIRST_NUMBER = 1001
ONCE_THREADS = 2
ONCE_TURNS = 6
MOST_AT_ONCE = 8  # turns in flight; more would only queue for two SQLite files


@dataclass(frozen=True)
class Plan:
    """How one graph is used."""

    module: Any
    saver: str
    prefix: str
    """Of its thread ids."""
    threads: int
    """Open at a time."""
    turns: tuple[int, int]
    """Least and most turns of a thread."""
    weight: int
    """Share of the traffic."""
    kept: int = 10
    """Closed threads that are kept; older ones are deleted."""
    store: str = ""
    """Long-term store; empty: none."""


PLANS = (
    Plan(support_chat, "sqlite", "ticket", 10, (10, 45), 30),
    Plan(faq_bot, "memory", "faq", 8, (6, 30), 20),
    Plan(knowledge_base, "async", "search", 5, (4, 12), 12),
    Plan(reports, "memory", "report", 3, (3, 10), 6),
    Plan(ops_agent, "async", "incident", 5, (4, 14), 14),
    Plan(quotes, "sqlite", "quote", 6, (3, 12), 12),
    Plan(refunds, "sqlite", "refund", 5, (3, 9), 10),
    Plan(assistant, "sqlite", "customer", 5, (4, 14), 8, store="sqlite"),
    Plan(assistant, "memory", "guest", 4, (2, 8), 6, store="memory"),
)


@dataclass
class OpenThread:
    """A thread that is being visited."""

    name: str
    turns_left: int
    number: int = 0
    busy: bool = False


class Office:
    """One graph with its open and closed threads."""

    def __init__(
        self,
        plan: Plan,
        saver: Any,
        seed: int,
        earlier: Iterable[str],
        *,
        place: Place | None = None,
        store: Any = None,
    ) -> None:
        """``earlier`` are the threads that are already in the saver, oldest first; ``place`` is
        one of ``--backends``; ``store`` is given to graphs whose plan has one."""
        self.plan = plan
        self.saver = saver
        self.place = place
        self.prefix = (place.prefix if place else "") + plan.prefix
        self.is_async = inspect.iscoroutinefunction(plan.module.turn)
        parts = (saver, store) if plan.store else (saver,)
        self.graph = statemeter.instrument(plan.module.build(*parts))
        self.seed = seed
        self.rng = random.Random(f"{seed}/{plan.prefix}")
        self.open: list[OpenThread] = []
        self.closed = deque(name for name in earlier if name.startswith(f"{self.prefix}-"))
        self.next_number = max(map(thread_number, self.closed), default=FIRST_NUMBER - 1) + 1

    def thread(self, threads: int) -> OpenThread | None:
        """A thread that is free, new while fewer than ``threads`` are open; None: all are busy."""
        if len(self.open) < threads:
            name = f"{self.prefix}-{self.next_number}"
            self.next_number += 1
            self.open.append(OpenThread(name, self.rng.randint(*self.plan.turns)))
            return self.open[-1]
        free = [thread for thread in self.open if not thread.busy]
        return self.rng.choice(free) if free else None

    async def visit(self, thread: OpenThread, pause_seconds: float) -> None:
        """One turn of a thread, in a worker thread where the graph is synchronous."""
        thread.busy = True
        thread.number += 1
        rng = random.Random(f"{self.seed}/{thread.name}/{thread.number}")
        visit = Visit(thread.name, thread.number, rng, pause_seconds)
        if self.is_async:
            await self.plan.module.turn(self.graph, visit)
        else:
            await asyncio.to_thread(self.plan.module.turn, self.graph, visit)
        thread.busy = False
        thread.turns_left -= 1

    def give_up(self, thread: OpenThread) -> None:
        """Visit a thread no more; it stays where it is."""
        if thread in self.open:
            self.open.remove(thread)

    async def close(self, thread: OpenThread) -> None:
        """Close a thread, and delete the oldest closed ones beyond those that are kept."""
        self.open.remove(thread)
        self.closed.append(thread.name)
        threads_of: Callable[[str], list[str]] = getattr(
            self.plan.module, "threads_of", lambda name: [name]
        )
        while len(self.closed) > self.plan.kept:
            for name in threads_of(self.closed.popleft()):
                if self.is_async:
                    await self.saver.adelete_thread(name)
                else:
                    await asyncio.to_thread(self.saver.delete_thread, name)


def open_offices(
    savers: dict[str, Any], stores: dict[str, Any], seed: int, earlier: list[str]
) -> list[Office]:
    """All graphs, built and instrumented."""
    # Savers draw the channel versions from the module's generator, and versions have lengths.
    random.seed(seed)
    return [
        Office(
            plan,
            savers[plan.saver],
            seed,
            earlier if plan.saver != "memory" else (),
            store=stores.get(plan.store),
        )
        for plan in PLANS
    ]


def open_offices_at(places: list[Place], seed: int) -> list[Office]:
    """All graphs on each of ``--backends``: the same threads with the same content."""
    random.seed(seed)
    return [
        Office(
            plan,
            place.async_saver if inspect.iscoroutinefunction(plan.module.turn) else place.saver,
            seed,
            place.earlier,
            place=place,
            store=place.store,
        )
        for place in places
        for plan in PLANS
    ]


async def run_once(offices: list[Office], stop: asyncio.Event) -> int:
    """The same few turns of each graph, one after the other; the number of turns."""
    turns = 0
    for office in offices:
        for _ in range(ONCE_THREADS):
            thread = office.thread(threads=1)
            assert thread is not None
            for _ in range(ONCE_TURNS):
                if stop.is_set():
                    return turns
                await office.visit(thread, pause_seconds=0)
                turns += 1
            await office.close(thread)
    return turns


async def run_paced(
    offices: list[Office], stop: asyncio.Event, seconds: float, pace: float, seed: int
) -> int:
    """``pace`` turns a second for ``seconds`` (0: until stopped); the number of turns."""
    clock = asyncio.get_running_loop().time
    end = clock() + seconds if seconds else float("inf")
    due = clock()
    schedule = random.Random(seed)
    weights = [office.plan.weight for office in offices]
    gate = asyncio.Semaphore(MOST_AT_ONCE)
    turns = 0

    async def one_turn(office: Office, thread: OpenThread) -> None:
        try:
            await office.visit(thread, pause_seconds=min(0.08, 0.5 / pace))
            if thread.turns_left <= 0:
                await office.close(thread)
            if office.place:
                office.place.failures = 0
        except Exception as error:
            if not (office.place and office.place.prefix):
                raise
            # A server may go away: the others go on, and it may come back.
            office.give_up(thread)
            if said := office.place.failed(error):
                print(said, file=sys.stderr, flush=True)
        finally:
            gate.release()

    async with asyncio.TaskGroup() as group:
        while not stop.is_set() and clock() < end:
            await gate.acquire()
            (office,) = schedule.choices(offices, weights)
            down = office.place is not None and office.place.down
            thread = None if down else office.thread(office.plan.threads)
            if thread is None:
                gate.release()
            else:
                thread.busy = True  # before its task starts, so that nobody else takes it
                group.create_task(one_turn(office, thread))
                turns += 1
            due = max(due + 1 / pace, clock() - 1)  # after a standstill, catch up at most a second
            try:
                await asyncio.wait_for(stop.wait(), max(0.0, min(due, end) - clock()))
            except TimeoutError:
                continue
    return turns
