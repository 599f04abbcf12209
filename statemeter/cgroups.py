"""The memory limit of the container or service that this process is in: cgroup v2 and v1.

Of all groups around the process the one counts that has the least memory left. *used* is the usage
less file pages that were not used lately (``inactive_file``), which the kernel takes back first:
the "working set" that Kubernetes evicts by. ``oom_kills`` counts processes of the group that the
kernel killed for want of memory, ever.

https://docs.kernel.org/admin-guide/cgroup-v2.html, …/cgroup-v1/memory.html
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

Values = dict[str, int]

ROOT = Path("/sys/fs/cgroup")
UNLIMITED = 1 << 60
"""A limit of that many bytes or more is none: version 1 has 2^63 less a page for it."""


def group_of(pid: int | str = "self") -> Path | None:
    """Folder of the group whose memory files tell of a process; None: no such group here."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text("utf-8").splitlines()
    except OSError:
        return None
    named = {}
    for line in lines:
        _, controllers, path = line.split(":", 2)
        named.update(dict.fromkeys(controllers.split(","), path.lstrip("/")))
    for controller, root in (("memory", ROOT / "memory"), ("", ROOT), ("", ROOT / "unified")):
        if controller not in named:
            continue
        # In a container the folders begin at its own group, whatever path the kernel tells.
        for folder in (root / named[controller], root):
            if any((folder / name).exists() for name in ("memory.current", _V1_USAGE)):
                return folder
    return None


def read(group: Path) -> Values:
    """``limit_bytes`` and ``used_bytes`` of the tightest group, ``oom_kills`` of the process's."""
    told: Values = {}
    with contextlib.suppress(OSError, ValueError):
        told["oom_kills"] = oom_kills(group)
    left = UNLIMITED
    for folder in (group, *group.parents):
        if folder == ROOT.parent:
            break
        with contextlib.suppress(OSError, ValueError):
            limit, used = _limit_and_used(folder)
            if limit < UNLIMITED and limit - used < left:
                left = limit - used
                told |= {"limit_bytes": limit, "used_bytes": used}
    return told


def oom_kills(group: Path) -> int:
    """Processes of the group that were killed for want of memory.

    Raises:
        OSError: the group is gone, or the kernel does not count them.
    """
    for name in ("memory.events", "memory.oom_control"):
        if (group / name).exists():
            counts = _counts(group / name)
            if "oom_kill" in counts:
                return counts["oom_kill"]
    raise FileNotFoundError(group)


_V1_USAGE = "memory.usage_in_bytes"
_V1_LIMIT = "memory.limit_in_bytes"


def _limit_and_used(folder: Path) -> tuple[int, int]:
    if (folder / "memory.max").exists():
        text = (folder / "memory.max").read_text("ascii").strip()
        limit = UNLIMITED if text == "max" else int(text)
        used = int((folder / "memory.current").read_text("ascii"))
    else:
        limit = int((folder / _V1_LIMIT).read_text("ascii"))
        used = int((folder / _V1_USAGE).read_text("ascii"))
    if limit >= UNLIMITED:
        return limit, used
    counts = _counts(folder / "memory.stat")
    idle = counts.get("total_inactive_file", counts.get("inactive_file", 0))
    return limit, max(0, used - idle)


def _counts(path: Path) -> dict[str, int]:
    pairs = (line.split() for line in path.read_text("ascii").splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}


def name_of(group: Path | None) -> str:
    """The group as it is told, from which the collector finds it again; empty: none."""
    return os.fspath(group) if group is not None else ""
