"""What the probe costs a chat graph: ``python -m benchmarks.chat [--quick]`` prints JSON.

The graph has two nodes and ``add_messages``, 100 turns of 500-byte messages, and an InMemorySaver:
no work but LangGraph's own, which is the hardest case for a ratio. Two fresh processes, one with
and one without the probe, warm up and then take turns at holding a conversation as A B B A, so that
a machine that grows slower or faster counts for both; then two others do. The floor is the ratio of
two conversations without the probe.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.figures import figure, percentile, quartiles

ROOT = Path(__file__).resolve().parent.parent
CPU_BOUND = "<= 1.03"
EMIT_P50_BOUND = "< 5"
EMIT_P99_BOUND = "< 50"
BYTES_BOUND = "<= 2500"


class Arm:
    """A fresh process of ``benchmarks.conversation``, with a spool of its own."""

    def __init__(self, *arguments: str) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.conversation", *arguments],
            cwd=ROOT,
            env=os.environ | {"STATEMETER_SPOOL": self._folder.name, "STATEMETER_APP": "benchmark"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Arm:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()
        self._folder.cleanup()

    def read(self) -> Any:
        """The next result."""
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())

    def talk(self) -> float:
        """Have it hold one conversation; the CPU seconds that it took."""
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        result = self.read()
        if not result["complete"]:
            raise SystemExit("benchmarks.chat: the probe lost events, its cost says nothing.")
        seconds: float = result["cpu_seconds"]
        return seconds


def cpu_figures(processes: int, rounds: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """CPU time with the probe over that without, from ``rounds`` of A B B A in each pair."""
    ratios: list[float] = []
    floors: list[float] = []
    bare: list[float] = []
    for number in range(processes):
        with Arm("bare") as a, Arm("probe") as b:
            for _ in range(rounds):
                first, probe_1, probe_2, last = a.talk(), b.talk(), b.talk(), a.talk()
                ratios += [probe_1 / first, probe_2 / last]
                floors += [last / first]
                bare += [first, last]
        here = statistics.median(ratios[-2 * rounds :])
        print(f"pair of processes {number + 1} of {processes}: {here:.3f}", file=sys.stderr)
    result = figure(
        "CPU of a chat with the probe / without",
        statistics.median(ratios),
        "×",
        bound=CPU_BOUND,
        floor=statistics.median(floors),
        spread=quartiles(ratios),
    )
    return [result], {
        "pairs": ratios,
        "floor_pairs": floors,
        "bare_cpu_seconds": statistics.median(bare),
    }


def emit_figures(calls: int) -> list[dict[str, Any]]:
    """Single calls in µs; the floor is a call that does nothing, the clock's own time included."""
    with Arm("emit", str(calls)) as arm:
        taken = arm.read()
    found = []
    for name, key, floor in (
        ("emit", "emit", "clock"),
        ("a measured put_writes", "call", "bare"),
        ("a measured aput_writes", "async_call", "async_bare"),
    ):
        bounds = (EMIT_P50_BOUND, EMIT_P99_BOUND) if key == "emit" else ("", "")
        for label, share, bound in (("p50", 0.5, bounds[0]), ("p99", 0.99, bounds[1])):
            found.append(
                figure(
                    f"{name}, {label}",
                    percentile(taken[key], share) / 1000,
                    "µs",
                    bound=bound,
                    floor=percentile(taken[floor], share) / 1000,
                )
            )
    return found


def bytes_figures() -> list[dict[str, Any]]:
    """Bytes spooled a turn."""
    with Arm("bytes") as arm:
        spooled = arm.read()
    return [
        figure("spooled a turn, turns 1–20", spooled["turns_1_20"], "bytes", bound=BYTES_BOUND),
        figure("spooled a turn, turns 81–100", spooled["turns_81_100"], "bytes", bound=BYTES_BOUND),
    ]


def main(arguments: list[str]) -> None:
    """Print all figures as JSON."""
    quick = "--quick" in arguments
    cpu, detail = cpu_figures(processes=1 if quick else 8, rounds=1 if quick else 3)
    figures = [*cpu, *emit_figures(2_000 if quick else 20_000), *bytes_figures()]
    print(json.dumps({"figures": figures, "cpu": detail}))


if __name__ == "__main__":
    main(sys.argv[1:])
