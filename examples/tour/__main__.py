"""``python -m examples.tour``: a chatbot before and after tuning, and what is found of each."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from examples.tour.table import PRICED, Side, lines
from statemeter import settings


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
            sides = play(folder, environment)
    except subprocess.CalledProcessError as error:
        print(f"The tour ends: {' '.join(error.cmd[1:])} failed, see above.", file=sys.stderr)
        return 1
    if told.json:
        print(json.dumps({name: vars(side) for name, side in sides.items()}))
        return 0
    print("\n".join(lines(sides["before"], sides["after"])))
    where = settings.store_url() if own else "nowhere: with --keep the dashboard shows it"
    print(f"Kept in {where}" if own else f"Kept {where}")
    return 0


def play(folder: Path, environment: dict[str, str]) -> dict[str, Side]:
    """Run both, each a process of its own, collect, and ask the store."""
    commands = {"before": ["before"], "after": ["after", str(folder / "chat.sqlite")]}
    told = {}
    for name, (module, *options) in commands.items():
        own = environment | {"STATEMETER_APP": f"tour-{name}"}
        printed = _run(f"examples.tour.{module}", *options, environment=own)
        told[name] = json.loads(printed.splitlines()[-1])
    _run("collector", "--once", environment=environment)
    return {name: _side(f"tour-{name}", one, environment) for name, one in told.items()}


def _side(application: str, told: dict[str, Any], environment: dict[str, str]) -> Side:
    def ask(report: str) -> list[dict[str, Any]]:
        printed = _run(
            "storage", report, "--json", "--application", application, environment=environment
        )
        found: list[dict[str, Any]] = json.loads(printed)
        return found

    # A saver of an earlier tour may be in a store of one's own: the newest thread is this one's.
    threads = [one for one in ask("threads") if one["application"] == application]
    thread = max(threads, key=lambda one: str(one["last_seen"]))
    priced = next((one for one in ask("costs") if one["backend"] == PRICED), None)
    findings = [one for one in ask("findings") if one["application"] == application]
    return Side(
        told, thread["written_bytes"], thread["stored_bytes"],
        priced["usd"] if priced else None,
        "; ".join(priced["unknown"]) if priced else "nothing was priced",
        [one for one in findings if one["state"] == "open"],
    )  # fmt: skip


def _run(module: str, *options: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *options], env=environment, check=True,
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
