"""The viewer in a process of its own, asked as the pages ask it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from storage import sources, values
from storage.sources import Source
from storage.values import Answer, Ask
from tests.conftest import REPOSITORY

KEY = "0123456789ab"


class Asking:
    """One viewer; ``with`` ends it."""

    def __init__(self, spool: Path, **settings: str) -> None:
        self.spool = spool
        self.settings = {"STATEMETER_SHOW_VALUES": "1"} | settings
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "collector.viewer"], cwd=REPOSITORY,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=os.environ | self.settings,
        )  # fmt: skip

    def __enter__(self) -> Asking:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def line(self, line: bytes) -> bytes:
        """What is answered to a line; empty where the viewer ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()
        while (said := self.process.stdout.readline()) == b"+\n":
            pass
        return said

    def ask(self, backend: str, checkpoint: str = "", **asked: Any) -> Answer:
        """The answer to a question."""
        told = {"saver": KEY, "spool": str(self.spool), "thread": "told"} | asked
        made = Ask(backend=backend, checkpoint=checkpoint, **told)
        return values.decode_answer(self.line(values.encode(made)))


def attach(spool: Path, backend: str, url: str) -> None:
    """Name a database, as the Connect page does."""
    source = Source(
        key=KEY, backend=backend, url=url, shown=f"{backend}://shown", mode="values", created_us=1
    )
    sources.add(spool, source, replace=True)
