"""The Costs page: its figures, what is unknown, and what a visitor edits."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from collector import orders as carried
from pages.ui import formats
from storage import orders, queries_prices
from storage.costs import Costs, costs
from storage.price_files import shipped
from storage.store import open_writer
from tests.pages.conftest import Visit, charts, metrics, texts
from tests.pages.test_backends import five, table
from tests.sqlite_files import reader_of
from tests.storage import seed, seed_costs

__all__ = ["five"]

FIRST = shipped()[0]


def model(store: Path) -> Costs:
    with reader_of(store) as engine:
        return costs(engine, 900)


def book(store: Path) -> queries_prices.Book:
    with reader_of(store) as engine:
        return queries_prices.book(engine)


def spool(store: Path) -> Path:
    return store.parent / "spool"


def field(shown: AppTest, name: str) -> Any:
    """The field of the form of prices, or of settings."""
    return next(
        one for one in (*shown.text_input, *shown.selectbox) if str(one.key).startswith(name)
    )


def saved(shown: AppTest, store: Path) -> AppTest:
    """After a collector has taken what waits."""
    engine = open_writer(str(store))
    carried.take(spool(store), engine.begin)
    engine.dispose()
    return shown.run()


def test_cards_and_tables(visit: Visit, five: seed.Seed, store: Path) -> None:
    """What the model says of the store; a lower bound while a price is unknown."""
    seed_costs.choose_own_memory(store)
    shown = visit("costs", window="15m")
    found = model(store)
    usd, whole = found.total
    assert not whole
    # Calls a month are at the rate up to now, which goes on between the two readings.
    assert metrics(shown)["Cost a month"].startswith(f"≥ ${usd:,.0f}")
    assert metrics(shown)["A month, in 12 months"] == "–"
    rows = table(shown, "Costs of each backend").set_index("backend")
    assert rows.loc["SQLite", "stored_bytes"] == pytest.approx(found.usages["sqlite"].stored_bytes)
    assert rows["total"].isna()["In memory"]
    assert "is not known" in rows.loc["In memory", "unknown"]
    assert rows.loc["Valkey", "total"].startswith("$6.")
    assert rows.loc["Redis", "overhead_from"] == "assumed"
    used = table(shown, "Costs of the backends in use")
    assert len(used) == 5
    assert len(table(shown, "Costs of applications")) == len(found.measured.workloads)


def test_bars_are_the_parts(visit: Visit, five: seed.Seed, store: Path) -> None:
    """A bar for each backend; above one that is not known it says so."""
    seed_costs.choose_own_memory(store)
    figure = charts(visit("costs", window="15m"))["Monthly cost of each backend by part"]
    bars = {trace.name: trace for trace in figure.data if trace.type == "bar"}
    (totals,) = [trace for trace in figure.data if trace.type == "scatter"]
    assert list(totals.x) == ["SQLite", "PostgreSQL", "Redis", "MongoDB", "In memory", "Valkey"]
    assert totals.text[4] == "unknown"
    at = list(bars["memory"].x).index("Redis")
    assert np.asarray(bars["memory"].y)[at] == pytest.approx(0.125 * 730)
    assert bars["memory"].customdata[list(bars["memory"].x).index("In memory")] == "–"


def test_the_forecast_and_its_range(visit: Visit, five: seed.Seed, store: Path) -> None:
    """With days of history: a line for the year within its band, and what growth was fitted."""
    for backend in ("sqlite", "memory", "postgres", "redis", "mongodb"):
        seed_costs.add_history(store, five.now_us, 72, lambda hour: 10**8 + hour % 7, backend)
    seed_costs.choose_own_memory(store)
    shown = visit("costs", window="15m")
    figure = charts(shown)["Monthly cost in the coming months"]
    low, high, usd = (np.asarray(trace.y) for trace in figure.data)
    assert len(usd) == 13
    assert (low <= usd).all()
    assert (usd <= high).all()
    assert metrics(shown)["A month, in 12 months"].startswith("≥ $")
    assert "growth: linear" in texts(shown)


def test_the_overview_has_it_too(visit: Visit, five: seed.Seed, store: Path) -> None:
    value = metrics(visit(window="15m"))["Projected cost"]
    assert value.startswith("$")
    assert value.endswith(" / mo")


def test_a_price_is_changed(visit: Visit, five: seed.Seed, store: Path) -> None:
    """It is on its way until the collector has taken it; then the page counts with it."""
    shown = visit("costs", window="15m")
    before = table(shown, "Costs of each backend").set_index("backend")["storage_usd"]
    field(shown, "price-price-").set_value("11.5")
    shown.button(key="price-save").click().run()
    assert "saving…" in texts(shown)
    assert len(list((spool(store) / orders.FOLDER).glob("*.json"))) == 1
    shown = saved(shown, store)
    shown = shown.run()
    assert "Saved." in [one.value for one in shown.success]
    assert book(store).prices[0].price == 11.5
    after = table(shown, "Costs of each backend").set_index("backend")["storage_usd"]
    assert before["PostgreSQL"] != after["PostgreSQL"]
    assert before["SQLite"] == after["SQLite"]
    flags = table(shown, "Price book")["flags"]
    assert list(flags[0]) == ["edited"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("price", "-1", "price -1 is negative: write 0 if it is free"),
        ("as_of", "2099-01-01", "has not come yet"),
    ],
)
def test_bad_prices_are_told_and_nothing_is_lost(  # noqa: PLR0917 (fixtures and parameters)
    visit: Visit, five: seed.Seed, store: Path, name: str, value: str, told: str
) -> None:
    """The value and the fix; the form keeps what was typed, the book stays as it is."""
    shown = visit("costs")
    field(shown, f"price-{name}-").set_value(value)
    shown.button(key="price-save").click().run()
    assert "It was not saved." in [one.value for one in shown.error]
    assert told in texts(shown)
    assert field(shown, f"price-{name}-").value == value
    assert not (spool(store) / orders.FOLDER).exists()


def test_add_remove_reset(visit: Visit, five: seed.Seed, store: Path) -> None:
    """A price of the user's own; one of the shipped away; all as it was."""
    shown = visit("costs")
    shown.selectbox(key="price-chosen").set_value("").run()
    for name, value in (("price", "1.25"), ("service", "*My* [cloud](x)"), ("item", "storage"),
                        ("region", "eu"), ("source", "=cmd()")):  # fmt: skip
        field(shown, f"price-{name}-").set_value(value)
    shown.button(key="price-save").click().run()
    saved(shown, store)
    (added,) = [p for p in book(store).prices if p.price == 1.25]
    assert (added.service, added.source) == ("*My* [cloud](x)", "=cmd()")
    shown = visit("costs")
    shown.selectbox(key="price-chosen").set_value(FIRST.key).run()
    shown.button(key="price-remove").click().run()
    saved(shown, store)
    assert FIRST not in book(store).prices
    shown = visit("costs")
    shown.button(key="price-reset").click().run()
    saved(shown, store)
    assert book(store).prices == shipped()


