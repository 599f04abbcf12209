"""Bytes of each test and channel in a file, and a Markdown summary of a test session."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from statemeter.errors import UnusableBudget
from statemeter.measured import Measured

VERSION = 1
SLACK_BYTES = 64
"""A difference up to this is none: random ids and times take some bytes more or less."""
NAMES = {"step_bytes": "largest step", "stored_bytes": "stored", "live_bytes": "live"}


class Row(msgspec.Struct):
    """What one test stored. Bytes; -1: unknown."""

    steps: int
    step_bytes: int
    """Of its largest checkpoint."""
    stored_bytes: int
    """Of all its threads."""
    live_bytes: int
    """Of all its threads."""
    channels: dict[str, int] = {}
    """Channel → the most that it took in a checkpoint."""


class Baseline(msgspec.Struct):
    """The file: node id of a test → what it stored."""

    tests: dict[str, Row]
    version: int = VERSION


def row_of(measured: Measured) -> Row:
    """The numbers of a test."""
    threads = [thread for thread in measured.threads.values() if thread.steps]
    known = not any(thread.unknown for thread in threads) and not measured.lost
    live = [thread.live_bytes for thread in threads]
    return Row(
        steps=len(measured.steps),
        step_bytes=max((step.bytes for step in measured.steps), default=0) if known else -1,
        stored_bytes=sum(thread.stored_bytes for thread in threads) if known else -1,
        live_bytes=sum(live) if known and -1 not in live else -1,
        channels=dict(sorted(measured.channels().items())),
    )


def load(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        UnusableBudget: there is no such file, or it is no baseline.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Baseline)
    except FileNotFoundError:
        raise UnusableBudget(
            f"--checkpoint-baseline {path}: there is no such file. "
            "Record it with --checkpoint-baseline-update."
        ) from None
    except (OSError, msgspec.MsgspecError) as error:
        raise UnusableBudget(
            f"--checkpoint-baseline {path} cannot be read ({error}). "
            "Restore it, or remove it and record it with --checkpoint-baseline-update."
        ) from None
    if found.version != VERSION:
        raise UnusableBudget(
            f"--checkpoint-baseline {path} has version {found.version}, {VERSION} is known here. "
            "Record it again with --checkpoint-baseline-update."
        )
    return found


def save(path: Path, baseline: Baseline) -> None:
    """Write a baseline, whole or not at all; a diff of it has one number a line."""
    baseline.tests = dict(sorted(baseline.tests.items()))
    text = msgspec.json.format(msgspec.json.encode(baseline), indent=1) + b"\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    beside.write_bytes(text)
    beside.replace(path)


def regressions(now: Row, before: Row, tolerance_percent: float) -> list[str]:
    """A sentence for each number that grew beyond the tolerance."""
    pairs = [(NAMES[name], getattr(before, name), getattr(now, name)) for name in NAMES]
    pairs += [
        (f"channel {name}", before.channels.get(name, 0), size)
        for name, size in now.channels.items()
    ]
    said = []
    for name, was, size in pairs:
        if was >= 0 and size - was > max(SLACK_BYTES, was * tolerance_percent / 100):
            more = f"{size / was - 1:+.0%}" if was else "new"
            said.append(
                f"{name}: {size:,} bytes, {was:,} in the baseline "
                f"({more}; {tolerance_percent:g} % are allowed)."
            )
    return said


def markdown(lines: list[dict[str, Any]]) -> str:
    """The summary of a session: a table with a line for each test that stored checkpoints."""
    told = [
        "### Checkpoint bytes by test", "",
        "| test | steps | largest step | stored | live | amplification | budget | baseline |",
        "|---|--:|--:|--:|--:|--:|---|---|",
    ]  # fmt: skip
    for line in lines:
        row = msgspec.convert(line["row"], Row)
        ratio = "unknown" if line["amplification"] is None else f"{line['amplification']:.2f}×"
        cells = [f"`{line['test']}`", f"{row.steps:,}", _size(row.step_bytes),
                 _size(row.stored_bytes), _size(row.live_bytes), ratio, line["budget"],
                 line["baseline"]]  # fmt: skip
        told.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    if not lines:
        told[2:] = ["No measured test stored a checkpoint."]
    return "\n".join(told) + "\n"


def _size(size: int) -> str:
    return f"{size:,} B" if size >= 0 else "unknown"
