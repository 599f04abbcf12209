"""``python -m collector alert-test TARGET``: send a message that tells of nothing to a target.

Targets are lines ``name = Apprise URL`` of the file that STATEMETER_ALERTS names; without a name,
those that it has are listed.
"""

from __future__ import annotations

import argparse
import sys
import uuid

from collector.alerts import sending, targets, words


def main(arguments: list[str]) -> int:
    """Send it; the exit code is 0, 1 where it was not taken, or 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m collector alert-test", description=__doc__)
    parser.add_argument("target", nargs="?", metavar="TARGET", help="name of a target")
    told = parser.parse_args(arguments)
    found = targets.read()
    if found.problem:
        sys.stderr.write(f"alert-test: {found.problem}\n")
    names = ", ".join(found.by_name) or "none"
    if told.target is None:
        sys.stdout.write(f"Targets: {names}\n")
        return 0
    target = found.by_name.get(told.target)
    if target is None:
        sys.stderr.write(
            f"alert-test: there is no target {told.target!r}. {targets.SETTING} has: {names}.\n"
        )
        return 2
    problem = sending.hand_over(target, *words.trial(uuid.uuid4().hex))
    sys.stdout.write(f"{target.name}: {problem or 'sent'}\n")
    return 1 if problem else 0
