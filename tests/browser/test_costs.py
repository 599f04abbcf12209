"""A price is changed in a browser: the collector takes it, and the page counts with it."""

from __future__ import annotations

import csv
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Look, drawn, expect_value
from tests.browser.test_pages import WHOLE
from tests.storage import seed

pytestmark = pytest.mark.browser


@pytest.fixture
def seeded(isolated: Path) -> None:
    """A store of five backends whose collector is gone: the dashboard starts one of its own."""
    isolated.mkdir()
    seed.sample_backends(time.time_ns() // 1000).write(isolated / "store.sqlite", heartbeat_s=60)


def cost(page: Page) -> Locator:
    """The figure of the first card."""
    card = page.get_by_test_id("stMetric").filter(has_text="Cost a month")
    return card.get_by_test_id("stMetricValue")


def usd(page: Page) -> float:
    """USD of the first card."""
    found = re.search(r"\$([\d.,]+)", cost(page).inner_text())
    assert found is not None
    return float(found[1].replace(",", ""))


def choose(page: Page, name: str) -> None:
    """A price in the form."""
    box = page.locator(".st-key-price-chosen input")
    box.click()
    box.fill(name)
    expect(page.get_by_role("option").first).to_contain_text(name)
    box.press("Enter")
    drawn(page)


def price(page: Page) -> Locator:
    return page.locator("[class*='st-key-price-price-'] input")


def expect_price(page: Page, shown: str) -> None:
    """Waits until the field of the chosen price is the only one: while the page draws itself, that
    of the price before is there, too."""
    expect(price(page).and_(page.locator(f"[value='{shown}']"))).to_have_count(1)
    expect(price(page)).to_have_count(1)


@pytest.mark.usefixtures("seeded")
def test_a_price_is_changed(look: Look, dashboard: str, tmp_path: Path) -> None:
    """Refused while it is negative; then saved, and the total is higher by what it makes: 730 h of
    an instance at 1.016 instead of 0.016 USD. Exported and reset, too."""
    page = look(f"{dashboard}/costs?refresh=paused")
    before = usd(page)
    choose(page, "db.t4g.micro")
    expect_price(page, "0.016")
    price(page).fill("-1")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("price -1 is negative: write 0 if it is free")).to_be_visible()
    expect(price(page)).to_have_value("-1")
    price(page).fill("1.016")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    # The smallest that fits is the cheapest now: db.t4g.small, at 0.032.
    expect(cost(page)).not_to_have_text(f"${before:,.0f}")
    drawn(page)  # the cards are above the price book
    assert usd(page) - before == pytest.approx(0.016 * 730, abs=1.5)
    with page.expect_download() as download:
        page.get_by_test_id("stDownloadButton").get_by_role("button", name="Export").click()
    download.value.save_as(tmp_path / "prices.csv")
    with (tmp_path / "prices.csv").open(encoding="utf-8") as file:
        rows = {row["item"]: row["price"] for row in csv.DictReader(file)}
    assert rows["db.t4g.micro (1 GiB)"] == "1.016"
    page.get_by_role("button", name="Reset to shipped").click()
    expect(page.get_by_text("All prices are as they were shipped")).to_be_visible()
    expect(cost(page)).to_have_text(re.compile(rf"^\${round(before)}"))
    drawn(page)
    # What is wrong with a setting is told where it is.
    page.locator("[class*='st-key-cost-replicas-'] input").fill("0")
    page.get_by_role("button", name="Save settings").click()
    settings = page.locator(".st-key-card-cost-settings")
    expect(settings.get_by_text("Replicas '0' cannot be used")).to_be_visible()
    expect(page.locator(".st-key-card-price-edit").get_by_text("cannot be used")).to_have_count(0)


@pytest.mark.usefixtures("seeded")
def test_an_import_and_a_narrow_screen(look: Look, dashboard: str, tmp_path: Path) -> None:
    """A file with a good and a bad line: one is taken, the other told. On a phone nothing is wider
    than the screen."""
    file = tmp_path / "mine.csv"
    head = "service,backend,item,price,currency,unit,region,as_of,source,confidence\n"
    row = "Mine,sqlite,disk,{},USD,GB-month,home,2026,bill,high\n"
    file.write_text(head + row.format(0.01) + row.format(-5).replace("disk", "copy"))
    page = look(f"{dashboard}/costs?refresh=paused", width=390, theme="dark")
    expect_value(page, "document.documentElement.scrollWidth <= 390")
    expect_value(page, WHOLE)
    page.locator(".st-key-price-file input[type=file]").set_input_files(file)
    expect(page.get_by_text("mine.csv")).to_be_visible()
    page.locator(".st-key-price-take button").click()
    expect(page.get_by_text("1 prices are taken, 1 lines are not")).to_be_visible()
    expect(page.get_by_text("Line 3: price -5 is negative")).to_be_visible()
    expect(page.get_by_text("28 prices, 1 edited")).to_be_visible()
    drawn(page)
