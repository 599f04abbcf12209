"""All rules, in the order of the list of problems in docs/findings.md."""

from __future__ import annotations

from collector.findings.rule import Rule
from collector.findings.rules import (
    bookkeeping_bloat,
    cache_key_unstable,
    cache_unbounded,
    config_in_metadata,
    delta_channel_misuse,
    durability_cost,
    echoed_state,
    in_memory_leak,
    large_value,
    late_failure,
    namespace_bloat,
    never_pruned,
    orphans,
    process_leak,
    put_backlog,
    quadratic_channel,
    remote_latency,
    slow_history,
    slow_serialization,
    store_embedding,
    store_growth,
)

RULES: tuple[Rule, ...] = (
    quadratic_channel.RULE,
    large_value.RULE,
    echoed_state.RULE,
    orphans.RULE,
    namespace_bloat.RULE,
    never_pruned.RULE,
    bookkeeping_bloat.RULE,
    config_in_metadata.RULE,
    in_memory_leak.RULE,
    slow_serialization.RULE,
    late_failure.RULE,
    put_backlog.RULE,
    slow_history.RULE,
    durability_cost.RULE,
    cache_key_unstable.RULE,
    cache_unbounded.RULE,
    store_growth.RULE,
    store_embedding.RULE,
    process_leak.RULE,
    delta_channel_misuse.RULE,
    remote_latency.RULE,
)  # fmt: skip
