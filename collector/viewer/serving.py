"""The other side of ``pages/ui/values.py``: one ask a line, one answer a line.

Before an answer, a line ``+`` says that all was fetched and that decoding begins: from there on the
kernel ends this process after ``DECODE_SECONDS`` of the processor, whatever it is stuck in, and the
client tells so.
"""

from __future__ import annotations

import ctypes
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import IO

import msgspec

from collector.inspection.errors import CouldNotLook
from collector.viewer import bounds, place
from collector.viewer.answering import Maker, answer, complete
from statemeter import settings
from statemeter.errors import SettingError
from storage import values
from storage.values import Answer, Ask

FETCH_SECONDS = 20
"""Longest time to connect and to fetch."""
DECODE_SECONDS = 2
"""Of the processor."""
DECODE_CLOCK_SECONDS = 10
"""By the clock: a busy machine takes its time, and decoding waits for nothing."""
LINE_BYTES = 1_000_000
MOST_ANSWERS = 1_000
FETCHED = b"+\n"
_M_ARENA_MAX = -8  # malloc.h

GONE = (
    "There is no such checkpoint (any longer): it was deleted or replaced, or is in another "
    "database than this one."
)
TOO_LARGE = "This checkpoint needs more memory than the viewer may take."
OFF = "Values are not shown: STATEMETER_SHOW_VALUES is not 1."


def serve(source: IO[bytes], target: IO[bytes]) -> int:
    """Answer until the other side closes; returns the exit code.

    After many answers, or one that lacked memory, it ends by itself: the client starts another.
    """
    for _ in range(MOST_ANSWERS):
        line = source.readline(LINE_BYTES)
        if not line:
            break
        answer = _answered(line, target)
        said = _encoded(answer)
        _alarm(0)
        target.write(said + b"\n")
        target.flush()
        if answer.problem == TOO_LARGE:
            break
    return 0


def _answered(line: bytes, target: IO[bytes]) -> Answer:
    start = time.monotonic()
    try:
        asked = values.decode_ask(line)
    except msgspec.MsgspecError as error:
        return Answer(problem=f"The viewer was asked for what it does not know: {error}.")
    try:
        found = _looked(asked, target)
    except (CouldNotLook, SettingError) as error:
        found = Answer(problem=str(error))
    except MemoryError:
        found = Answer(problem=TOO_LARGE)
    except Exception as error:
        # Of its text only the class is told: it may quote a value, or a URL.
        found = Answer(problem=f"The viewer failed ({type(error).__name__}). Please report it.")
    took_us = int((time.monotonic() - start) * 1_000_000)
    return msgspec.structs.replace(found, id=asked.id, took_us=took_us)


def _looked(asked: Ask, target: IO[bytes]) -> Answer:
    if not settings.get("STATEMETER_SHOW_VALUES"):
        return Answer(problem=OFF)
    patterns = settings.get("STATEMETER_REDACT") or ()
    _allow(FETCH_SECONDS, FETCH_SECONDS)
    with place.opened(asked) as (reader, origin):
        # Drivers are loaded now; what is fetched and decoded has to keep to this.
        bounds.set_limits()
        found = reader.find(asked.thread, asked.ns, asked.checkpoint, asked.channels)
        if found is None:
            return Answer(problem=GONE, origin=origin)
        complete(asked, reader, found)
    target.write(FETCHED)
    target.flush()
    _allow(DECODE_SECONDS, DECODE_CLOCK_SECONDS)
    return msgspec.structs.replace(answer(asked, found, Maker(patterns)), origin=origin)


def _encoded(said: Answer) -> bytes:
    try:
        return values.encode(said)
    except (msgspec.MsgspecError, ValueError, OverflowError, MemoryError) as error:
        problem = f"The answer cannot be told ({type(error).__name__}). Please report it."
        return values.encode(Answer(id=said.id, problem=problem))


def _allow(cpu_seconds: int, clock_seconds: int) -> None:
    """So many seconds from now on, of the processor and by the clock."""
    bounds.allow_cpu(cpu_seconds)
    _alarm(clock_seconds)


def _alarm(seconds: int) -> None:
    """The kernel ends this process by then; 0: never."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _be_small() -> None:
    """Let the threads of drivers reserve little of the address space that is left to this process:
    each would take 8 MB for its stack, and 64 MB for an allocator of its own."""
    threading.stack_size(512 * 1024)
    with suppress(OSError, AttributeError):  # glibc has it
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def main() -> int:
    """``python -m collector.viewer``."""
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    _be_small()
    with suppress(BrokenPipeError, KeyboardInterrupt):
        return serve(sys.stdin.buffer, sys.stdout.buffer)
    return 0
