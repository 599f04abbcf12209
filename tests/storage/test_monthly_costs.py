"""The model of costs against figures that were worked out by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from storage.monthly_costs import MonthlyCost, Terms, Usage, monthly_costs
from storage.price_files import shipped
from storage.prices import Price, parse

CALLS = {"put": 1e6, "put_writes": 5e5, "get_tuple": 1e5}
PAYLOAD = {"put": 4e9, "put_writes": 1e9, "get_tuple": 8.192e9}


def usage(backend: str, **changed: Any) -> Usage:
    told: dict[str, Any] = {
        "backend": backend, "stored_bytes": 10e9, "live_bytes": 5e8, "overhead": 2.0,
        "calls": CALLS, "payload_bytes": PAYLOAD,
    }  # fmt: skip
    return Usage(**told | changed)


def cost(told: Usage, service: str = "", **terms: Any) -> MonthlyCost:
    chosen = {told.backend: service} if service else {}
    return monthly_costs(told, shipped(), Terms(services=chosen, **terms))


def parts(found: MonthlyCost) -> dict[str, float | None]:
    return {part.name: part.usd for part in found.parts}


def test_rds() -> None:
    """20 GB on disk, the smallest instance whose memory holds the newest checkpoints, one backup
    that is free; 1.6 million calls a month are far below the IOPS that come with it."""
    found = cost(usage("postgres"))
    assert found.service == "Amazon RDS PostgreSQL"
    assert parts(found) == pytest.approx(
        {"storage": 20 * 0.115, "operations": 0, "memory": 0, "backups": 0, "instance": 0.016 * 730}
    )
    assert found.usd == pytest.approx(2.30 + 11.68)


def test_rds_with_more() -> None:
    """3 replicas, 4 backups of which one is free, 3 GB of newest checkpoints, 4,000 calls/s."""
    told = usage("postgres", live_bytes=1.5e9, calls={"put": 4_000 * 730 * 3600})
    found = cost(told, replicas=3, backup_copies=4)
    assert parts(found) == pytest.approx({
        "storage": 20 * 0.115 * 3, "operations": 1_000 * 0.02, "memory": 0,
        "backups": 3 * 20 * 0.095, "instance": 0.065 * 730 * 3,
    })  # fmt: skip


def test_aurora() -> None:
    """0.93 GiB wanted in memory is half an ACU; writes in pages of 4 KB, reads of 8 KB, and half a
    page more a call."""
    found = cost(usage("postgres"), "Amazon Aurora Serverless v2")
    requests = 5e9 / 4096 + 8.192e9 / 8192 + 1.6e6 / 2
    assert parts(found) == pytest.approx({
        "storage": 20 * 0.10, "operations": requests / 1e6 * 0.20, "memory": 0,
        "backups": 20 * 0.023, "instance": 0.5 * 0.12 * 730,
    })  # fmt: skip


def test_elasticache() -> None:
    """Stored data by the hour; a unit for each command and each KB."""
    found = cost(usage("redis"))
    units = (1e6 * 6 + 5e5 * 12 + 1e5 * 5 + 13.192e6) / 1e6
    assert parts(found) == pytest.approx({
        "storage": 0, "operations": units * 0.0034, "memory": 20 * 0.125 * 730,
        "backups": 20 * 0.023, "instance": 0,
    })  # fmt: skip


def test_the_least_that_is_charged_for() -> None:
    """A small data set costs as much as 1 GB in one service and 0.1 GB in the other."""
    assert parts(cost(usage("redis", stored_bytes=1e6)))["memory"] == pytest.approx(0.125 * 730)
    assert parts(cost(usage("valkey", stored_bytes=1e6)))["memory"] == pytest.approx(0.0084 * 730)


def test_upstash() -> None:
    """Commands by the 100,000; the first GB of storage is free."""
    found = parts(cost(usage("redis"), "Upstash Redis"))
    assert found["operations"] == pytest.approx(12.5e6 / 1e5 * 0.20)
    assert found["storage"] == pytest.approx(19 * 0.25)
    small = parts(cost(usage("redis", stored_bytes=1e6), "Upstash Redis"))
    assert small["storage"] == 0


def test_atlas_flex_takes_so_much_and_no_more() -> None:
    """Within 5 GB and 100 operations a second it is 8 USD; beyond, the next service is taken, whose
    storage has no price in the book: a lower bound."""
    small = cost(usage("mongodb", stored_bytes=2e9))
    assert (small.service, small.usd) == ("MongoDB Atlas Flex", pytest.approx(8 + 4 * 0.023))
    large = cost(usage("mongodb"), "MongoDB Atlas Flex")
    assert large.usd is None
    assert any("20.0 GB exceed 5 GB" in reason for reason in large.reasons)
    busy = cost(usage("mongodb", stored_bytes=1e6, calls={"put": 101 * 730 * 3600}),
                "MongoDB Atlas Flex")  # fmt: skip
    assert any("101 operations a second exceed 100" in reason for reason in busy.reasons)
    dedicated = cost(usage("mongodb"), "MongoDB Atlas Dedicated")
    assert dedicated.usd is None
    assert dedicated.least_usd == pytest.approx(0.08 * 730 + 20 * 0.023)


def test_sqlite() -> None:
    """A disk and copies of the file; the machine is the application's own."""
    assert cost(usage("sqlite")).usd == pytest.approx(20 * 0.08 + 20 * 0.023)
    assert cost(usage("sqlite"), backup_copies=0).usd == pytest.approx(20 * 0.08)


