"""What survives when an application is killed in mid-run (SIGKILL), tried on a real process."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from collector.compare.killed import STEPS, graph
from collector.compare.place import BackendFailed, Place
from collector.inspection.child import environment
from storage.comparisons import Survival, Target

TURNS = 3
"""That are acknowledged before the one that is broken off."""
WAIT_SECONDS = 60
"""For the process to come that far."""
_POLL_SECONDS = 0.2


def survive(
    place: Place, target: Target, *, secrets: dict[str, str], token: str, folder: Path,
    durability: str, tick: Callable[[int], None],
) -> Survival:  # fmt: skip
    """Let a process write turns, kill it in the fourth, and take its thread up again.

    Args:
        place: the backend, as this process has it.
        target: the same, as the other process opens it.
        secrets: has its URL.
        token: names the corner.
        folder: of the job's files.
        durability: of the runs.
        tick: may raise.

    Raises:
        BackendFailed: the process did not come so far.
    """
    thread = f"{token}k{durability}"
    told = _kill(
        {
            "target": msgspec.to_builtins(target), "url": secrets.get(target.key, ""),
            "token": token, "folder": str(folder), "thread": thread, "durability": durability,
            "turns": TURNS,
        },
        target, tick,
    )  # fmt: skip
    turns = sum(line.startswith("turn ") for line in told)
    steps = sum(line.startswith("step ") for line in told) - turns * len(STEPS)
    found = Survival(
        backend=target.key, durability=durability, turns_acknowledged=turns,
        steps_acknowledged=steps,
    )  # fmt: skip
    with place.saver(1) as saver:
        take_up(saver, thread, found)
    return found


def take_up(saver: Any, thread: str, found: Survival) -> None:
    """Go on with a thread whose process was killed: fills in what was found of it."""
    config = {"configurable": {"thread_id": thread}}
    ran: list[str] = []
    runs = graph(saver, ran)
    before = runs.get_state(config)
    found.turns_found = int(before.values.get("turns", 0)) if before.values else 0
    # Not ``before.next``: a task that has left its writes, and no checkpoint yet, is not in it.
    if before.tasks:
        after = runs.invoke(None, config, durability=found.durability)
        again = [name for name in STEPS[: found.steps_acknowledged] if name in ran]
        found.steps_found = found.steps_acknowledged - len(again)
    else:  # nothing of the turn is there: it has to be asked for anew
        asked = {"steps": []} if found.turns_found else {"turns": 0, "steps": []}
        after = runs.invoke(asked, config, durability=found.durability)
    turns = found.turns_acknowledged + 1
    found.resumed = after["turns"] == turns and len(after["steps"]) == len(STEPS) * turns


def _kill(asked: dict[str, object], target: Target, tick: Callable[[int], None]) -> list[str]:
    """Lines of the process until it was killed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "collector.compare.killed"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=environment(), text=True,
    )  # fmt: skip
    lines: list[str] = []
    hangs = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.strip())
            if lines[-1] == "hangs":
                process.kill()
                break
        hangs.set()

    reader = threading.Thread(target=read, name="compare-kill")
    try:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.close()
        reader.start()
        for _ in range(int(WAIT_SECONDS / _POLL_SECONDS)):
            if hangs.wait(_POLL_SECONDS):
                break
            tick(0)
    finally:
        process.kill()
        process.wait()
        if reader.ident is not None:
            reader.join()
        if process.stdout is not None:
            process.stdout.close()
    if "hangs" not in lines:
        raise BackendFailed(
            f"{target.shown or target.backend}: the process that was to be killed in mid-run did "
            "not come that far. Try again when the machine and the server have less to do."
        )
    return lines[: lines.index("hangs")]
