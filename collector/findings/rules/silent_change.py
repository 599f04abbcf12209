"""Rule: objects come back as plain data, and only a log says so.

Where LangGraph cannot make an object again (its class has changed, or its constructor refuses), it
logs the type once and gives the application what was stored in the object's place; the probe hears
that. What changes when it is first written is not seen: sizes do not tell, and a trial of
serializers reads values that were stored already.
"""

from __future__ import annotations

from collections.abc import Iterable

from collector.findings import types_read
from collector.findings.look import Look
from collector.findings.rule import Rule, threshold
from storage.findings import About, Evidence, Finding, Fix, Measure, Subject

ID = "silent-change"
CHANGED = "msgpack_changed"
SHOWN = 10

ABOUT = About(
    id=ID, title="Values change on the way through the serializer",
    looks_at="Types of objects that LangGraph could not make again from what was stored, in the "
    "newest processes of each application, by its log. What changes when it is first written (a "
    "tuple becomes a list) is not seen, nor what RedisSaver's own serializer does.",
    thresholds=[
        threshold("types", 1, "count", 1, 1_000, "Types whose objects came back as plain data."),
    ],
)  # fmt: skip

_CODE = """\
@dataclass
class {name}:
    ...
    added: str = ""  # what was not stored has a default"""


def look_at(look: Look) -> Iterable[Finding]:
    """Applications that were seen in the newest day."""
    for application, types in types_read.read(look).items():
        found = list(types.of(CHANGED))
        if len(found) >= look.limits["types"]:
            yield _finding(look, application, found, types.since_us)


def _finding(look: Look, application: str, types: list[str], since_us: int) -> Finding:
    others = f" and {len(types) - 1:,} more types" if len(types) > 1 else ""
    return Finding(
        rule=ID, severity="critical",
        title=f"Objects of {types[0]}{others} came back as plain data",
        subject=Subject(application=application), since_us=since_us,
        measured=[
            Measure(name="types that could not be made again", value=len(types), unit="count",
                    limit=look.limits["types"]),
            *(Measure(name="type", value=name) for name in types[:SHOWN]),
            Measure(name="objects", value=None, unit="count"),
        ],
        why="LangGraph makes an object from what a checkpoint says by calling its class. That "
        "raised: the class has another constructor than when it was stored, or refuses the value. "
        "The application gets what was stored, a dict mostly, in place of the object. LangGraph "
        "logs each type once, so how many objects it were is not known.",
        fixes=[
            Fix(words="Give fields that were added a default, and keep the names of those that "
                "were stored", code=_CODE.format(name=types[0].rpartition(".")[2]),
                language="python"),
            Fix(words="Or keep plain data in the state, and make the object where it is used.",
                loss="The state has no types of yours."),
        ],
        evidence=[Evidence(page="serialization", words="What is serialized, by type")],
    )  # fmt: skip


RULE = Rule(about=ABOUT, whole=look_at)
