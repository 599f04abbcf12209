"""Rule: a checkpoint in MongoDB nears the 16 MB that one document may have.

MongoDBSaver writes a checkpoint with all its channels as one document, and each pending write as
another. The server refuses a larger one: from then on every step of the thread fails.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from collector.findings import checks
from collector.findings.facts import ThreadFacts
from collector.findings.look import Look
from collector.findings.predictions import fix
from collector.findings.rule import Rule, threshold
from storage.findings import About, Finding, Fix, Measure
from storage.inspections import Check, Inspection

ID = "mongo-16mb"
MAX_BYTES = 16 * 1024 * 1024
"""``maxBsonObjectSize`` of every server since 1.7.4."""
REFUSED = frozenset({"DocumentTooLarge", "WriteError", "BulkWriteError"})
FIXES = 3
STEPS = 20
"""Growth is that of so many newest checkpoints."""

ABOUT = About(
    id=ID, title="A checkpoint nears the largest document of MongoDB",
    looks_at="Bytes of each checkpoint and each pending write of a thread in MongoDB; the largest "
    "document of each collection, and documents that never expire, in the newest check.",
    thresholds=[
        threshold("warn", 8e6, "bytes", 1e3, MAX_BYTES,
                  "Half of what a document may have."),
        threshold("critical", 14e6, "bytes", 1e3, MAX_BYTES,
                  "A large message more, and the server refuses it."),
    ],
)  # fmt: skip

_KEEP = """\
from langgraph.store.base import BaseStore


def node(state, *, store: BaseStore):
    store.put(("documents", state["thread"]), key, {"text": text})
    return {"documents": [key]}  # the key alone is in each checkpoint"""


def look_at(look: Look, thread: ThreadFacts) -> Iterable[Finding]:
    """The newest checkpoint of a thread, and its largest pending write."""
    puts = thread.puts
    failed = [one for one in thread.calls if one.error in REFUSED and one.operation == "put"]
    newest = puts[-1] if puts else None
    size = 0
    if newest is not None and newest.live_bytes is not None:
        size = newest.live_bytes + (newest.metadata_bytes or 0)
    last = failed[-1] if failed else None
    refused = last is not None and (newest is None or last.at_us > newest.at_us)
    too_large = refused and last is not None and (
        last.error == "DocumentTooLarge" or size >= look.limits["warn"]
    )  # fmt: skip
    write = _largest_write(thread)
    if size >= look.limits["warn"] or too_large:
        yield _finding(look, thread, size, too_large)
    if write >= look.limits["warn"]:
        yield _write(look, thread, write)


def _largest_write(thread: ThreadFacts) -> int:
    writes = (json.loads(one.channels) for one in thread.calls if one.operation == "put_writes")
    return max((size for call in writes for _, size in call), default=0)


def _finding(look: Look, thread: ThreadFacts, size: int, refused: bool) -> Finding:
    puts = [one for one in thread.puts[-STEPS:] if one.live_bytes is not None]
    a_step = None
    if len(puts) > 1:
        a_step = (puts[-1].live_bytes - puts[0].live_bytes) / (len(puts) - 1)
    left = (MAX_BYTES - size) / a_step if a_step and a_step > 0 else None
    largest = thread.channels[0] if thread.channels else None
    channels = json.loads(puts[-1].channels) if puts else {}
    known = {name: held for name, held in channels.items() if isinstance(held, int)}
    name = max(known, key=lambda one: known[one]) if known else largest.name if largest else ""
    critical = refused or size >= look.limits["critical"]
    title = f"A checkpoint has {size / 1e6:,.1f} of the {MAX_BYTES / 1e6:.1f} MB of a document"
    if refused:
        title = f"MongoDB refuses checkpoints: more than {MAX_BYTES / 1e6:.1f} MB in a document"
    ways = [one for one in look.designs(thread) if one.design.channel == name]
    return Finding(
        rule=ID, severity="critical" if critical else "warning", title=title,
        subject=thread.subject(channel=name),
        measured=[
            Measure(name="newest checkpoint with its metadata", value=size, unit="bytes",
                    limit=look.limits["critical" if critical else "warn"]),
            Measure(name="largest document", value=MAX_BYTES, unit="bytes"),
            Measure(name=f"of it {name}", value=known.get(name), unit="bytes"),
            Measure(name="grows a checkpoint by", value=a_step, unit="bytes"),
            Measure(name="checkpoints until it is full", value=left, unit="count"),
        ],
        since_us=thread.puts[-1].at_us if thread.puts else look.at_us,
        why="MongoDBSaver keeps a checkpoint with all its channels in one document. The server "
        "refuses a larger one, and every further step of the thread fails.",
        fixes=[
            *(fix(one) for one in ways[:FIXES]),
            Fix(words=f"Keep what {name or 'the state'} holds in a store, and its key in the state",
                code=_KEEP, language="python", loss="One read of the store where it is used."),
        ],
        evidence=[thread.evidence("Bytes by channel over the steps")],
    )  # fmt: skip


