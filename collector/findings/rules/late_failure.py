"""Rule: a checkpoint could not be stored, and the run went on as if it were.

With durability ``async``, the default, a put runs beside the steps, and its error is raised when
the run ends: by then nodes have run, with their effects, whose states are lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from collector.findings.facts import ThreadFacts
from collector.findings.look import Look
from collector.findings.rule import Rule, threshold
from storage.findings import About, Cost, Finding, Fix, Measure

ID = "late-failure"

ABOUT = About(
    id=ID, title="A run goes on after its checkpoint has failed",
    looks_at="Calls of put and put_writes that raised, and super-steps of the same run that began "
    "after they had, among the newest calls and nodes of a thread.",
    thresholds=[
        threshold("steps", 1, "count", 1, 1_000,
                  "Super-steps that began after the failure: with sync there is none."),
    ],
)  # fmt: skip


def look_at(look: Look, thread: ThreadFacts) -> Iterable[Finding]:
    """The newest run of the thread that did so."""
    seen: set[tuple[int, int]] = set()
    late = []
    for call in thread.calls:
        failed = call.error and call.operation in {"put", "put_writes"} and call.run > 0
        if failed and (call.process_id, call.run) not in seen:
            seen.add((call.process_id, call.run))
            steps, nodes = _after(thread, call)
            if len(steps) >= look.limits["steps"]:
                late.append((call, steps, nodes))
    if late:
        yield _finding(look, thread, late)


def _after(thread: ThreadFacts, call: Any) -> tuple[set[int], set[str]]:
    """Super-steps of the run that began after a call had failed, and nodes that ran in them."""
    end = call.at_us + max(call.duration_us, 0)
    of_run = [node for node in thread.nodes if node.step >= 0 and not node.ns
              and (node.process_id, node.run) == (call.process_id, call.run)]  # fmt: skip
    begun = max((node.step for node in of_run if node.at_us < end), default=None)
    if begun is None:
        return set(), set()
    later = [node for node in of_run if node.step > begun]
    return {node.step for node in later}, {node.node for node in later}


def _finding(
    look: Look, thread: ThreadFacts, late: list[tuple[Any, set[int], set[str]]]
) -> Finding:
    call, steps, nodes = late[-1]
    ended = [run for run in thread.runs
             if (run.process_id, run.number) == (call.process_id, call.run)]  # fmt: skip
    gap = ended[0].at_us + ended[0].duration_us - call.at_us if ended else None
    lost = [row for row in thread.calls if row.error and row.operation == "put"
            and (row.process_id, row.run) == (call.process_id, call.run)]  # fmt: skip
    return Finding(
        rule=ID, severity="critical",
        title=f"{len(steps):,} super-steps ran after {call.operation} had failed with {call.error}",
        subject=thread.subject(), since_us=int(late[0][0].at_us),
        measured=[
            Measure(name="super-steps after it", value=len(steps), unit="count",
                    limit=look.limits["steps"]),
            Measure(name="nodes that ran in them", value=", ".join(sorted(nodes))),
            Measure(name="error", value=str(call.error)),
            Measure(name="until the run ended", value=gap, unit="us"),
            Measure(name="checkpoints that failed", value=len(lost), unit="count"),
            Measure(name="runs that did so", value=len(late), unit="count"),
        ],
        why="Puts run beside the steps, and their errors are raised at the end of the run. Until "
        "then nodes call models and tools, and what they made is lost: the thread stands where "
        "its last good checkpoint was.",
        fixes=[
            Fix(words="Wait for each put: the error then comes at once",
                code='graph.invoke(inputs, config, durability="sync")'
                "  # stream, ainvoke, astream as well", language="python",
                loss="Each step waits for its put."),
            Fix(words="Mend what failed: keep in the state what the serializer can store, and see "
                "to the database"),
        ],
        evidence=[thread.evidence("Calls that failed, and runs"),
                  thread.evidence("The last good checkpoint", "history")],
        cost=Cost(ms=None if gap is None else gap / 1_000, what="a run that fails"),
    )  # fmt: skip


RULE = Rule(about=ABOUT, thread=look_at)
