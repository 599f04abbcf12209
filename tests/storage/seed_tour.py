"""A store in which the tour was played: both of its applications, as a collector stored them."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import tours
from tests.sqlite_files import opened
from tests.storage import seed, seed_findings
from tests.storage.seed_findings import finding, rule

RUNS = 10
BEFORE_US = [20_000 + 1_000 * n for n in range(RUNS)]
AFTER_US = [5_000 + 1_000 * n for n in range(RUNS)]
"""How long each turn took."""
RSS = [90_000_000, 200_000_000, 150_000_000]
"""Samples of the process of the first half; its last one is smaller."""


def played(
    store: Path, now_us: int, patch: pytest.MonkeyPatch,
    halves: tuple[str, ...] = ("before", "after"),
) -> seed.Seed:  # fmt: skip
    """Write it: ten turns of each half, and a finding of the first one."""
    patch.setattr(seed, "APPLICATIONS", {1: "tour-before", 2: "tour-after"})
    made = seed.Seed(now_us)
    durations = {}
    if "before" in halves:
        key = made.thread("tour-b", saver=2, steps=4 * RUNS, begin_s=500, growth=9_000)
        durations[key] = BEFORE_US
    if "after" in halves:
        begin_s = 280 if "before" in halves else 600
        key = made.thread("tour-a", process=2, steps=4 * RUNS, begin_s=begin_s, growth=10)
        durations[key] = AFTER_US
    made.runs = [
        {"process_id": 1 if each is BEFORE_US else 2, "seq": n,
         "number": n + 1, "thread_key": key, "at_us": now_us - 400_000_000 + n,
         "duration_us": took, "graph": "chat", "run_id": f"r{key}-{n}", "status": "done",
         "error": ""}
        for key, each in durations.items() for n, took in enumerate(each)
    ]  # fmt: skip
    made.write(store, heartbeat_s=-3600)
    with opened(store) as connection:
        connection.executemany(
            "INSERT INTO samples (process_id, at_us, rss_bytes, cpu_percent, threads) "
            "VALUES (1, ?, ?, 1.0, 5)",
            [(now_us - 400_000_000 + n * 1_000_000, value) for n, value in enumerate(RSS)],
        )
    return made


def found(store: Path, now_us: int) -> None:
    """The rules have looked: a channel of the first half, and its process, which has ended since;
    and a finding of another application."""
    grows = finding("grows", application="tour-before", thread="tour-b", channel="messages",
                    severity="critical", title="messages grow")  # fmt: skip
    held = finding("held", application="tour-before", backend="memory", process="1" * 32,
                   title="It holds much")  # fmt: skip
    other = finding("grows", application="support-bot", thread="support-1", title="not mine")
    looks = rule(tours.LOOKS, thread=None, whole=lambda look: [])
    whole = rule("held", thread=None, whole=lambda look: [])
    seed_findings.store(store, [(1, grows), (0, held), (9, other)], at_us=now_us - 1_000_000,
                        rules=[rule(), whole, looks])  # fmt: skip
    seed_findings.store(store, [(1, grows), (9, other)], at_us=now_us, rules=[rule(), whole, looks])


def stored_by_run(made: seed.Seed, key: int) -> list[int]:
    """Bytes that a thread holds after each run, added up by hand."""
    sums: dict[int, int] = {}
    for row in made.operations:
        if row["thread_key"] == key:
            sums[row["run"]] = sums.get(row["run"], 0) + row["stored_delta_bytes"]
    total, curve = 0, []
    for number in sorted(sums):
        total += sums[number]
        curve.append(total)
    return curve
