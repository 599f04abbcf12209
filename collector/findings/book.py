"""All rules, in the order of the list of problems in docs/findings.md."""

from __future__ import annotations

from collector.findings.rule import Rule
from collector.findings.rules import echoed_state, large_value, quadratic_channel

RULES: tuple[Rule, ...] = (
    quadratic_channel.RULE,
    large_value.RULE,
    echoed_state.RULE,
)  # fmt: skip
