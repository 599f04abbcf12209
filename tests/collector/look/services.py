"""Services that run while a test looks into them."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collector.look import look
from storage import looks
from storage.looks import Answer
from tests.collector.look import leaking

PATIENCE_SECONDS = 60
LEAKING = leaking.__file__


def wait_for(condition: Callable[[], Any], what: str) -> None:
    """Wait until it holds."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > ends:
            pytest.fail(f"no {what} within {PATIENCE_SECONDS} s")
        time.sleep(0.05)


class Service:
    """One application of ``leaking``."""

    def __init__(self, child: subprocess.Popen[str], out: Path, spool: Path) -> None:
        self.child, self.spool = child, spool
        wait_for(lambda: out.exists() or child.poll() is not None, "first run")
        assert child.poll() is None, child.log_path.read_text()  # type: ignore[attr-defined]
        self.incarnation: str = json.loads(out.read_text("utf-8"))["incarnation"]
        self.folder = spool / "control" / self.incarnation

    def ready(self) -> Service:
        """Wait until it can be asked."""
        wait_for((self.folder / "process").exists, "control folder")
        return self

    def look(self, kind: str, seconds: float = 0, **asked: Any) -> Answer:
        """Ask, and take the answer; no content of the application is in it."""
        answer = look.answer(
            self.spool, self.incarnation, {"kind": kind, "seconds": seconds, **asked}
        )
        assert "secret" not in looks.encode(answer).decode().replace("secret note {turn}", "")
        return answer

    def found(self, kind: str, seconds: float = 0, **asked: Any) -> Any:
        """The result of a look that has one."""
        answer = self.look(kind, seconds, **asked)
        assert answer.problem == ""
        return getattr(answer, kind)

    def end(self) -> None:
        """End it in good order: looks were no faults of the probe."""
        self.child.communicate("", timeout=PATIENCE_SECONDS)
        log = self.child.log_path.read_text("utf-8")  # type: ignore[attr-defined]
        assert json.loads(log.splitlines()[-1]) == {"faults": 0}, log
        assert self.child.returncode == 0


def line_of(text: str) -> int:
    """Number of the line of ``leaking`` that has this text."""
    lines = Path(LEAKING).read_text("utf-8").splitlines()
    (number,) = [at for at, line in enumerate(lines, 1) if line.strip() == text]
    return number
