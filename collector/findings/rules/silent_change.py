"""Rule: values come back otherwise than they were stored. Nothing here tells it yet."""

from __future__ import annotations

from collections.abc import Iterable

from collector.findings.look import Look
from collector.findings.rule import CannotLook, Rule
from storage.findings import About, Finding

ABOUT = About(
    id="silent-change", title="Values change on the way through the serializer",
    looks_at="Nothing yet: sizes do not tell whether a value came back as it was. The what-if of "
    "the page Serialization does, for a thread that you choose.",
)  # fmt: skip


def look_at(look: Look) -> Iterable[Finding]:
    """Raises CannotLook."""
    raise CannotLook(
        "Values never leave the application, and sizes do not tell whether one came back as it "
        "was. Open a thread on the page Serialization and try serializers: its column fidelity "
        "says what each of them changes."
    )


RULE = Rule(about=ABOUT, whole=look_at)