def test_a_price_without_a_figure_is_unknown() -> None:
    """The memory of one's own machine: no total, and nothing in its place."""
    found = cost(usage("memory"), "Memory of your own machine")
    assert (found.usd, found.least_usd) == (None, None)
    assert found.reasons == (
        "memory: the price of memory of the process (Memory of your own machine) is not known",
    )
    entered = [
        dataclasses.replace(price, price=0.01) if price.backend == "memory" else price
        for price in shipped()
    ]
    assert monthly_costs(usage("memory"), entered).usd == pytest.approx(20 * 0.01 * 730)
    # Until it is entered, memory is priced as that of a container.
    assert cost(usage("memory")).usd == pytest.approx(20 * 0.004445 * 730)


def test_unknown_amounts_are_unknown() -> None:
    """Bytes, calls, or a backend that the book does not have."""
    bytes_unknown = cost(usage("postgres", stored_bytes=None))
    assert {part.name for part in bytes_unknown.parts if part.usd is None} == {
        "storage", "backups",
    }  # fmt: skip
    assert cost(usage("redis", calls=None)).usd is None
    assert cost(usage("redis", calls=None)).least_usd == pytest.approx(20 * 0.125 * 730 + 0.46)
    assert cost(usage("other")).usd is None
    assert monthly_costs(usage("postgres"), []).reasons


def test_another_currency_is_not_added() -> None:
    """EUR are no USD: the part is unknown until it is entered in USD."""
    book = [
        dataclasses.replace(price, currency="EUR") if price.item == "gp3 storage" else price
        for price in shipped()
    ]
    found = monthly_costs(usage("postgres"), book, Terms(services={
        "postgres": "Amazon RDS PostgreSQL"}))  # fmt: skip
    assert found.usd is None
    assert "in EUR, and totals are in USD" in found.reasons[0]


def test_a_minimum_is_a_floor() -> None:
    """What is known of Redis Cloud is its minimum: at least that."""
    found = cost(usage("redis"), "Redis Cloud Pro")
    assert (found.usd, found.least_usd) == (None, 200)


def test_what_is_chosen_is_used() -> None:
    """An instance, even where it is too small, which is said; one of another service is not."""
    terms = Terms(instances={"postgres": "db.t4g.micro (1 GiB)"})
    found = monthly_costs(usage("postgres", live_bytes=9e9), shipped(), terms)
    (machine,) = [part for part in found.parts if part.name == "instance"]
    assert machine.usd == pytest.approx(0.016 * 730)
    assert "exceed 1 GiB" in machine.how
    other = Terms(instances={"postgres": "something"})
    assert monthly_costs(usage("postgres"), shipped(), other).usd is not None


def test_the_first_service_with_all_prices_is_taken() -> None:
    """One without a price for operations is passed over, in the order of the book."""
    row = {
        "backend": "redis", "currency": "USD", "region": "x", "as_of": "2026", "source": "s",
        "confidence": "low",
    }  # fmt: skip
    book: list[Price] = [
        parse(row | {"service": "A", "item": "storage", "price": 1, "unit": "GB-month"}),
        parse(row | {"service": "B", "item": "storage", "price": 2, "unit": "GB-month"}),
        parse(row | {"service": "B", "item": "calls", "price": 0, "unit": "100k commands"}),
    ]
    found = monthly_costs(usage("redis"), book, Terms(backup_copies=0))
    assert (found.service, found.usd) == ("B", 40)


def test_figures_stand_in_the_formula() -> None:
    (storage, *_) = cost(usage("postgres")).parts
    assert storage.how == "10.000 GB × 2.00 overhead × $0.115 per GB-month"
