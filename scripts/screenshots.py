"""``python -m scripts.screenshots``: the pictures of the README, from a demo that really runs.

Starts a dashboard on a free port with a store of its own in a temporary folder, clicks **Run the
demo**, waits, and takes
``docs/images/{overview,threads,history,backends,caches,connect}-{light,dark}.png``.
"""

from __future__ import annotations

import argparse
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

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DRAWN = "[data-testid=stApp][data-test-script-state=notRunning]"
PLOTS = ".statemeter-plot[data-updates]"
CARDS = ".st-key-source-cards"
START_SECONDS = 60
WIDTH, HEIGHT = 1440, 1100


def main(arguments: list[str] | None = None) -> int:
    """Takes the pictures."""
    parser = argparse.ArgumentParser(prog="python -m scripts.screenshots", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=150.0, help="how long the demo runs before the pictures"
    )
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "images")
    options = parser.parse_args(arguments)
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
        page = visit(browser, address, "light")
        page.get_by_role("button", name="Run the demo").click()
        page.wait_for_timeout(options.seconds * 1000)
        # The thread that grew most, as a visitor would find it: the first row of the list.
        box = page.locator(".st-key-largest canvas").first.bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + 15, box["y"] + 52)
        page.wait_for_url("**/threads?*thread=*")
        thread = page.url
        page.close()
        attach(folder)
        pages = {
            "overview": address,
            "threads": thread,
            # A refund waits for a person and is thought over again: an interrupt and a fork.
            "history": f"{address}/history?thread=refund-1001",
            "backends": f"{address}/backends",
            "caches": f"{address}/caches",
            "connect": f"{address}/connect",
        }
        for theme in ("light", "dark"):
            for name, url in pages.items():
                path = options.folder / f"{name}-{theme}.png"
                picture(visit(browser, url, theme), path, CARDS if name == "connect" else PLOTS)
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


def picture(page: Page, path: Path, last: str) -> None:
    """Takes the picture once all charts and tables are drawn, ``last`` among them."""
    page.wait_for_selector(last)
    page.wait_for_timeout(4000)
    page.wait_for_selector(DRAWN)
    page.screenshot(path=path)
    page.close()  # or it goes on drawing itself while the next picture is taken


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