def _write(look: Look, thread: ThreadFacts, size: int) -> Finding:
    critical = size >= look.limits["critical"]
    return Finding(
        rule=ID, severity="critical" if critical else "warning",
        title=f"A pending write has {size / 1e6:,.1f} of the {MAX_BYTES / 1e6:.1f} MB of a "
        "document",
        subject=thread.subject(detail="pending write"),
        measured=[Measure(name="largest pending write", value=size, unit="bytes",
                          limit=look.limits["critical" if critical else "warn"])],
        since_us=thread.calls[-1].at_us,
        why="What a node returns for a channel is one document until the step ends.",
        fixes=[Fix(words="Return a key, and keep the content in a store", code=_KEEP,
                   language="python", loss="One read of the store where it is used.")],
        evidence=[thread.evidence("Writes of each step")],
    )  # fmt: skip


def look_at_databases(look: Look) -> Iterable[Finding]:
    """What checks of MongoDB saw: nothing where there was none, since threads are looked at."""
    known = {row.key for row in look.rows("SELECT key FROM savers WHERE class_name <> ''")}
    for seen in look.inspections:
        if seen.backend != "mongodb" or seen.problem:
            continue
        for check in seen.checks:
            if check.id == "document.largest" and seen.storage not in known:
                yield from _largest(look, seen, check)
            elif check.id in ("ttl", "ttl.never") and check.status == "warning":
                yield _never(seen, check)


def _largest(look: Look, seen: Inspection, check: Check) -> Iterator[Finding]:
    size = check.value if isinstance(check.value, int | float) else 0
    if size < look.limits["warn"]:
        return
    critical = size >= look.limits["critical"]
    yield checks.finding(
        ID, seen, check,
        f"{seen.label}: a document of {check.subject} has {size / 1e6:,.1f} of "
        f"{MAX_BYTES / 1e6:.1f} MB",
        severity="critical" if critical else "warning",
        measured=[checks.measure(check, limit=look.limits["critical" if critical else "warn"])],
        fixes=[
            Fix(words="Keep documents and files in a store, and their keys in the state",
                code=_KEEP, language="python", loss="One read of the store where they are used."),
            *([checks.mending(check, "Delete the thread", "Its whole history.")]
              if check.mend else []),
        ],
    )  # fmt: skip


def _never(seen: Inspection, check: Check) -> Finding:
    number = check.value if isinstance(check.value, int | float) else None
    title = f"{number:,.0f} documents" if number is not None else "documents"
    return checks.finding(
        ID, seen, check, f"{seen.label}: {title} of {check.subject} never expire",
        fixes=[
            Fix(words="Let new documents expire after 30 days",
                code="saver = MongoDBSaver(client, ttl=30 * 24 * 3600)  # seconds",
                language="python", loss="Threads that are not used for so long are gone."),
            checks.mending(check, "Date the documents that are there",
                           "They expire that long from now on."),
        ],
    )  # fmt: skip


RULE = Rule(about=ABOUT, thread=look_at, whole=look_at_databases, backends=frozenset({"mongodb"}))
