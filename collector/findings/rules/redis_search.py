"""Rule: a Redis without the modules or indexes that RedisSaver and RedisStore need."""

from __future__ import annotations

from collections.abc import Iterable

from collector.findings import checks
from collector.findings.look import Look
from collector.findings.rule import Rule
from storage.findings import About, Finding, Fix
from storage.inspections import Check, Inspection

ID = "redis-search"

ABOUT = About(
    id=ID, title="Redis lacks search, JSON or an index",
    looks_at="Modules and search indexes in the newest check of each Redis.",
)  # fmt: skip

_VALKEY = """\
from langgraph_checkpoint_aws import ValkeySaver

with ValkeySaver.from_conn_string(url.replace("redis://", "valkey://")) as saver:
    ..."""


def look_at(look: Look) -> Iterable[Finding]:
    """Checks of modules and indexes that found something missing."""
    for seen in checks.inspected(look, "redis"):
        for check in seen.wrong:
            if check.id == "modules":
                yield _modules(seen, check)
            elif check.id == "index":
                yield _index(seen, check)


def _modules(seen: Inspection, check: Check) -> Finding:
    return checks.finding(
        ID, seen, check, f"{seen.label}: this Redis has no search and JSON commands",
        severity="critical",
        fixes=[
            checks.mending(check, "A Redis that has them", "What the present one holds."),
            Fix(words="A saver that needs neither", code=_VALKEY, language="python",
                loss="list(filter=…) reads all of a thread."),
        ],
    )  # fmt: skip


def _index(seen: Inspection, check: Check) -> Finding:
    missing = check.value == "missing"
    what = "is missing" if missing else "could not take some documents"
    return checks.finding(
        ID, seen, check, f"{seen.label}: the search index {check.subject} {what}",
        severity="critical" if check.status == "critical" else "warning",
        fixes=[checks.mending(check, "Run setup() once; keys that are there are indexed")
               if missing else
               checks.mending(check, "Drop the index, then run setup()",
                              "list() fails until setup() has run.")],
    )  # fmt: skip


RULE = Rule(about=ABOUT, whole=look_at)
