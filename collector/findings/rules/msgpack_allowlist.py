"""Rule: types outside LangGraph's allowlist of msgpack. The probe does not count them yet."""

from __future__ import annotations

from collections.abc import Iterable

from collector.findings.look import Look
from collector.findings.rule import CannotLook, Rule
from storage.findings import About, Finding

ABOUT = About(
    id="msgpack-allowlist", title="Types that a stricter LangGraph will not load",
    looks_at="Nothing yet: the probe does not count the objects that LangGraph warns of.",
)  # fmt: skip


def look_at(look: Look) -> Iterable[Finding]:
    """Raises CannotLook."""
    raise CannotLook(
        "The probe does not count types outside the allowlist. LangGraph's own log names them; "
        "LANGGRAPH_STRICT_MSGPACK=true in a test system shows what would not be loaded."
    )


RULE = Rule(about=ABOUT, whole=look_at)
