"""Starts services to look into."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.collector.look.services import Service
from tests.conftest import StartChild

Serve = Callable[..., Service]


@pytest.fixture
def serve(start_child: StartChild, isolated: Path, tmp_path: Path) -> Serve:
    """``serve("objects", STATEMETER_CONTROL="0")``: an application that runs."""

    number = itertools.count()

    def start(kind: str, **env: str) -> Service:
        out = tmp_path / f"{kind}-{next(number)}.json"
        child = start_child(
            "-m", "tests.collector.look.leaking", kind, str(out), stdin=subprocess.PIPE,
            env={"STATEMETER_FLUSH_SECONDS": "0.05"} | env,
        )  # fmt: skip
        return Service(child, out, isolated / "spool")

    return start
