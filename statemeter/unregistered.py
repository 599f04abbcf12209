"""Types that LangGraph's msgpack reads though nobody allowed them, refuses to read, or cannot make
again: counted.

LangGraph tells its listeners of each object of the first two as it is read; a stricter LangGraph
reads none of them. What it cannot make again it logs, once for each type, and gives what was stored
in its place: a filter of its logger, which lets all pass, hears that. Only names of types are kept,
never a value. The application's thread appends to a bounded queue, the probe's counts: where more
than ``WAITING`` objects are read between two of its looks, counts fall short.
"""

from __future__ import annotations

import heapq
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from statemeter import faults

CHANGED = "msgpack_changed"
KINDS = {
    "msgpack_unregistered_allowed": "msgpack_allowed",
    "msgpack_blocked": "msgpack_blocked",
    "msgpack_method_blocked": "msgpack_blocked",
    CHANGED: CHANGED,  # no event: see below
}
"""Kind of LangGraph's event → what its readings are called."""
LOGGER, LOGGED = "langgraph.checkpoint.serde.jsonplus", "Could not reconstruct %s.%s"
"""``_reconstruction_fallback`` of that module logs so."""
WAITING = 10_000
"""Events that wait to be counted, about 2 MB at most."""
KNOWN = 200
"""Most types that are counted apart; objects of further ones are counted as none."""
TOLD = 20
"""Of these the most frequent are told."""
NAME_CHARS = 200

_counts: dict[tuple[str, ...], int] = {}
_heard: deque[Any] = deque(maxlen=WAITING)
_leaves: list[Callable[[], None]] = []
"""What ends the listening; one or none."""
_changing = threading.Lock()
"""Never waited for: whoever has it does what is asked for, or was another thread at a fork."""


@faults.guarded
def start() -> None:
    """Listen from now on, unless that is done already; older versions of LangGraph tell nothing."""
    if _leaves or not _changing.acquire(blocking=False):
        return
    try:
        from langgraph.checkpoint.serde import event_hooks  # noqa: PLC0415 (of newer versions)

        if not _leaves:
            logging.getLogger(LOGGER).addFilter(_hear)
            _leaves.append(event_hooks.register_serde_event_listener(_heard.append))
    except ImportError:
        pass
    finally:
        _changing.release()


@faults.guarded
def stop() -> None:
    """Listen no more, and forget."""
    while _leaves:
        _leaves.pop()()
        logging.getLogger(LOGGER).removeFilter(_hear)
    forget()


def forget() -> None:
    """Count from here on, as in a forked child."""
    _heard.clear()
    _counts.clear()


@faults.guarded
def take() -> None:
    """Count what waits."""
    for _ in range(len(_heard)):
        try:
            event = _heard.popleft()
        except IndexError:  # another thread takes, too
            return
        if event["kind"] in KINDS:
            more = (event["method"],) if "method" in event else ()
            _count((event["kind"], event["module"], event["name"], *more))


def read() -> dict[str, int]:
    """``msgpack_types``, their number, and objects by type as ``msgpack_allowed:<module>.<name>``
    or ``msgpack_blocked:…``, and ``msgpack_changed:…`` for each type that was logged; nothing where
    nobody listens."""
    if not _leaves:
        return {}
    take()
    counted = list(_counts.copy().items())
    told = {"msgpack_types": len(counted)}
    for key, count in heapq.nlargest(TOLD, counted, key=lambda pair: pair[1]):
        told[f"{KINDS[key[0]]}:{'.'.join(key[1:])[:NAME_CHARS]}"] = count
    return told


def _hear(record: logging.LogRecord) -> bool:
    """Hears what LangGraph logs; all of it is logged as before."""
    try:
        if str(record.msg).startswith(LOGGED) and isinstance(record.args, tuple):
            _count((CHANGED, str(record.args[0]), str(record.args[1])))
    except Exception:
        faults.fault("hearing a log record")
    return True


def _count(key: tuple[str, ...]) -> None:
    known = _counts.get(key)
    if known is not None or len(_counts) < KNOWN:
        _counts[key] = (known or 0) + 1
