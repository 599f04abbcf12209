"""What the kernel holds the reading process to."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="only Linux tells the address space"
)


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"from collector.viewer import bounds\n{code}"],
        capture_output=True, text=True, check=False, cwd=REPOSITORY,
    )  # fmt: skip


def test_memory() -> None:
    """Some is there, more is a MemoryError; twice does not loosen it."""
    done = run(
        "bounds.set_limits(64 << 20)\n"
        "held = bytearray(32 << 20)\n"
        "bounds.set_limits(10 << 30)\n"
        "try:\n"
        "    more = bytearray(64 << 20)\n"
        "except MemoryError:\n"
        "    print('no more')"
    )
    assert (done.stdout, done.stderr) == ("no more\n", "")


def test_time_of_the_processor() -> None:
    """The kernel ends a process that runs on; each request has its own seconds."""
    done = run(
        "import time\n"
        "for _ in range(2):\n"
        "    bounds.allow_cpu(1)\n"
        "    begin = time.process_time()\n"
        "    while time.process_time() < begin + 0.7: pass\n"
        "print('within', flush=True)\n"
        "bounds.allow_cpu(1)\n"
        "while True: pass"
    )
    assert done.stdout == "within\n"
    assert done.returncode == -signal.SIGXCPU


def test_no_core_file() -> None:
    """It would have the values in it."""
    done = run(
        "import resource\nbounds.set_limits()\nprint(resource.getrlimit(resource.RLIMIT_CORE))"
    )
    assert done.stdout == f"{(0, 0)}\n"
    assert resource.RLIM_INFINITY != 0
