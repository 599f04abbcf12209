"""A comparison in the process of the test, with what its job told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from collector.compare.job import Comparing
from collector.inspection import url
from storage.comparisons import Asked, Comparison, Target
from storage.jobs import Request
from storage.workloads import Size

SMALL = Size(turns=3, threads=2, value_bytes=300)


class Told:
    """``kinds.Work`` that keeps what it is told; ``hook`` may raise, as a cancelled job does."""

    def __init__(self, request: Request, hook: Callable[[str], None]) -> None:
        self.request = request
        self.partial = False
        self.created: list[str] = []
        self.shares: list[float] = []
        self._hook = hook

    def tell(self, phase: str, share: float | None = None, result: object = None) -> None:
        """See ``kinds.Work``."""
        if share is not None:
            self.shares.append(share)
        if result is not None:
            msgspec.json.encode(result)
        self._hook(phase)

    def made(self, name: str) -> None:
        """See ``kinds.Work``."""
        self.created.append(name)


def request(folder: Path, *urls: str, always: tuple[str, ...] = (), **asked: Any) -> Request:
    """A job that compares these servers, and ``always`` of memory and sqlite."""
    targets = [Target(key=one, backend=one, shown=one) for one in always]
    secrets = {"spool": str(folder / "spool"), "store": str(folder / "store.sqlite")}
    for number, text in enumerate(urls):
        address = url.parse(text)
        key = f"server{number}"
        targets.append(Target(key=key, backend=address.backend, shown=address.shown))
        secrets[key] = address.url
    settings = {"size": SMALL, "rounds": 1, "concurrency": [1], "kill": False} | asked
    made = Asked(targets=targets, **settings)
    return Request(
        id=f"{abs(hash(str(folder))):032x}"[-32:], kind="compare", name="a comparison",
        created_us=1, asked=msgspec.to_builtins(made), secrets=secrets,
    )  # fmt: skip


def compare(asked: Request, hook: Callable[[str], None] = lambda phase: None) -> Comparison:
    """Run a job to its end."""
    return run(asked, hook)[0]


def run(
    asked: Request, hook: Callable[[str], None] = lambda phase: None
) -> tuple[Comparison, Told]:
    """Run a job to its end; what it told with it."""
    work = Told(asked, hook)
    comparing = Comparing(work, msgspec.convert(asked.asked, Asked))
    comparing.go()
    return comparing.result, work
