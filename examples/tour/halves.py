"""The processes of the tour: both chatbots, which live until the rules have looked at them, the
collector, and reports of the store."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from examples.tour.talk import TURNS

__all__ = ["TELL_US", "TURNS", "Halves"]

TELL_US = 6_000_000
"""A process tells what it holds every five seconds; the probe takes a moment to write it."""
LOOK_SECONDS = 60.0
"""How long the rules of a collector that is at work already are waited for."""
WHOLE = "in-memory-leak"
"""A rule that looks at processes: when it has looked, all have looked at what was stored."""


class Halves:
    """To be left when both were looked at: they end then.

    Args:
        environment: with spool and store.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._alive: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Halves:
        return self

    def __exit__(self, *error: object) -> None:
        for process in reversed(self._alive):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=20)  # the end of its input is its end
            process.kill()
            process.wait()

    def play(self, name: str, *options: str) -> dict[str, Any]:
        """Run one of them; what it told of itself after its last turn. It lives on.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        command = _command(f"examples.tour.{name}", *options)
        process = self._start(command, STATEMETER_APP=f"tour-{name}")
        self._alive.append(process)
        assert process.stdout is not None
        printed = process.stdout.readline()
        if not printed:
            raise subprocess.CalledProcessError(process.wait(), command)
        told: dict[str, Any] = json.loads(printed)
        return told

    def look(self, after_us: int) -> None:
        """Collect and have the rules look, after this moment: by a collector that ends then, or by
        the one that is at work in the store already."""
        time.sleep(max(0.0, after_us / 1e6 - time.time()))
        command = _command("collector", "--once", "--parent", str(os.getpid()))
        once, ends = self._start(command), time.monotonic() + LOOK_SECONDS
        self._alive.append(once)
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                if once.wait(4):
                    raise subprocess.CalledProcessError(once.returncode, command)
                return
            if self._looked(after_us):
                break
            if time.monotonic() > ends:
                print("The collector at work has not looked: what it has by now:", file=sys.stderr)
                break
        once.terminate()

    def ask(self, *reports: tuple[str, ...]) -> list[list[dict[str, Any]]]:
        """Reports of the store, side by side."""
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(lambda report: self._ask(*report), reports))

    def _looked(self, after_us: int) -> bool:
        with contextlib.suppress(subprocess.CalledProcessError):  # there is no store yet
            return any(
                one["rule"] == WHOLE and one["ran_us"] > after_us for one in self._ask("rules")
            )
        return False

    def _ask(self, report: str, *options: str) -> list[dict[str, Any]]:
        command = _command("storage", report, "--json", *options)
        process = self._start(command)
        printed, _ = process.communicate()
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        found: list[dict[str, Any]] = json.loads(printed)
        return found

    def _start(self, command: list[str], **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command, env=self._environment | more, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, cwd=Path(__file__).resolve().parents[2],
        )  # fmt: skip


def _command(module: str, *options: str) -> list[str]:
    return [sys.executable, "-m", module, *options]
