"""How a process ended, as far as can be told, and how sure that is.

A process seals its last segment when it ends in good order. Of one that did not, the collector
looks at once for what the kernel says (``collector.deaths``); what it found is in ``ended``. Where
it found nothing, the last readings may speak: a process that was near the limit of its container,
or of the machine, was possibly killed for want of memory.
"""

from __future__ import annotations

from dataclasses import dataclass

ALIVE, IN_ORDER, WITHOUT_SEAL, OOM_LOGGED, OOM_COUNTED = range(5)
"""Values of ``processes.ended``."""

NEAR = 0.90
"""Share of a limit from which on memory is said to have been near it."""
SCARCE = 0.05
"""Share of the machine's memory below which what is available is said to have been short."""
SILENT_US = 30_000_000
"""A process that told nothing for longer is not called alive; probes report once a second."""

Values = dict[str, float]


@dataclass(frozen=True)
class Ending:
    """How a process ended."""

    state: str
    """``alive``, ``silent`` (its segment is still there), ``ended`` (in good order), ``killed`` or
    ``out of memory``."""
    sure: str = ""
    """``surely``, ``probably``, ``possibly``; empty where nothing is concluded."""
    words: str = ""
    """One or two sentences for people."""


def ending(  # noqa: PLR0911 (each ending has its words)
    ended: int, last_seen_us: int, at_us: int, last: Values
) -> Ending:
    """How a process ended.

    Args:
        ended: of ``processes``.
        last_seen_us: when it told something last.
        at_us: now.
        last: its last readings: rss_bytes, limit_bytes, used_bytes, available_bytes,
            machine_bytes; those that are known.
    """
    if ended == ALIVE:
        if at_us - last_seen_us <= SILENT_US:
            return Ending("alive")
        return Ending(
            "silent", words="It tells nothing, and its end was not seen: it may be stopped, or on "
            "a machine whose collector is.",
        )  # fmt: skip
    if ended == IN_ORDER:
        return Ending("ended", "surely", "It ended in good order.")
    near = _near(last)
    if ended == OOM_LOGGED:
        return Ending(
            "out of memory", "surely",
            f"The kernel's log says that it was killed for want of memory. {near}".strip(),
        )  # fmt: skip
    if ended == OOM_COUNTED:
        return Ending(
            "out of memory", "probably",
            "It ended without a word, and its cgroup counted a process killed for want of memory "
            f"between its last reading and its end. {near}".strip(),
        )  # fmt: skip
    if near:
        return Ending(
            "out of memory", "possibly",
            f"It ended without a word. {near} No count of the kernel proves why.",
        )  # fmt: skip
    return Ending(
        "killed", "",
        "It ended without a word: killed (SIGKILL), crashed, or left by os._exit. Its last "
        "readings show no lack of memory.",
    )  # fmt: skip


def _near(last: Values) -> str:
    """What the last readings say of a lack of memory; empty: nothing."""
    limit, used = last.get("limit_bytes"), last.get("used_bytes")
    if limit and used is not None and used >= NEAR * limit:
        return f"Its container had used {used / limit:.0%} of its limit when it last told."
    rss = last.get("rss_bytes")
    if limit and rss is not None and rss >= NEAR * limit:
        return f"It held {rss / limit:.0%} of its container's limit itself when it last told."
    machine, available = last.get("machine_bytes"), last.get("available_bytes")
    if machine and available is not None and available <= SCARCE * machine:
        return f"The machine had {available / machine:.1%} of its memory left when it last told."
    return ""
