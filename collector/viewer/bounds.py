"""What the kernel holds a process to that reads values: memory, time of its processor, and files.

The limits of ``limits.py`` are ours; these hold where ours have a hole, or a driver has none.
"""

from __future__ import annotations

from pathlib import Path

try:
    import resource
except ImportError:  # Windows has no such limits; the dashboard ends what takes too long
    resource = None  # type: ignore[assignment]

MB = 1_048_576
MEMORY_BYTES = 256 * MB
"""How much the process may grow from where it stands."""

_PAGES_OF_MEMORY = Path("/proc/self/statm")


def set_limits(memory: int = MEMORY_BYTES) -> None:
    """Hold this process to its present address space and ``memory`` bytes more.

    Call it when all modules are imported and threads run: a thread takes address space for its
    stack, and with glibc for a heap of its own (``serving`` sees to both). Beyond the limit Python
    raises MemoryError. Where the kernel does not tell the address space (no Linux)
    memory is left as it is.
    """
    if resource is None:
        return
    _lower(resource.RLIMIT_CORE, 0)  # a core file would have the values in it
    if _PAGES_OF_MEMORY.exists():
        pages = int(_PAGES_OF_MEMORY.read_text().split()[0])
        _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + memory)


def allow_cpu(seconds: int) -> None:
    """Allow so many seconds of the processor from now on, and up to one more: the kernel counts
    whole ones. Then it ends this process (SIGXCPU). Call it anew for each request.
    """
    if resource is None:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    ends = int(used.ru_utime + used.ru_stime) + 1 + seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(
        resource.RLIMIT_CPU, (ends if hard == resource.RLIM_INFINITY else min(ends, hard), hard)
    )


def _lower(what: int, limit: int) -> None:
    """Set a limit that holds for good, unless a lower one holds already."""
    _, hard = resource.getrlimit(what)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(what, (limit, limit))
