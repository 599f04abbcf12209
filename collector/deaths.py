"""What the kernel says of a process that ended without a seal: was it killed for want of memory?

Looked at once, when its last segment is stored, on the host where it ran: the counter of its cgroup
against the last one that it told, and the kernel's log where this user may read it. The counter
names no process, hence "probably".
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from storage import gauges
from storage.deaths import OOM_COUNTED, OOM_LOGGED, WITHOUT_SEAL

LOG = "/dev/kmsg"
_KILLED = re.compile(r"[Kk]illed process (\d+)\b")
_LOG_BYTES = 1 << 20


def cause(connection: Connection, process_id: int, values: dict[str, Any]) -> int:
    """The value of ``processes.ended`` for a process that is gone without a seal.

    Args:
        connection: to the store.
        process_id: its row.
        values: its columns: host, pid and first_seen_us.
    """
    if values["host"] != socket.gethostname():
        return WITHOUT_SEAL
    if _is_logged(values["pid"], values["first_seen_us"]):
        return OOM_LOGGED
    row = connection.exec_driver_sql(
        "SELECT r.label, g.readings FROM gauge_samples AS g JOIN resources AS r "
        "ON r.id = g.resource_id WHERE g.resolution_s = 3600 AND g.process_id = ? "
        "AND r.kind = 'process' ORDER BY g.bucket_us DESC LIMIT 1",
        (process_id,),
    ).one_or_none()
    if row is None:
        return WITHOUT_SEAL
    before, now = gauges.decode(row[1]).get("oom_kills"), oom_kills(Path(row[0]))
    return OOM_COUNTED if None not in {before, now} and now > before else WITHOUT_SEAL  # type: ignore[operator]


def oom_kills(group: Path) -> int | None:
    """Processes of a cgroup that were ever killed for want of memory; None where that is unknown.

    Read as the probe reads it: ``statemeter.cgroups``.
    """
    for name in ("memory.events", "memory.oom_control"):
        with contextlib.suppress(OSError, ValueError):
            for line in (group / name).read_text("ascii").splitlines():
                key, _, count = line.partition(" ")
                if key == "oom_kill":
                    return int(count)
    return None


def _is_logged(pid: int, since_us: int) -> bool:
    """Whether the kernel's log names the process. Its times count from the start of the machine."""
    with contextlib.suppress(OSError, ValueError):
        booted_us = _booted_us()
        for line in _log_lines():
            head, _, text = line.partition(";")
            found = _KILLED.search(text)
            if found and int(found[1]) == pid:
                # A second of grace: the two clocks drift apart.
                return booted_us + int(head.split(",")[2]) >= since_us - 1_000_000
    return False


def _booted_us() -> int:
    for line in Path("/proc/stat").read_text("ascii").splitlines():
        if line.startswith("btime "):
            return int(line.split()[1]) * 1_000_000
    raise ValueError("btime")


def _log_lines() -> list[str]:
    """What the log holds now, newest first."""
    fd = os.open(LOG, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    lines: list[str] = []
    size = 0
    try:
        while size < _LOG_BYTES:
            try:
                record = os.read(fd, 8192)
            except BlockingIOError:
                break
            except BrokenPipeError:  # older ones were overwritten meanwhile
                continue
            if not record:  # it is no log
                break
            size += len(record)
            lines.append(record.decode("utf-8", "replace"))
    finally:
        os.close(fd)
    return lines[::-1]
