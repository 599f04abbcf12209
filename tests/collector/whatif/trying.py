"""A trial of serializers in a process of its own, as the collector runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from storage import jobs, serializer_trials
from storage.jobs import Told
from storage.serializer_trials import Asked, Step, Trial
from tests.conftest import REPOSITORY

KEY = "0123456789ab"


def steps_of(saver: Any, thread: str) -> list[Step]:
    """All checkpoints that a saver lists of a thread, oldest first."""
    found = []
    for one in list(saver.list({"configurable": {"thread_id": thread}})):
        named = one.config["configurable"]
        parent = one.parent_config["configurable"]["checkpoint_id"] if one.parent_config else ""
        found.append(Step(named.get("checkpoint_ns", ""), named["checkpoint_id"], parent))
    return sorted(found, key=lambda step: step.checkpoint)


def asked(backend: str, thread: str, steps: Iterable[Step], **more: Any) -> dict[str, Any]:
    """What the page asks."""
    steps = list(steps)
    made = Asked(
        saver=KEY, backend=backend, class_name=more.pop("class_name", "Saver"),
        layout=more.pop("layout", "whole"), thread=thread, steps=steps, of_steps=len(steps), **more,
    )  # fmt: skip
    found: dict[str, Any] = msgspec.to_builtins(made)
    return found


def told(spool: Path, wanted: dict[str, Any], **env: str) -> Told:
    """How the job ended."""
    key = jobs.ask(spool, serializer_trials.KIND, "trial", wanted).id
    subprocess.run(
        [sys.executable, "-m", "collector.jobs", key, "--spool", str(spool)], cwd=REPOSITORY,
        check=True, timeout=300,
        env=os.environ | {"STATEMETER_SPOOL": str(spool), "STATEMETER_SHOW_VALUES": "1"} | env,
    )  # fmt: skip
    found = jobs.told(spool, key)
    assert found is not None
    return found


def trial(spool: Path, wanted: dict[str, Any], **env: str) -> Trial:
    """The result of a job that has to end well."""
    found = told(spool, wanted, **env)
    assert (found.state, found.problem) == ("done", "")
    made = serializer_trials.decode(bytes(found.result).decode())
    assert made is not None
    return made
