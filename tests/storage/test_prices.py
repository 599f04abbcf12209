"""Prices: what is taken, what is refused and why, and files of them."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import price_files
from storage.prices import (
    BACKENDS,
    COLUMNS,
    CONFIDENCES,
    PRICE_MOST,
    UNITS,
    Price,
    PriceError,
    parse,
)

TODAY = date(2026, 11, 28)
GOOD = {
    "service": "My cloud", "backend": "redis", "item": "storage (min 2 GB)", "price": "0.25",
    "currency": "USD", "unit": "GB-month", "region": "eu", "as_of": "2026-05-04",
    "source": "its page", "confidence": "high",
}  # fmt: skip

words = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=40
)
prices = st.builds(
    Price,
    service=words, backend=st.sampled_from(BACKENDS), item=words,
    price=st.none() | st.floats(0, PRICE_MOST, allow_subnormal=False),
    currency=st.sampled_from(["USD", "EUR"]), unit=st.sampled_from(list(UNITS)), region=words,
    as_of=st.dates(date(2000, 1, 1), date(2026, 1, 1)).map(date.isoformat) | st.just("undated"),
    source=words, confidence=st.sampled_from(CONFIDENCES),
)  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"price": "-3"}, "price -3 is negative: write 0 if it is free"),
        ({"price": -0.01}, "price -0.01 is negative"),
        ({"price": "cheap"}, "price 'cheap' is not a number: write one such as 0.25"),
        ({"price": "0,25"}, "with a point, such as 0.25"),
        ({"price": "nan"}, "price 'nan' is not a number"),
        ({"price": "inf"}, "price 'inf' is not a number"),
        ({"price": "1e9"}, "is the unit right?"),
        ({"unit": "parsec"}, "unit 'parsec' is unknown: use one of GB-month,"),
        ({"backend": "oracle"}, "backend 'oracle' is unknown"),
        ({"currency": "$"}, "currency '$' is none: three capitals, such as USD."),
        ({"as_of": "2026-13-01"}, "as_of '2026-13-01' is no date: write YYYY"),
        ({"as_of": "2026-02-30"}, "as_of '2026-02-30' is no date"),
        ({"as_of": "2027-01"}, "has not come yet"),
        ({"as_of": "1815"}, "before 2000"),
        ({"as_of": ""}, "as_of '' is no date"),
        ({"service": " "}, "service is empty"),
        ({"item": "a\nb"}, "printable"),
        ({"source": "x" * 201}, "at most 200"),
        ({"confidence": "certain"}, "use one of high, medium, low"),
    ],
)
def test_bad_prices_are_refused(changed: dict[str, object], told: str) -> None:
    """What is wrong, its value, and the fix."""
    with pytest.raises(PriceError) as caught:
        parse(GOOD | changed, TODAY)
    assert told in str(caught.value)
    assert len(caught.value.faults) == 1


def test_all_faults_are_told_at_once() -> None:
    """Who mends one does not meet the next."""
    with pytest.raises(PriceError) as caught:
        parse(GOOD | {"price": -1, "unit": "x", "as_of": "2099"}, TODAY)
    assert len(caught.value.faults) == 3


def test_no_figure_is_unknown_and_no_zero() -> None:
    assert parse(GOOD | {"price": ""}).price is None
    assert parse(GOOD | {"price": None}).price is None
    assert parse(GOOD | {"price": "0"}).price == 0


@given(st.floats(), st.dates(), st.text(max_size=12))
def test_whatever_is_taken_is_in_its_range(price: float, day: date, unit: str) -> None:
    """No input raises anything but ``PriceError``, and nothing absurd is taken."""
    try:
        made = parse(GOOD | {"price": price, "as_of": day.isoformat(), "unit": unit}, TODAY)
    except PriceError:
        return
    assert made.price is None or 0 <= made.price <= PRICE_MOST
    assert made.unit in UNITS
    assert date(2000, 1, 1) <= day <= TODAY


@pytest.mark.parametrize(
    ("as_of", "days"), [("2026-11-27", 1), ("2026-11", 27), ("2026", 331), ("undated", None)]
)
def test_the_age_is_at_most_what_the_date_says(as_of: str, days: int | None) -> None:
    """A month or a year counts from its first day; what has no date has no age."""
    assert parse(GOOD | {"as_of": as_of}, TODAY).age_days(TODAY) == days


def test_items_say_what_fits() -> None:
    told = parse(GOOD | {"item": "up to 5 GB and 100 ops/s, 1.5 GiB, after 1 GB, min 0.1 GB"})
    assert [told.says(name) for name in ("up_to_gb", "operations", "memory_gib", "free_gb",
                                         "least_gb")] == [5, 100, 1.5, 1, 0.1]  # fmt: skip
    assert parse(GOOD | {"item": "storage"}).says("memory_gib") is None


def test_the_shipped_book_is_whole() -> None:
    """Each row is a price with date, source and confidence; every backend has a service; those
    without a figure are the ones that only the user knows."""
    book = price_files.shipped()
    assert len({price.key for price in book}) == len(book)
    assert {price.backend for price in book} == set(BACKENDS)
    assert {price.service for price in book if price.price is None} == {
        "Memory of your own machine", "Your language model",
    }  # fmt: skip


@settings(max_examples=40)
@given(st.lists(prices, max_size=8, unique_by=lambda price: price.key))
def test_export_and_import_give_the_same(made: list[Price]) -> None:
    """Text that is a formula, or begins with an apostrophe, comes back as it was."""
    found = price_files.read(price_files.export(made))
    assert found.faults == ()
    assert list(found.prices) == made


@settings(max_examples=40)
@given(prices)
def test_no_cell_is_a_formula(price: Price) -> None:
    """A spreadsheet runs nothing of what is exported."""
    data = price_files.export([price]).decode()
    for cell in list(csv.reader(io.StringIO(data)))[1]:
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_each_bad_line_is_told_and_the_others_are_taken() -> None:
    rows = [GOOD, GOOD | {"item": "a", "price": "-1"}, GOOD, GOOD | {"item": "b"}]
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    found = price_files.read(out.getvalue().encode())
    assert [price.item for price in found.prices] == ["storage (min 2 GB)", "b"]
    assert "Line 3: price -1 is negative" in found.faults[0]
    assert "Line 4: My cloud" in found.faults[1]
    assert "line 2 already" in found.faults[1]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "does not name service"),
        (b"service,price\n", "does not name backend, item"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (b"x" * 2_000_001, "2,000,001 bytes"),
    ],
)
def test_a_file_that_is_none_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(PriceError, match=told):
        price_files.read(data)
