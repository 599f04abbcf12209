"""``python -m collector alert-test TARGET``: send a message that tells of nothing to a target.

Targets are lines ``name = Apprise URL`` of the file that STATEMETER_ALERTS names; without a name,
those that it has are listed, with the kind of each.
"""

from __future__ import annotations

import argparse
import sys
import uuid

from collector.alerts import sending, targets, words

EXAMPLE = "ops = slack://TokenA/TokenB/TokenC/#alerts"


def main(arguments: list[str]) -> int:
    """Send it; the exit code is 0, 1 where it was not taken, or 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m collector alert-test", description=__doc__)
    parser.add_argument("target", nargs="?", metavar="TARGET", help="name of a target")
    told = parser.parse_args(arguments)
    found = targets.read()
    if found.problem:
        _say(found.problem)
    elif not found.by_name:
        _say(
            f"{targets.SETTING} names no file with a target. Write one, a line each: {EXAMPLE}. "
            "Run chmod 600 on it, and set the variable to its path."
        )
    if not found.by_name:
        return 2
    if told.target is None:
        wrong = [_listed(target) for target in found.by_name.values()]
        return 2 if found.problem or any(wrong) else 0
    target = found.by_name.get(told.target)
    if target is None:
        _say(f"there is no target {told.target!r}. There are: {', '.join(found.by_name)}.")
        return 2
    unknown = sending.unknown_url(target)
    if unknown:
        _say(f"{target.name}: {unknown}")
        return 2
    problem = sending.hand_over(target, *words.trial(uuid.uuid4().hex))
    sys.stdout.write(f"{target.name}: {problem or 'sent'}\n")
    return 1 if problem else 0


def _listed(target: targets.Target) -> str:
    """Write a target without its URL; returns why it cannot be used, empty: it can."""
    wrong = sending.unknown_url(target)
    sys.stdout.write(f"{target.name}: {wrong or target.service}\n")
    return wrong


def _say(problem: str) -> None:
    sys.stderr.write(f"alert-test: {problem}\n")
