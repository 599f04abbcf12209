"""Resident memory before, after and at its peak while a node or a region runs.

The hot path reads ``/proc/self/statm`` by one ``pread`` of a file that stays open (1 to 2 µs): at
the end of each node, and at its beginning unless another ended less than 0.2 ms before. The probe's
thread looks at the memory some times a second, too: a peak is the highest of all that was read
meanwhile. Where no look fell in between it is unknown: no lower than
before and after. A spike that was higher than the process had ever been is known from the kernel's
own high-water mark; of a node, if it ran in the fifth of a second in which that was.

Memory belongs to the process: of nodes that run at the same time, each is told what all did. Where
there is no ``/proc``, that of nodes is unknown.
"""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable

from statemeter import fast, kernel

UNKNOWN = -1
NOT_SEEN = (UNKNOWN, UNKNOWN, UNKNOWN)
SHARED_NS = 200_000
"""A reading serves the next beginning so long, ns."""
KEPT = 3_000
"""Looks of the probe's thread that are kept, ten minutes' worth."""
MINUTES_KEPT = 1_440
"""Minutes of which the highest look is kept beside them, a day's worth."""
_MINUTE_NS = 60_000_000_000

_PATH = "/proc/self/statm"
_page = os.sysconf("SC_PAGE_SIZE") if kernel.ON_LINUX else 0
_pread = getattr(os, "pread", None)


class _File:
    """The open file; the application may close it, and another may then have its number."""

    def __init__(self) -> None:
        self.fd = -1
        self._identity = (0, 0)

    def check(self) -> None:
        """Open it unless it is open; never close it: it may not be ours any longer."""
        if self.fd >= 0:
            try:
                found = os.fstat(self.fd)
                if (found.st_dev, found.st_ino) == self._identity:
                    return
            except OSError:
                pass
        self.fd = -1
        self._tell()
        self.fd = os.open(_PATH, os.O_RDONLY | os.O_CLOEXEC)
        found = os.fstat(self.fd)
        self._identity = (found.st_dev, found.st_ino)
        self._tell()

    def forget(self) -> None:
        """In a forked child: the file tells of the parent."""
        fd, self.fd = self.fd, -1
        self._tell()
        if fd >= 0:
            found = os.fstat(fd)
            if (found.st_dev, found.st_ino) == self._identity:
                os.close(fd)

    def _tell(self) -> None:
        """Tell the hot path, and that nothing was read of it."""
        global _fd, _newest, _newest_ns
        _fd, _newest, _newest_ns = self.fd, UNKNOWN, 0
        if "statm" in fast.IN_C:
            fast.IN_C["statm"](self.fd, _page)


_file = _File()
_fd = -1
_newest = UNKNOWN
_newest_ns = 0
_looks: deque[tuple[int, int, int]] = deque(maxlen=KEPT)
"""(wall clock in ns, bytes, high-water mark if it rose since the look before), oldest first."""
_minutes: deque[tuple[int, int]] = deque(maxlen=MINUTES_KEPT)
"""(its beginning by the wall clock in ns, highest look in bytes), oldest first."""
_highest = 0


def before_in_python(now_ns: int) -> int:
    """Bytes at the beginning of a node, -1 where unknown; on the hot path.

    Args:
        now_ns: ``perf_counter_ns`` of the present.
    """
    return _newest if now_ns - _newest_ns < SHARED_NS else after_in_python(now_ns)


def after_in_python(now_ns: int) -> int:
    """The same at its end."""
    global _newest, _newest_ns  # noqa: PLW0603
    if _fd >= 0:
        try:
            _newest = _bytes_of(_pread(_fd, 64, 0))  # type: ignore[misc]
        except OSError:
            _newest = UNKNOWN
        _newest_ns = now_ns
    return _newest


before: Callable[[int], int] = fast.IN_C.get("memory_before", before_in_python)
after: Callable[[int], int] = fast.IN_C.get("memory_after", after_in_python)


def look() -> None:
    """Note the memory now; on the probe's thread."""
    global _highest  # noqa: PLW0603
    if not kernel.ON_LINUX:
        return
    _file.check()
    bytes_now = _bytes_of(os.pread(_fd, 64, 0))
    highest = kernel.highest()
    rose = _highest and highest > _highest
    _highest = highest
    now_ns = time.time_ns()
    _looks.append((now_ns, bytes_now, highest if rose else 0))
    if "looked" in fast.IN_C:
        fast.IN_C["looked"](*_looks[-1])
    minute_ns = now_ns - now_ns % _MINUTE_NS
    if _minutes and _minutes[-1][0] == minute_ns:
        _minutes[-1] = (minute_ns, max(_minutes[-1][1], bytes_now))
    else:
        _minutes.append((minute_ns, bytes_now))


def now() -> int:
    """Bytes at this moment, understood at once: for what is not on the hot path. Elsewhere than on
    Linux too; -1 where unknown."""
    seen = after(time.perf_counter_ns())
    return seen if seen >= 0 else kernel.memory().get("rss_bytes", UNKNOWN)


def told(at_ns: int, duration_ns: int, first: int, last: int) -> tuple[int, int, int]:
    """Bytes before, after and at the peak of the node that began at ``at_ns`` of the wall clock;
    each -1 where unknown."""
    if first < 0 or last < 0:
        return NOT_SEEN
    highest = between(at_ns, duration_ns)
    return first, last, max(first, last, highest) if highest > 0 else UNKNOWN


def between(at_ns: int, duration_ns: int, *, marks: bool = True) -> int:
    """The most that was looked at from ``at_ns`` of the wall clock on; -1: no look fell in between.

    Args:
        at_ns: when it began.
        duration_ns: how long it took.
        marks: whether a high-water mark counts that rose between the look before and one of these,
            or the one after: what rose may have been outside.
    """
    highest = UNKNOWN
    end_ns = at_ns + duration_ns
    if _looks and at_ns < _looks[0][0]:
        for minute_ns, seen in list(_minutes):
            if at_ns <= minute_ns and minute_ns + _MINUTE_NS <= end_ns:
                highest = max(highest, seen)
    for index in range(bisect_left(_looks, (at_ns,)), len(_looks)):
        moment, seen, mark = _looks[index]
        if moment <= end_ns:
            highest = max(highest, seen)
        if marks and mark:
            highest = max(highest, mark)
        if moment >= end_ns:  # what it looks back on may have been in the node
            break
    return highest


def _bytes_of(text: bytes) -> int:
    parts = text.split()
    # Seven numbers: anything else is no longer that file.
    return int(parts[1]) * _page if len(parts) == 7 and parts[1].isdigit() else UNKNOWN


def begin() -> None:
    """Be ready for the first node."""
    if kernel.ON_LINUX:
        _file.check()


def after_fork() -> None:
    """In a forked child: nothing is known yet."""
    global _highest  # noqa: PLW0603
    _highest = 0
    _looks.clear()
    _minutes.clear()
    if "looked" in fast.IN_C:
        fast.IN_C["looked"](0, 0, 0)
    _file.forget()
