"""Rule: checkpoints hold types that nobody allowed: a stricter LangGraph reads them no more.

LangGraph tells its listeners of each such object that it reads; the probe counts them by type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Row

from collector.findings import types_read
from collector.findings.look import Look
from collector.findings.rule import Rule, threshold
from storage.findings import About, Evidence, Finding, Fix, Measure, Subject

ID = "msgpack-allowlist"
SHOWN = 10
ALLOWED, BLOCKED = "msgpack_allowed", "msgpack_blocked"

ABOUT = About(
    id=ID, title="Types that a stricter LangGraph will not load",
    looks_at="Objects of types outside LangGraph's allowlist of msgpack that the newest processes "
    "of each application read, by type. What is only written is not told, nor what RedisSaver's "
    "own serializer reads.",
    thresholds=[
        threshold("objects", 1, "count", 1, 1e9, "Objects of a type that were read."),
    ],
)  # fmt: skip

_CODE = """\
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

serde = JsonPlusSerializer(allowed_msgpack_modules=[
{types}
])
saver = {saver}({given}serde=serde)"""
_STRICT = "LANGGRAPH_STRICT_MSGPACK=true"


def look_at(look: Look) -> Iterable[Finding]:
    """Applications that were seen in the newest day."""
    savers = _savers(look)
    for application, types in types_read.read(look).items():
        for kind in (BLOCKED, ALLOWED):
            found = types.of(kind, look.limits["objects"])
            if found:
                saver = savers.get(application, "Saver")
                yield _finding(look, (application, kind), found, (types.since_us, saver))


def _savers(look: Look) -> Mapping[str, str]:
    """Application → class of the saver that it used last."""
    rows: Iterable[Row[Any]] = look.rows(
        "SELECT t.application, s.class_name FROM threads t JOIN savers s ON s.id = t.saver_id "
        "GROUP BY 1, 2 ORDER BY max(t.last_seen_us)"
    )
    return {row.application: row.class_name for row in rows}


def _finding(
    look: Look, which: tuple[str, str], found: dict[str, int], more: tuple[int, str]
) -> Finding:
    (application, kind), (since_us, saver) = which, more
    first, blocked = next(iter(found)), kind == BLOCKED
    others = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
    what = "was not loaded" if blocked else "will not be loaded by a stricter LangGraph"
    types = "\n".join(
        f"    ({name.rpartition('.')[0]!r}, {name.rpartition('.')[2]!r}),"
        for name in list(found)[:SHOWN]
    )
    return Finding(
        rule=ID, severity="critical" if blocked else "info",
        title=f"{first}{others} {what}: {sum(found.values()):,} objects",
        subject=Subject(application=application, detail="blocked" if blocked else ""),
        since_us=since_us,
        measured=[
            Measure(name=name, value=count, unit="count", limit=look.limits["objects"])
            for name, count in list(found.items())[:SHOWN]
        ],
        why="LangGraph reads objects of its allowlist only, and was set to. What it blocks comes "
        "back as plain data in place of the object, and code that expects one fails."
        if blocked else
        "LangGraph makes these objects from what a checkpoint says, by importing the module and "
        "calling it: whoever can write checkpoints can choose what is called. A future version "
        "reads none that is not allowed: plain data comes back in place of the object.",
        fixes=[
            Fix(words="Allow the types that are yours", language="python",
                code=_CODE.format(types=types, saver=saver,
                                  given="" if saver == "InMemorySaver" else "connection, "),
                loss="A type that is missing in the list is blocked, and comes back as plain "
                "data."),
            Fix(words="See in a test system what would be blocked", code=_STRICT, language="shell")
            if not blocked else
            Fix(words="Or keep plain data (dict, list, str) in the state."),
        ],
        evidence=[Evidence(page="serialization", words="What is serialized, by type")],
    )  # fmt: skip


RULE = Rule(about=ABOUT, whole=look_at)
