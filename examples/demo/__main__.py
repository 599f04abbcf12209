"""``python -m examples.demo``: real LangGraph applications without a model or a network."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sqlite3
import sys
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import FrameType

import psutil

from statemeter import settings


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.demo",
        description="Real LangGraph applications with canned answers, for the dashboard to show.",
    )
    parser.add_argument(
        "--seconds", type=_number, default=300.0, help="how long; 0: until stopped (default: 300)"
    )
    parser.add_argument(
        "--pace", type=_number, default=6.0, help="turns a second, over all graphs (default: 6)"
    )
    parser.add_argument("--seed", type=int, default=7, help="decides all content (default: 7)")
    parser.add_argument(
        "--database",
        type=Path,
        default=settings.data_folder() / "demo.sqlite",
        help="checkpoints of the synchronous graphs; those of the asynchronous ones lie beside it "
        "as NAME-async.sqlite, the long-term store as NAME-store.sqlite (default: %(default)s)",
    )
    parser.add_argument(
        "--once",
        action="store_true",
        help="a fixed number of turns of each graph, as fast as possible",
    )
    parser.add_argument(
        "--backends",
        type=_places,
        metavar="LIST",
        help="run all graphs on each of these, side by side: sqlite, memory (both always), and "
        "URLs with redis://, valkey://, postgresql:// or mongodb://, separated by commas",
    )
    parser.add_argument("--parent", type=int, metavar="PID", help="end when this process is gone")
    options = parser.parse_args(arguments)
    if options.pace == 0:
        parser.error("--pace 0 would never do anything: give turns a second, such as 6")
    options.database = options.database.expanduser().absolute()
    return options


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not zero or a positive number")
    return number


def _places(text: str) -> list[str]:
    from examples.demo import places  # noqa: PLC0415 - as in run()

    named = [part.strip() for part in text.split(",") if part.strip()]
    for name in named:
        scheme, _, rest = name.partition("://")
        if name not in places.ALWAYS and not (rest and scheme in places.MODULES):
            # What is not understood may be a part of a password with a comma in it.
            raise argparse.ArgumentTypeError(
                "a part of it is neither sqlite nor memory nor a URL with redis://, valkey://, "
                "postgresql:// or mongodb://. Write a comma within a URL as %2C"
            )
    return named


async def run(options: argparse.Namespace) -> int:
    """Run until the end or a signal; the number of turns."""
    # Here, because LangGraph takes a second to import.
    from examples.backends import problems  # noqa: PLC0415
    from examples.demo import places, savers, stores, traffic  # noqa: PLC0415

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows: Ctrl-C ends it by KeyboardInterrupt
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        if options.backends is None:
            opened = await stack.enter_async_context(savers.open_savers(options.database))
            kept = stack.enter_context(stores.open_stores(options.database))
            earlier = savers.stored_threads(options.database)
            offices = traffic.open_offices(opened, kept, options.seed, earlier)
        else:
            found = await places.open_places(stack, options.backends, options.database, _say)
            names = ", ".join(problems.shown(place.url) for place in found)
            print(f"All graphs on each of: {names}", flush=True)
            offices = traffic.open_offices_at(found, options.seed)
        watch = asyncio.create_task(_follow(options.parent, stop))
        try:
            if options.once:
                return await traffic.run_once(offices, stop)
            return await traffic.run_paced(
                offices, stop, options.seconds, options.pace, options.seed
            )
        finally:
            watch.cancel()


async def _follow(parent: int | None, stop: asyncio.Event) -> None:
    """Stop when the process that started the demo is gone, however it ended."""
    while parent is not None and psutil.pid_exists(parent):
        await asyncio.sleep(1)
    if parent is not None:
        stop.set()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _leave(signal_number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def main(arguments: list[str] | None = None) -> int:
    """The command; its exit code."""
    options = parse(arguments)
    os.environ.setdefault("STATEMETER_APP", "demo")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)  # until the loop takes over: while modules are imported
    length = "once" if options.once else f"for {options.seconds:g} s" * bool(options.seconds)
    print(f"Eight graphs run {length or 'until stopped'}; Ctrl-C ends them.", flush=True)
    print(f"Checkpoints: {options.database}", flush=True)
    problem: BaseException | None = None
    turns = 0
    try:
        turns = asyncio.run(run(options))
    except* KeyboardInterrupt:
        pass
    except* (OSError, sqlite3.Error) as group:
        problem = group
        while isinstance(problem, BaseExceptionGroup):
            problem = problem.exceptions[0]
    if problem:
        print(
            f"The demo cannot use {options.database}: {problem}. "
            "Give another file with --database FILE.",
            file=sys.stderr,
        )
        return 1
    import statemeter  # noqa: PLC0415 - imported by now, but not before the arguments were read

    statemeter.flush()
    counts = statemeter.stats()
    print(f"{turns} turns, {counts['emitted']} events to {counts['spool']}", flush=True)
    if counts["problem"] or counts["dropped"]:
        print(f"Not told: {counts['dropped']} {counts['problem']}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
