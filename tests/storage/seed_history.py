"""A made-up thread with all that its history can show: a fork, an interrupt, a subgraph."""

from __future__ import annotations

import json

from tests.storage import seed
from tests.storage.seed import operation

THREAD = "order-7"


def forked(now_us: int, begin_s: int = 400) -> seed.Seed:
    """A thread of 12 steps with a fork after the sixth, an interrupt, and a subgraph."""
    made = seed.Seed(now_us)
    key = made.thread(THREAD, steps=12, begin_s=begin_s, growth=1_000)
    at = now_us - (begin_s - 32) * seed.SECOND  # between the steps, before the last ones
    common = {"thread_key": key, "process_id": 1, "run": 9}
    for number, (parent, source) in enumerate(
        ((f"{THREAD}-000005", "update"), (f"{THREAD}-fork-0", "loop"))
    ):
        made.operations.append(
            operation(
                **common, at_us=at + number * seed.SECOND, checkpoint=f"{THREAD}-fork-{number}",
                parent=parent, step=5 + number, source=source, payload_bytes=900, live_bytes=900,
                channels=json.dumps({"messages": 500, "verdict": 40}), changed='["verdict"]',
            )
        )  # fmt: skip
    made.operations.append(
        operation(
            **common, operation="put_writes", at_us=at + 500_000, checkpoint=f"{THREAD}-fork-0",
            task="t1", node="approve", channels='[["verdict", 40], ["__interrupt__", 90]]',
            payload_bytes=130, stored_delta_bytes=130,
        )
    )  # fmt: skip
    for number in range(2):
        made.operations.append(
            operation(
                **common, at_us=at + (2 + number) * seed.SECOND, ns="research:t1",
                checkpoint=f"{THREAD}-inner-{number}", step=number - 1, payload_bytes=300,
                parent=f"{THREAD}-inner-0" if number else "", source="loop" if number else "input",
                live_bytes=300, channels='{"notes": 100}',
                detail=json.dumps({"root": f"{THREAD}-fork-0"}),
            )
        )  # fmt: skip
    return made
