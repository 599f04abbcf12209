"""What a growing ``messages`` costs as context: each call of a model is sent all of it again.

It is an estimate. Usage metadata lie inside the messages, whose content the probe never reads; what
is known are the bytes of the channel after each step that wrote it, and its elements:

    bytes sent  = calls per write × sum over writes of (bytes - elements × bytes beside the text)
    tokens sent = bytes sent / bytes per token
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from storage.cost_terms import CURRENCY
from storage.prices import Price
from storage.queries_workload import Workload


@dataclass(frozen=True)
class Context:
    """Of all threads of the scope; None: unknown."""

    calls_a_month: float | None = None
    tokens_a_month: float | None = None
    tokens_a_call: float | None = None
    usd_a_month: float | None = None
    price: Price | None = None
    """The one that was used, or that waits for a figure."""
    why: str = ""
    """Why something is unknown."""


def of_messages(
    workloads: Sequence[Workload], figures: Mapping[str, float], prices: Sequence[Price]
) -> Context:
    """What the channel ``messages`` of these workloads costs a month."""
    price = next((one for one in prices if one.part == "context"), None)
    writes = sum(one.a_month(one.work.message_writes) or 0.0 for one in workloads)
    if not writes:
        return Context(price=price, why="no step wrote a channel messages in this window")
    size = sum(one.a_month(one.work.message_bytes) or 0.0 for one in workloads)
    elements = sum(one.a_month(one.work.message_elements) or 0.0 for one in workloads)
    calls = figures["calls_per_write"] * writes
    sent = figures["calls_per_write"] * max(size - elements * figures["message_bytes"], 0.0)
    tokens = sent / figures["bytes_per_token"]
    usd, why = None, ""
    if price is None or price.price is None:
        why = "the price of input tokens of your model is not in the price book"
    elif price.currency != CURRENCY:
        why = f"the price of input tokens is in {price.currency}, and totals are in {CURRENCY}"
    else:
        usd = tokens / 1e6 * price.price
    return Context(calls, tokens, tokens / calls if calls else None, usd, price, why)
