"""Alert rules that come with Statemeter, off until somebody switches them on."""

from __future__ import annotations

from storage.alerts import Rule

READY: tuple[Rule, ...] = (
    # A checkpoint of that size takes a second to read on a slow link, and each step reads it.
    Rule(id="large-state", title="State of a thread is large", metric="live_bytes",
         threshold=10e6, each="thread"),
    Rule(id="fast-growth", title="A thread grows fast", metric="growth_bytes_per_hour",
         threshold=100e6, each="thread", over_s=3600),
    # Half a second a step is what people notice of a chat.
    Rule(id="slow-puts", title="Checkpoints are slow to write", metric="latency_p95_us",
         threshold=500_000, for_s=300, each="backend"),
    Rule(id="heavy-serialization", title="Serialization takes most of a write",
         metric="serialization_share", threshold=0.8, for_s=600, each="application",
         severity="info"),
    Rule(id="failed-calls", title="Calls of a saver fail", metric="errors", threshold=0,
         each="backend", severity="critical"),
    Rule(id="cold-cache", title="A node cache hardly hits", metric="cache_hit_rate",
         threshold=0.2, above=False, for_s=600, over_s=900, each="resource", severity="info"),
    Rule(id="large-process", title="A process takes much memory", metric="rss_bytes",
         threshold=2e9, for_s=60, each="process"),
    Rule(id="pool-waits", title="Requests wait for a connection", metric="pool_wait_us",
         threshold=100_000, for_s=60, each="resource"),
    Rule(id="cost-over-budget", title="Next month costs more than the budget",
         metric="cost_forecast_usd", threshold=100, for_s=600),
    Rule(id="collector-behind", title="The collector is behind",
         metric="collector_lag_seconds", threshold=30, for_s=60),
    Rule(id="events-lost", title="Events were lost", metric="dropped_events", threshold=0,
         over_s=600),
    Rule(id="critical-finding", title="A critical finding is open", metric="finding",
         threshold=2, each="finding", severity="critical"),
)  # fmt: skip
"""Their ids are kept in stores: never reuse one for something else."""
