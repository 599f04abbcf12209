"""A store that can no longer be read: moved aside, so that the spool fills a new one.

Only a file that ``storage.identity`` knows as ours is ever moved.
"""

from __future__ import annotations

import time
from pathlib import Path

from storage import identity


def quarantine(path: Path) -> Path | None:
    """Move a damaged store, its WAL and its index to ``<name>.broken-<time>``.

    Returns the new path of the store, or None where another collector was faster.

    Raises:
        OSError: the folder does not allow it.
    """
    if not identity.is_recorded(path):
        return None
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target = path.with_name(f"{path.name}.broken-{stamp}")
    number = 1
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}.broken-{stamp}-{number}")
    path.rename(target)
    for suffix in ("-wal", "-shm"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(target.with_name(target.name + suffix))
    identity.side_file(path).unlink(missing_ok=True)
    return target
