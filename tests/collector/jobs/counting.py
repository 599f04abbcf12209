"""A kind of job for tests, in the child's place: ``python -m tests.collector.jobs.counting``.

It counts to ``asked["to"]``, notes a file that it creates, and does as ``asked["then"]`` says.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from collector.jobs import child, kinds
from collector.jobs.errors import CannotRun
from storage.jobs import Request


def run(work: Any) -> None:
    """Count."""
    asked = work.request.asked
    created = Path(asked["folder"]) / work.request.id
    work.made(created.name)
    created.write_text("made")
    try:
        number = 0
        while number < asked["to"]:
            number += 1
            work.tell(f"counting {number}", number / asked["to"], {"number": number})
            time.sleep(0.02)
        _then(work, asked.get("then", ""), work.request.secrets)
    finally:
        created.unlink()


def _then(work: Any, what: str, secrets: dict[str, str]) -> None:
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "lack":
        work.partial = True
    if what == "refuse":
        raise CannotRun("The server said no: ask another.")
    if what == "break":
        raise RuntimeError(f"a driver's text with {secrets['url']}")
    if what == "memory":
        raise MemoryError
    if what == "disk":
        raise OSError(28, "No space left on device", "/somewhere")


def clean(request: Request, made: list[str]) -> None:
    """Remove the file of a job that was killed."""
    for name in made:
        (Path(request.asked["folder"]) / name).unlink(missing_ok=True)


if __name__ == "__main__":
    kinds.KINDS["count"] = "tests.collector.jobs.counting"
    sys.exit(child.main())
