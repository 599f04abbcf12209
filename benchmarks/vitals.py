"""What looking at the process costs: ``python -m benchmarks.vitals [--quick]`` prints JSON.

Two fresh processes hold the same conversation in memory and then are idle, for the same seconds at
the same time: in both the probe's thread is at work, in one it also looks at the process (memory,
what holds it, files, gc, loops, container). The figure is the CPU time that it uses more, in
percent of a core; and the same for the whole thread.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks.figures import figure, quartiles

BOUND = "<= 0.5"
TURNS = 60
WARM_SECONDS = 3.0


def idle(arm: str, seconds: float) -> None:
    """Converse, wait, and print the percent of a core that the wait took."""
    import statemeter
    from benchmarks.conversation import build, talk
    from statemeter import probe

    graph = build(statemeter.instrument)
    for number in range(4):
        talk(graph, f"thread-{number}", TURNS // 4)
    if arm == "without":
        vitals = probe.get().vitals
        probe.get().gauges.remove(vitals)
        vitals.tick = lambda: None  # type: ignore[method-assign]
    statemeter.flush()
    time.sleep(WARM_SECONDS)
    begun, clock = time.process_time(), time.perf_counter()
    time.sleep(seconds)
    used = time.process_time() - begun
    print(json.dumps(100 * used / (time.perf_counter() - clock)))


def pair(seconds: float) -> tuple[float, float]:
    """Percent of a core without and with it, at the same time."""
    with tempfile.TemporaryDirectory() as folder:
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.vitals", arm, str(seconds)],
                env=os.environ | {"STATEMETER_SPOOL": f"{folder}/{arm}"},
                stdout=subprocess.PIPE,
                text=True,
            )
            for arm in ("without", "with")
        ]
        without, with_ = (json.loads(one.communicate()[0]) for one in running)
    return without, with_


def main(*arguments: str) -> None:
    """Print the figures."""
    if arguments[:1] and arguments[0] in {"with", "without"}:
        idle(arguments[0], float(arguments[1]))
        return
    pairs, seconds = (2, 8.0) if "--quick" in arguments else (8, 30.0)
    taken = [pair(seconds) for _ in range(pairs)]
    more = [with_ - without for without, with_ in taken]
    whole = [with_ for _, with_ in taken]
    figures: list[dict[str, Any]] = [
        figure("looking at the process, once a second", statistics.median(more), "% of a core",
               bound=BOUND, spread=quartiles(more)),
        figure("the probe's thread of an idle process", statistics.median(whole), "% of a core",
               floor=statistics.median(without for without, _ in taken), spread=quartiles(whole)),
    ]  # fmt: skip
    print(json.dumps({"figures": figures, "pairs": taken}))


if __name__ == "__main__":
    main(*sys.argv[1:])
