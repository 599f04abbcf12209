"""``python -m examples.tour``: a chatbot before and after tuning, and what is found of each."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from examples.tour import halves
from examples.tour.table import PRICED, Side, lines
from statemeter import settings


def main(arguments: list[str] | None = None) -> int:
    """The command; its exit code."""
    told = _parser().parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="statemeter-tour-") as name:
            folder = Path(name)
            own = told.keep or bool(os.environ.get("STATEMETER_STORE"))
            environment = dict(os.environ)
            if told.after:
                environment["TOUR_DATABASE"] = told.after
            if not own:
                environment["STATEMETER_STORE"] = f"sqlite:///{folder / 'store.sqlite'}"
                environment["STATEMETER_SPOOL"] = str(folder / "spool")
            if own and not told.after:  # the dashboard can look into it, too
                folder = settings.data_folder()
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            sides = play(folder / "tour.sqlite", environment)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.tour", description=__doc__)
    parser.add_argument(
        "--keep", action="store_true",
        help="into your own spool and store, for the dashboard to show; so it is, too, where "
        "STATEMETER_STORE is set. Otherwise all is thrown away",
    )  # fmt: skip
    parser.add_argument(
        "--after", metavar="URL", type=_url,
        help="the PostgreSQL that the tuned one keeps its checkpoints in, by AsyncPostgresSaver on "
        "a pool; its tables are made there. Default: a SQLite file",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    return parser


def _url(text: str) -> str:
    if text.partition("://")[0] not in {"postgresql", "postgres"}:
        # What is not understood may be a password.
        raise argparse.ArgumentTypeError("it is no URL that begins with postgresql://")
    missing = [name for name in ("langgraph.checkpoint.postgres", "psycopg_pool")
               if find_spec(name) is None]  # fmt: skip
    if missing:
        raise argparse.ArgumentTypeError(
            f"{' and '.join(missing)} is not installed: "
            "pip install langgraph-checkpoint-postgres psycopg_pool"
        )
    return text


def play(path: Path, environment: dict[str, str]) -> dict[str, Side]:
    """Run both, each a process of its own, collect, and ask the store.

    Both live until the rules have looked: what a process holds is found while it lives.

    Args:
        path: the SQLite file of the second one.
        environment: with spool and store.
    """
    threads = {name: f"tour-{secrets.token_hex(4)}" for name in ("before", "after")}
    with halves.Halves(environment) as both:
        told: dict[str, dict[str, Any]] = {}
        for name, thread in threads.items():
            print(f"{name}: {halves.TURNS} turns", file=sys.stderr)
            options = [thread] if name == "before" else [thread, str(path)]
            told[name] = both.play(name, *options)
            if name == "before":
                told_us = time.time_ns() // 1000 + halves.TELL_US
        print("The rules look", file=sys.stderr)
        both.look(max(told_us, time.time_ns() // 1000))
        reports = [
            ("findings",), ("threads", "--sort", "newest"),
            *(("costs", "--application", f"tour-{name}") for name in threads),
        ]  # fmt: skip
        findings, stored, *costs = both.ask(*reports)
    sides = {}
    for (name, thread), priced in zip(threads.items(), costs, strict=True):
        found = [
            one for one in findings
            if one["application"] == f"tour-{name}" and one["thread_id"] in {thread, ""}
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


if __name__ == "__main__":
    sys.exit(main())