def test_settings(visit: Visit, five: seed.Seed, store: Path) -> None:
    """Replicas count; a bad figure is told by its name and value."""
    shown = visit("costs")
    field(shown, "cost-replicas-").set_value("0")
    shown.button(key="cost-save").click().run()
    assert "Replicas '0' cannot be used: a number from 1 to 15" in texts(shown)
    field(shown, "cost-replicas-").set_value("3")
    shown.button(key="cost-save").click().run()
    shown = saved(shown, store).run()
    assert model(store).figures["replicas"] == 3
    assert "× 3 replicas" in " ".join(table(shown, "How costs are worked out")["how"])


def test_an_order_that_is_refused_is_told(visit: Visit, five: seed.Seed, store: Path) -> None:
    """The collector knows better: nothing is said to be saved."""
    shown = visit("costs")
    field(shown, "price-price-").set_value("2")
    shown.button(key="price-save").click().run()
    (path,) = (spool(store) / orders.FOLDER).glob("*.json")
    path.write_text("{")
    shown = saved(shown, store).run()
    assert "The collector has refused it" in texts(shown)


def test_old_prices_are_marked(visit: Visit, five: seed.Seed, store: Path) -> None:
    """Past the age that is set; what has no date, and what has no figure."""
    engine = open_writer(str(store))
    orders.leave(spool(store), "set costs", {"values": {"price_age_days": 1}})
    carried.take(spool(store), engine.begin)
    engine.dispose()
    rows = table(visit("costs"), "Price book")
    flags = {
        (service, item): list(told)
        for service, item, told in zip(rows["service"], rows["item"], rows["flags"], strict=True)
    }
    assert flags[FIRST.service, FIRST.item] == ["old"]
    assert flags["Amazon S3 Standard", "PUT"] == ["undated"]
    assert flags["Your language model", "input tokens"] == ["undated", "unknown"]


def test_a_filter_narrows(visit: Visit, five: seed.Seed, store: Path) -> None:
    used = table(visit("costs", backend="redis"), "Costs of the backends in use")
    assert list(used["backend"]) == ["Redis"]


def test_the_book_is_there_before_anything_was_measured(visit: Visit, store: Path) -> None:
    """A comparison is priced by it, too."""
    seed.new_store(store).dispose()
    shown = visit("costs")
    assert "Nothing has been measured yet" in texts(shown)
    assert table(shown, "Price book")["service"].iloc[0] == FIRST.service
    field(shown, "cost-replicas-")


def test_nothing_of_a_backend(visit: Visit, store: Path) -> None:
    """A process that has stored nothing: no figure, and no 0."""
    made = seed.Seed(time.time_ns() // 1000)
    made.write(store, heartbeat_s=-3600)
    shown = metrics(visit("costs"))
    assert set(shown.values()) == {formats.UNKNOWN}
