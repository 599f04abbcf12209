"""What the operating system tells of this process, cheaply: Linux by ``/proc``, others by psutil.

Each function gives readings by name, and leaves out what cannot be known here. What takes long is
read by ``Rarely``, less often the longer it takes.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

Values = dict[str, int]

ON_LINUX = sys.platform == "linux"
SHARE = 400
"""A reading that took t is not taken again within 400 t: at most 0.25 % of a core."""

_STATUS = {
    "RssAnon": "anon_bytes", "RssFile": "file_bytes", "RssShmem": "shmem_bytes",
    "VmSwap": "swap_bytes", "VmHWM": "highest_bytes", "VmRSS": "rss_bytes", "Threads": "threads",
}  # fmt: skip


class Rarely:
    """A reading that is repeated from time to time; between, it shows what it showed last."""

    def __init__(self, read: Callable[[], Values], seconds: float) -> None:
        self._read = read
        self._seconds = seconds
        self._next = 0.0
        self.values: Values = {}

    def at(self, now: float) -> Values:
        """The values at ``now`` of the monotonic clock; those of a reading that fails are gone."""
        if now >= self._next:
            begin = time.thread_time()
            self.values = {}
            self._next = now + self._seconds
            self.values = self._read()
            taken = time.thread_time() - begin
            self._next = now + max(self._seconds, SHARE * taken)
        return self.values


def memory() -> Values:
    """Resident and swapped bytes: anonymous, of mapped files, shared; the most there ever was; and
    the number of operating-system threads."""
    if not ON_LINUX:
        me = psutil.Process()
        return {"rss_bytes": me.memory_info().rss, "threads": me.num_threads()}
    told = {}
    for line in _text("/proc/self/status").splitlines():
        name, _, value = line.partition(":")
        if name in _STATUS:
            number = int(value.split()[0])
            told[_STATUS[name]] = number * 1024 if value.endswith("kB") else number
    return told


def highest() -> int:
    """The most resident bytes that this process ever had; -1 where the system keeps no such
    mark."""
    if resource is None:
        return -1
    # ru_maxrss is in bytes on macOS, in kilobytes elsewhere: getrusage(2).
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def cpu_us() -> int:
    """CPU time of the process, user and system, µs."""
    return time.process_time_ns() // 1000


def unique() -> Values:
    """Unique set size: what would be free again if this process ended."""
    if ON_LINUX:
        told = 0
        for line in _text("/proc/self/smaps_rollup").splitlines():
            if line.startswith(("Private_Clean:", "Private_Dirty:", "Private_Hugetlb:")):
                told += int(line.split()[1]) * 1024
        return {"uss_bytes": told}
    return {"uss_bytes": psutil.Process().memory_full_info().uss}


def files() -> Values:
    """Open file descriptors (Windows: handles), sockets and pipes among them."""
    if ON_LINUX:
        return {"fds": len(os.listdir("/proc/self/fd")) - 1}  # one of them lists the others
    me = psutil.Process()
    return {"fds": me.num_fds() if hasattr(me, "num_fds") else me.num_handles()}


def children() -> Values:
    """Direct child processes and the sum of their resident bytes, memory shared between them
    counted with each."""
    number = rss = 0
    for pid in _children():
        with contextlib.suppress(psutil.Error, OSError):
            rss += _rss_of(pid)
            number += 1
    return {"children": number, "children_rss_bytes": rss}


def system() -> Values:
    """Memory of the machine that programs can still have, and all there is."""
    found = psutil.virtual_memory()
    return {"available_bytes": found.available, "machine_bytes": found.total}


def native() -> Values:
    """Bytes that are allocated from the C library's ``malloc`` now (glibc, macOS, Windows): native
    libraries, and Python's own objects larger than 512 bytes. Of glibc also those that are free in
    its heaps: kept, where they lie between what is used; some were never touched."""
    if not hasattr(psutil, "heap_info"):  # psutil 7.2
        return {}
    found = psutil.heap_info()
    told = {"malloc_bytes": found.heap_used + found.mmap_used}
    mallinfo2 = _mallinfo2()
    return told | {"malloc_free_bytes": mallinfo2().fordblks} if mallinfo2 else told


_MALLINFO2 = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"


@functools.cache
def _mallinfo2() -> Callable[[], Any] | None:
    """The function of glibc 2.33 and later; None elsewhere."""
    if not ON_LINUX:
        return None
    import ctypes  # noqa: PLC0415 (3 ms, which the import of the probe need not take)

    class Mallinfo2(ctypes.Structure):
        """As in ``malloc.h``."""

        _fields_ = [(name, ctypes.c_size_t) for name in _MALLINFO2.split()]

    found = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if found is not None:
        found.restype = Mallinfo2
    return found


def _children() -> list[int]:
    """Process ids; the kernel lists them by the thread that started them."""
    if not ON_LINUX or not os.path.exists("/proc/thread-self/children"):
        return [child.pid for child in psutil.Process().children()]
    found: list[int] = []
    for task in os.listdir("/proc/self/task"):
        with contextlib.suppress(OSError):  # a thread that ended meanwhile
            found += map(int, _text(f"/proc/self/task/{task}/children").split())
    return found


def _rss_of(pid: int) -> int:
    if ON_LINUX:
        return int(_text(f"/proc/{pid}/statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return int(psutil.Process(pid).memory_info().rss)


def _text(path: str) -> str:
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        pieces = []
        while piece := os.read(fd, 65_536):
            pieces.append(piece)
        return b"".join(pieces).decode("utf-8", "replace")
    finally:
        os.close(fd)
