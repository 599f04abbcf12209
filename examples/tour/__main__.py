"""``python -m examples.tour``: a chatbot before and after tuning, and what is found of each."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from examples.tour.table import PRICED, Side, lines
from statemeter import settings

OWN_SECONDS = 20.0
"""How long the collector of a store of the user's own is waited for."""


def main(arguments: list[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m examples.tour", description=__doc__)
    parser.add_argument(
        "--keep", action="store_true",
        help="into your own spool and store, for the dashboard to show; so it is, too, where "
        "STATEMETER_STORE is set. Otherwise all is thrown away",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    told = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="statemeter-tour-") as name:
            folder = Path(name)
            own = told.keep or bool(os.environ.get("STATEMETER_STORE"))
            environment = dict(os.environ)
            if not own:
                environment["STATEMETER_STORE"] = f"sqlite:///{folder / 'store.sqlite'}"
                environment["STATEMETER_SPOOL"] = str(folder / "spool")
            sides = play(folder, environment, own)
    except subprocess.CalledProcessError as error:
        print(f"The tour ends: {' '.join(error.cmd[1:])} failed, see above.", file=sys.stderr)
        return 1
    if told.json:
        print(json.dumps({name: vars(side) for name, side in sides.items()}))
        return 0
    print("\n".join(lines(sides["before"], sides["after"])))
    kept = f"Kept in {settings.store_url()}" if own else "Not kept: --keep has it on the dashboard"
    print(kept)
    return 0


def play(folder: Path, environment: dict[str, str], own: bool = False) -> dict[str, Side]:
    """Run both, each a process of its own, collect, and ask the store.

    Args:
        folder: for the database of the second one.
        environment: with spool and store.
        own: the store is the user's, where the dashboard's collector may be at work already.
    """
    told: dict[str, dict[str, Any]] = {}
    threads = {name: f"tour-{secrets.token_hex(4)}" for name in ("before", "after")}
    for name, thread in threads.items():
        options = [thread] if name == "before" else [thread, str(folder / "chat.sqlite")]
        named = environment | {"STATEMETER_APP": f"tour-{name}"}
        printed = _run(f"examples.tour.{name}", *options, environment=named)
        told[name] = json.loads(printed.splitlines()[-1])
    try:
        _run("collector", "--once", environment=environment, seconds=OWN_SECONDS if own else None)
    except subprocess.TimeoutExpired:
        print("Another collector is at work in this store: what it has by now:", file=sys.stderr)
    applications = {name: f"tour-{name}" for name in threads}
    reports = [
        ("findings",), ("threads", "--sort", "newest"),
        *(("costs", "--application", name) for name in applications.values()),
    ]  # fmt: skip
    with ThreadPoolExecutor(2) as pool:
        findings, stored, *costs = pool.map(lambda report: _ask(environment, *report), reports)
    sides = {}
    for (name, thread), priced in zip(threads.items(), costs, strict=True):
        found = [
            one for one in findings
            if one["application"] == applications[name] and one["thread_id"] in {thread, ""}
            and one["state"] == "open"
        ]  # fmt: skip
        row = next(one for one in stored if one["thread_id"] == thread)
        sides[name] = _side(told[name], row, priced, found)
    return sides


def _side(
    told: dict[str, Any], thread: dict[str, Any], costs: list[dict[str, Any]],
    findings: list[dict[str, Any]],
) -> Side:  # fmt: skip
    priced: dict[str, Any] = next((one for one in costs if one["backend"] == PRICED), {})
    return Side(
        told, thread["written_bytes"], thread["stored_bytes"], priced.get("usd"),
        priced.get("storage_usd"), "; ".join(priced.get("unknown", ["nothing was priced"])),
        findings,
    )  # fmt: skip


def _ask(environment: dict[str, str], report: str, *options: str) -> list[dict[str, Any]]:
    printed = _run("storage", report, "--json", *options, environment=environment)
    found: list[dict[str, Any]] = json.loads(printed)
    return found


def _run(
    module: str, *options: str, environment: dict[str, str], seconds: float | None = None
) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *options], env=environment, check=True, timeout=seconds,
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
