"""Collectors that start at once: forks of a process that has imported everything.

``python -m …`` reads a line of the arguments of a collector, says its process id, waits for its
end and says its status, until there are no more lines. A kill costs a fork, not an import.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import collector.loop  # noqa: F401 (what main would load anew in each fork)
from collector.__main__ import main as collect
from tests.conftest import REPOSITORY


class Nursery:
    """One collector after another."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @contextmanager
    def collector(self, spool: Path, store: Path) -> Iterator[int]:
        """A collector, by its process id; it is killed at the end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        arguments = ["--spool", str(spool), "--store", str(store)]
        print(json.dumps(arguments), file=self._process.stdin, flush=True)
        pid = int(self._process.stdout.readline())
        try:
            yield pid
        finally:
            os.kill(pid, signal.SIGKILL)
            assert int(self._process.stdout.readline()) == -signal.SIGKILL


@contextmanager
def nursery() -> Iterator[Nursery]:
    """It ends, with the collector it has, at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.collector.nursery"], cwd=REPOSITORY, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        yield Nursery(process)


def main() -> None:
    """Fork."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(collect(json.loads(line)))
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
