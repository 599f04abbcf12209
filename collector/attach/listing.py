"""``python -m collector sources``: the databases that are attached, and how far each was read."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from statemeter import settings
from statemeter.errors import SettingError
from storage import queries_sources, sources
from storage.errors import StoreError, StoreMissing
from storage.queries_sources import Attached
from storage.sources import Source
from storage.store import open_reader


def main(arguments: list[str]) -> int:
    """Print them; the exit code is 0, or 2 where the store cannot be read."""
    told = _parser().parse_args(arguments)
    try:
        spool = Path(told.spool).expanduser().absolute() if told.spool else settings.spool_folder()
        reached = _reached(told.store or settings.store_url())
    except (StoreError, SettingError) as error:
        sys.stderr.write(f"sources: {error}\n")
        return 2
    known = sources.list_(spool)
    if not known:
        sys.stdout.write("No database is attached. Attach one: python -m collector attach URL\n")
    for one in known:
        sys.stdout.write(line(one, reached.get(one.key)) + "\n")
    return 0


def line(source: Source, told: Attached | None) -> str:
    """One database in one line, its problem in a second one."""
    parts = [source.key, source.backend or "?", source.shown, f"as {source.application or '?'}"]
    if source.mode == "values":
        parts.append("values on demand only")
    elif told is None or told.removed_us or told.phase == "waiting":
        parts.append("not begun: is a collector running?")
    else:
        parts.append(_progress(told))
    problem = f"\n  {told.problem}" if told is not None and told.problem else ""
    return "  ".join(parts) + problem


def _progress(told: Attached) -> str:
    if told.phase == "first":
        share = "" if told.share is None else f" {told.share:.0%}"
        return f"first{share}, {told.done_checkpoints:,} checkpoints read"
    held = told.readings.get("checkpoints")
    return "following" if held is None else f"following, {held:,} checkpoints"


def _reached(store: str) -> dict[str, Attached]:
    try:
        engine = open_reader(store)
    except StoreMissing:
        return {}
    try:
        return {one.key: one for one in queries_sources.attached(engine)}
    finally:
        engine.dispose()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m collector sources", description=__doc__)
    parser.add_argument("--store", metavar="URL", help="metrics store; default: STATEMETER_STORE")
    parser.add_argument("--spool", metavar="DIR", help="spool; default: STATEMETER_SPOOL")
    return parser
