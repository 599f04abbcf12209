"""Files that a form or a spool names lie in folders that were allowed: STATEMETER_ROOTS."""

from __future__ import annotations

from pathlib import Path

from collector.inspection.errors import CouldNotLook
from statemeter import settings


def expect_inside(path: Path, shown: str) -> None:
    """Refuse a file that lies elsewhere; what is there is not told, nor whether anything is.

    Args:
        path: absolute, its links followed.
        shown: the same as it was named.

    Raises:
        CouldNotLook: it does, or leads out by a link.
    """
    roots = [_resolved(root) for root in settings.roots()]
    if any(path.is_relative_to(root) for root in roots):
        return
    allowed = ", ".join(map(str, roots))
    raise CouldNotLook(
        f"{shown} is not inside {allowed}: no other file can be named here. Allow its folder by "
        "STATEMETER_ROOTS (several are separated by : on Linux and macOS, by ; on Windows), or "
        "name it in a terminal: python -m collector attach PATH."
    )


def _resolved(root: Path) -> Path:
    try:
        return root.resolve()
    except (OSError, RuntimeError):
        return root
