"""``python -m scripts.screenshots``: the pictures of README and docs, of a demo that really runs.

Starts a dashboard on a free port with a store of its own in a temporary folder, compares the
backends of ``make compare``, runs the demo, waits, and takes ``docs/images/NAME-{light,dark}.png``
of each of ``PAGES``.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from storage import orders
from storage.ready_alerts import READY

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DRAWN = "[data-testid=stApp][data-test-script-state=notRunning]"
PLOTS = ".statemeter-plot[data-updates]"
START_SECONDS = 60
WIDTH, HEIGHT = 1440, 1100
COLOURS = 256
"""Of a picture: a page has few, and a file with a palette is a third as large."""
PAGES = {
    "overview": ("", PLOTS),
    "findings": ("findings", ".st-key-card-findings"),
    "history": ("history?thread={refund}", PLOTS),
    "compare": ("backends?view=Compare", PLOTS),
    "serialization": ("serialization", PLOTS),
    "costs": ("costs?window=15m", PLOTS),
    "alerts": ("alerts", ".st-key-card-alert-rules"),
    "process": ("process", PLOTS),
    "connect": ("connect", ".st-key-source-cards"),
}
"""Name → address, and what is drawn last. A test holds that README and docs show all of them."""
TOP = {"compare": ".st-key-card-compare-ranking"}
"""Where a picture begins further down: the part that is looked at."""


def main(arguments: list[str] | None = None) -> int:
    """Takes the pictures."""
    parser = argparse.ArgumentParser(prog="python -m scripts.screenshots", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=150.0, help="how long the demo runs before the pictures"
    )
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of these only")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - PAGES.keys():
        parser.error(f"no picture is called {', '.join(unknown)}: choose from {', '.join(PAGES)}")
    chromium = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        parser.exit(
            1,
            "Chromium is missing: install it (Debian: apt-get install chromium) or set CHROMIUM\n",
        )
    options.folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        dashboard(folder) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        names = options.names or list(PAGES)
        if "compare" in names:
            compare(folder)
        switch_on_alerts(folder)
        with demo(folder):
            time.sleep(options.seconds)
            attach(folder)
            for name in names:
                for theme in ("light", "dark"):
                    path = options.folder / f"{name}-{theme}.png"
                    where, last = PAGES[name]
                    if name == "history":  # chosen late: the demo deletes what is done with
                        where = where.format(refund=longest(folder, "refund-"))
                    page = visit(browser, f"{address}/{where}", theme)
                    picture(page, path, last, TOP.get(name))
                    sys.stdout.write(f"{path}\n")
        browser.close()
    return 0


def visit(browser: Browser, address: str, theme: str) -> Page:
    """A page of a fresh visitor."""
    page = browser.new_page(
        viewport={"width": WIDTH, "height": HEIGHT},
        color_scheme=theme,  # type: ignore[arg-type]
    )
    page.set_default_timeout(120_000)
    page.goto(address)
    page.wait_for_selector(DRAWN)
    return page


def picture(page: Page, path: Path, last: str, top: str | None) -> None:
    """Takes the picture once all charts and tables are drawn, ``last`` among them."""
    page.wait_for_selector(last)
    page.wait_for_timeout(4000)
    page.wait_for_selector(DRAWN)
    if top is not None:
        # The bar of pages covers what is at the very top.
        page.locator(top).evaluate(
            "one => { one.style.scrollMarginTop = '70px'; one.scrollIntoView(); }"
        )
        page.wait_for_timeout(1000)
    taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    taken.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    page.close()  # or it goes on drawing itself while the next picture is taken


def compare(folder: str) -> None:
    """A small comparison of all backends that there are servers of."""
    subprocess.run(
        [sys.executable, "-m", "scripts.compare", "--turns", "15", "--rounds", "3"],
        cwd=ROOT, env=environment(folder), check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def longest(folder: str, name: str) -> str:
    """The thread with such a name that has most steps, of the newest. A refund waits for a person
    and is thought over again: its history has an interrupt and a fork."""
    told = subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "-m", "storage", "threads", "--json", "--search", name, "--sort", "recent",
         "--deleted", "without", "--limit", "4"],
        cwd=ROOT, env=environment(folder), check=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    return str(max(json.loads(told.stdout), key=lambda one: one["steps"])["thread_id"])


@contextmanager
def demo(folder: str) -> Iterator[None]:
    """The demo, for as long as pictures are taken."""
    process = subprocess.Popen(
        [sys.executable, "-m", "examples.demo", "--seconds", "0"],
        cwd=ROOT, env=environment(folder), stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def switch_on_alerts(folder: str) -> None:
    """Switches on the rules that come with Statemeter, as their page does."""
    for rule in READY:
        body = {"rule": msgspec.to_builtins(rule), "enabled": True}
        orders.leave(Path(folder) / "spool", "set alert rule", body)


def attach(folder: str) -> None:
    """Attaches a database of the demo, for the picture of the Connect page."""
    database = next(Path(folder).rglob("demo.sqlite"))
    subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "-m", "collector", "attach", str(database), "--app", "support-chat"],
        cwd=ROOT, env=environment(folder), check=True,
    )  # fmt: skip


def environment(folder: str) -> dict[str, str]:
    """Ours, with store, spool and data in a folder of their own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("STATEMETER_")}
    return kept | {
        "XDG_DATA_HOME": folder, "STATEMETER_STORE": f"{folder}/store.sqlite",
        "STATEMETER_SPOOL": f"{folder}/spool",
    }  # fmt: skip


@contextmanager
def dashboard(folder: str) -> Iterator[str]:
    """A dashboard with nothing measured yet: its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(  # noqa: S603 (our own dashboard)
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)],
        cwd=ROOT,
        env=environment(folder),
    )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/_stcore/health")
        yield address
    finally:
        server.terminate()
        server.wait(30)


def wait_for(url: str) -> None:
    """Waits until the server answers."""
    for _ in range(START_SECONDS * 5):
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 (ours, http)
                return
        except OSError:  # refused, or slow to answer as a busy machine is
            time.sleep(0.2)
    raise TimeoutError(f"{url} did not answer within {START_SECONDS} s")


if __name__ == "__main__":
    sys.exit(main())
