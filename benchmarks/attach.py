"""``python -m benchmarks.attach``: how fast the history of a SQLite file is read.

A file as SqliteSaver writes it, checkpoints of about 50 KB with messages that grow, is read by the
reader's own parts (walk of each document, pending writes, events encoded as they go to the spool).
The floor is reading the same documents by plain ``sqlite3`` and letting them go. One core; the
rate is by CPU time, which other programs do not slow as much.
"""

from __future__ import annotations

import argparse
import json
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver

from benchmarks.figures import figure, quartiles
from collector.attach import found_events, sqlite
from collector.attach.source import FoundCheckpoint
from collector.inspection import url
from statemeter import events
from statemeter.spool import record

MB = 1_000_000
RATE_BOUND = ">= 100"
RSS_BOUND = "<= 100"
STEPS = 40
MESSAGE = "word " * 450


def fill(path: Path, size_bytes: int) -> None:
    """A file of that size: threads of ``STEPS`` checkpoints."""
    with SqliteSaver.from_conn_string(str(path)) as saver:
        saver.setup()
        saver.conn.execute("PRAGMA synchronous = OFF")
        number = 0
        while path.stat().st_size < size_bytes:
            number += 1
            _thread(saver, f"thread-{number}")


def _thread(saver: SqliteSaver, thread: str) -> None:
    parent, messages = "", []
    for step in range(STEPS):
        messages.append(AIMessage(MESSAGE, id=f"{thread}-{step}"))
        made = empty_checkpoint()
        made["channel_values"] = {"messages": messages, "topic": f"topic {step}"}
        made["channel_versions"] = dict.fromkeys(("messages", "topic"), f"{step + 1:032}.5")
        config: Any = {
            "configurable": {"thread_id": thread, "checkpoint_ns": "", "checkpoint_id": parent}
        }
        saver.put(config, made, {"source": "loop", "step": step, "parents": {}}, {})
        parent = config["configurable"]["checkpoint_id"] = made["id"]
        writes = [("messages", MESSAGE), ("topic", "x")]
        saver.put_writes(config, writes, f"task-{step}", "~__pregel_pull, model")


def read(path: Path) -> int:
    """Read it as the reader does; returns bytes of documents and values."""
    read_bytes = seq = 0
    with sqlite.opened(url.parse(str(path))) as source:
        for batch in source.read(""):
            lines = []
            for found in batch.found:
                if isinstance(found, FoundCheckpoint):
                    told = [found_events.of_checkpoint("a" * 12, found)]
                else:
                    told = found_events.of_writes("a" * 12, found)
                for tag, *fields in told:
                    seq += 1
                    lines.append(record(events.encode((tag, seq, time.time_ns() // 1000, *fields))))
            read_bytes += batch.read_bytes
    return read_bytes


def plain(path: Path) -> int:
    """Read the same documents and nothing else."""
    with closing(sqlite3.connect(path)) as connection:
        return sum(
            len(blob) for (blob,) in connection.execute("SELECT checkpoint FROM checkpoints")
        )


def rates(work: Callable[[Path], int], path: Path, rounds: int) -> list[float]:
    """MB a second of CPU time, of each round."""
    found = []
    for _ in range(rounds):
        begin = time.process_time()
        read_bytes = work(path)
        found.append(read_bytes / MB / (time.process_time() - begin))
    return found


def measure(quick: bool) -> dict[str, Any]:
    """Figures, with the mean size of a checkpoint."""
    with tempfile.TemporaryDirectory(prefix="statemeter-bench-") as folder:
        path = Path(folder) / "chat.sqlite"
        fill(path, (20 if quick else 300) * MB)
        with closing(sqlite3.connect(path)) as connection:
            (mean,) = connection.execute(
                "SELECT avg(length(checkpoint)) FROM checkpoints"
            ).fetchone()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        rounds = 1 if quick else 5
        reading = rates(read, path, rounds)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / MB
        floor = statistics.median(rates(plain, path, rounds))
    rate = statistics.median(reading)
    return {
        "checkpoint_bytes": round(mean),
        "figures": [
            figure(
                f"SQLite history, checkpoints of {mean / 1000:.0f} KB", rate, "MB/s of CPU",
                bound=RATE_BOUND, floor=floor, spread=quartiles(reading),
            ),
            figure("of reading the same by plain sqlite3", rate / floor, "times"),
            figure("memory that it takes", grown, "MB", bound=RSS_BOUND),
        ],
    }  # fmt: skip


def main() -> int:
    """Print the result as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attach", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    print(json.dumps(measure(parser.parse_args().quick)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
