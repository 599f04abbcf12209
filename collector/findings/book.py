"""All rules, in the order of the list of problems in docs/findings.md."""

from __future__ import annotations

from collector.findings.rule import Rule
from collector.findings.rules import (
    bookkeeping_bloat,
    config_in_metadata,
    delta_channel_misuse,
    durability_cost,
    echoed_state,
    in_memory_leak,
    large_value,
    late_failure,
    migrations,
    missing_index,
    mongo_16mb,
    namespace_bloat,
    never_pruned,
    one_lock_saver,
    orphans,
    pool_exhausted,
    pooler_prepare,
    quadratic_channel,
    redis_lost_writes,
    redis_no_ttl,
    redis_search,
    sqlite_locked,
)

RULES: tuple[Rule, ...] = (
    quadratic_channel.RULE,
    large_value.RULE,
    echoed_state.RULE,
    orphans.RULE,
    namespace_bloat.RULE,
    redis_lost_writes.RULE,
    never_pruned.RULE,
    bookkeeping_bloat.RULE,
    config_in_metadata.RULE,
    in_memory_leak.RULE,
    one_lock_saver.RULE,
    pool_exhausted.RULE,
    pooler_prepare.RULE,
    sqlite_locked.RULE,
    late_failure.RULE,
    missing_index.RULE,
    migrations.RULE,
    redis_no_ttl.RULE,
    redis_search.RULE,
    mongo_16mb.RULE,
    durability_cost.RULE,
    delta_channel_misuse.RULE,
)  # fmt: skip
