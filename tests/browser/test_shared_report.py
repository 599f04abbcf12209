"""Files of reports as whoever gets them opens them: from a disk, with no network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from storage import shared_html
from storage.shared_application import of_application
from storage.shared_comparison import of_comparison
from storage.shared_thread import of_thread
from storage.store import open_reader
from tests.storage.seed_shared import COMPARISON, THREAD, fill

pytestmark = pytest.mark.browser

KINDS = ("thread", "application", "comparison")
OVERFLOWING = """() => [...document.querySelectorAll("body *")]
  .filter((one) => !one.closest(".table, svg") && one.getBoundingClientRect().width > 0)
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
  .map((one) => one.outerHTML.slice(0, 120))"""
CONTRAST = """() => {
  const light = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).map((one) => {
      const part = one / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const card = light(getComputedStyle(document.querySelector(".card")).backgroundColor);
  return Math.min(...[...document.querySelectorAll(".card :is(h2, small, p.note, .y, td)")].map(
    (one) => {
      const text = light(getComputedStyle(one).color);
      return (Math.max(text, card) + 0.05) / (Math.min(text, card) + 0.05);
    }));
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of each kind of a store with hostile names."""
    folder = tmp_path_factory.mktemp("reports")
    engine = open_reader(str(fill(folder / "store.sqlite")))
    for kind, report in (
        ("thread", of_thread(engine, THREAD, window_s=86_400)),
        ("application", of_application(engine, "support-bot", window_s=86_400)),
        ("comparison", of_comparison(engine, COMPARISON)),
    ):
        (folder / f"{kind}.html").write_bytes(shared_html.to_html(report))
    engine.dispose()
    return folder


@pytest.fixture(scope="module")
def offline(browser: Browser) -> Iterator[Page]:
    """A page that cannot reach anything, and notes what it asks for."""
    context = browser.new_context(offline=True)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_opens_offline_and_runs_nothing(offline: Page, folder: Path, kind: str) -> None:
    """Nothing but the file itself is asked for, no name of the user's data runs, the browser has
    nothing to complain of, and charts are drawn."""
    asked: list[str] = []
    complaints: list[str] = []
    offline.on("request", lambda request: asked.append(request.url))
    offline.on("console", lambda message: complaints.append(message.text))
    offline.on("dialog", lambda dialog: complaints.append(dialog.message))
    address = (folder / f"{kind}.html").as_uri()
    offline.goto(address)
    assert [one for one in asked if not one.startswith("data:")] == [address]
    assert complaints == []
    assert offline.evaluate("window.ran") is None
    assert offline.locator("script, img, iframe, a, form").count() == 0
    assert "<script>" in offline.locator("body").inner_text()
    assert offline.title().endswith("· Statemeter")
    drawn = offline.evaluate(
        "[...document.querySelectorAll('.plot path')].filter((one) => one.getTotalLength() > 0)"
        ".map((one) => getComputedStyle(one).getPropertyValue('--c').trim())"
    )
    assert len(drawn) > 3
    assert all(drawn)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_fits_every_screen(offline: Page, folder: Path, kind: str) -> None:
    """On a phone nothing but a table scrolls sideways; both themes are readable (WCAG AA: 4.5), and
    a print is light whatever the screen is."""
    offline.goto((folder / f"{kind}.html").as_uri())
    cards = {}
    for theme in ("light", "dark"):
        offline.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        cards[theme] = offline.evaluate(
            "getComputedStyle(document.querySelector('.card')).backgroundColor"
        )
        assert offline.evaluate(CONTRAST) >= 4.5
    assert cards == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 31)"}
    for width in (390, 1280):
        offline.set_viewport_size({"width": width, "height": 900})
        assert offline.evaluate(OVERFLOWING) == []
        assert offline.evaluate("document.documentElement.scrollWidth") == width
    offline.emulate_media(media="print", color_scheme="dark")
    assert offline.evaluate(
        "getComputedStyle(document.querySelector('.card')).backgroundColor"
    ) == cards["light"]  # fmt: skip
    offline.set_viewport_size({"width": 703, "height": 1000})  # A4 without its margins
    assert offline.evaluate(
        "[...document.querySelectorAll('.table')]"
        ".filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.ariaLabel)"
    ) == []  # fmt: skip
    assert offline.evaluate("getComputedStyle(document.body).backgroundColor") == cards["light"]
    assert offline.pdf(format="A4").startswith(b"%PDF")
    offline.emulate_media(media="screen")
