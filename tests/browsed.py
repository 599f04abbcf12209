"""What the History page is tested with: databases that real graphs wrote, and the store of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import REPOSITORY
from tests.long_thread import build, opened

TURNS = 52
"""So many that there is a fork (after the 50th), interrupts, fan-outs and a subgraph."""

THREAD = "long-1"
_CHAT, _STORE, _SPOOL = "chat.sqlite", "store.sqlite", "spool"


def write(folder: Path) -> None:
    """Play the threads in processes of their own, and collect what their probes told."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("STATEMETER_")}
    env |= {"STATEMETER_SPOOL": str(folder / _SPOOL)}
    for arguments in (
        ["tests.long_thread", str(folder / _CHAT), "--turns", str(TURNS), "--instrument"],
        ["tests.hostile_thread", str(folder / "hostile.sqlite")],
        ["collector", "--once", "--store", str(folder / _STORE)],
    ):
        command = [sys.executable, "-m", *arguments]
        subprocess.run(command, cwd=REPOSITORY, env=env, check=True)


def settings(folder: Path, values: bool = True) -> dict[str, str]:
    """The environment of a dashboard over what was written."""
    return {
        "STATEMETER_SPOOL": str(folder / _SPOOL),
        "STATEMETER_STORE": str(folder / _STORE),
        "STATEMETER_ROOTS": str(folder),
    } | ({"STATEMETER_SHOW_VALUES": "1"} if values else {})


def states(folder: Path) -> list[Any]:
    """The history of the long thread as the graph itself tells it, newest first."""
    with opened(str(folder / _CHAT)) as saver:
        config = {"configurable": {"thread_id": THREAD}}
        return list(build(saver).get_state_history(config))


def identity(state: Any) -> str:
    """The id of a checkpoint."""
    return str(state.config["configurable"]["checkpoint_id"])


def other_branch(states: list[Any]) -> Any:
    """The end of the branch that the newest state is not on."""
    newest = ids(states[0])
    return next(one for one in states if not one.next and ids(one) - newest)


def ids(state: Any) -> set[str]:
    """The ids of the messages of a state."""
    return {message.id for message in state.values.get("messages", ())}
