"""Price quotes: rates from a node cache, tariffs from a function's cache, prices from a subgraph
with its own namespace.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Any, TypedDict

from langgraph.cache.memory import InMemoryCache
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import CachePolicy

import statemeter
from examples.demo import corpus
from examples.demo.visit import Visit

RATE_SECONDS = 60

TARIFFS_KEPT = 16
"""Of one for each product and currency, so that some are looked up again."""


class Quote(TypedDict):
    """The state of a quote."""

    customer: str
    currency: str
    lines: list[dict[str, Any]]
    rate: float
    total: float
    letter: str


class RateRequest(TypedDict):
    """The part of the state that the rate depends on, and so the key of its cache."""

    currency: str


def exchange_rate(request: RateRequest) -> dict[str, Any]:
    """The rate of the day: the same for every customer, so it is cached."""
    return {"rate": round(Random(request["currency"]).uniform(0.7, 1.4), 4)}


@lru_cache(maxsize=TARIFFS_KEPT)
def tariff(product: str, currency: str) -> float:
    """Customs and carriage as a share of the price."""
    return round(Random(f"{product}/{currency}").uniform(0.01, 0.2), 4)


def price_lines(state: Quote, runtime: Runtime[Visit]) -> dict[str, Any]:
    """The price of each line."""
    runtime.context.think()
    priced = []
    for line in state["lines"]:
        share = 1 + tariff(line["name"], state["currency"])
        price = line["quantity"] * line["list_price"] * state["rate"] * share
        # To the cent: RedisJSON alters numbers of 17 digits.
        priced.append(line | {"price": round(price, 2)})
    return {"lines": priced}


def discount(state: Quote) -> dict[str, Any]:
    """Five percent off large orders."""
    total = sum(line["price"] for line in state["lines"])
    return {"total": round(total * (0.95 if total > 5_000 else 1.0), 2)}


def letter(state: Quote, runtime: Runtime[Visit]) -> dict[str, Any]:
    """What the customer is sent."""
    runtime.context.think()
    text = corpus.answer(runtime.context.rng, 3)
    return {"letter": f"{state['total']} {state['currency']}. {text}"}


def build(saver: Any) -> Any:
    """The graph, compiled with ``saver``; its subgraph inherits it."""
    statemeter.watch_cache("tariffs", tariff)
    pricing = StateGraph(Quote, context_schema=Visit)
    pricing.add_node(price_lines)
    pricing.add_node(discount)
    pricing.add_edge(START, "price_lines")
    pricing.add_edge("price_lines", "discount")
    pricing.add_edge("discount", END)

    builder = StateGraph(Quote, context_schema=Visit)
    builder.add_node(
        "exchange_rate",
        exchange_rate,
        input_schema=RateRequest,
        cache_policy=CachePolicy(ttl=RATE_SECONDS),
    )
    builder.add_node("pricing", pricing.compile(name="pricing"))
    builder.add_node("letter", letter)
    builder.add_edge(START, "exchange_rate")
    builder.add_edge("exchange_rate", "pricing")
    builder.add_edge("pricing", "letter")
    builder.add_edge("letter", END)
    return builder.compile(checkpointer=saver, cache=InMemoryCache(), name="quotes")


def turn(graph: Any, visit: Visit) -> None:
    """A customer asks for a quote, or for a changed one."""
    inputs = {
        "customer": visit.rng.choice(corpus.CUSTOMERS),
        "currency": visit.rng.choice(corpus.CURRENCIES),
        "lines": [corpus.order_line(visit.rng) for _ in range(visit.rng.randint(2, 30))],
    }
    graph.invoke(inputs, visit.config, context=visit)
