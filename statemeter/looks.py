"""Looks into this process that somebody asks for: what its memory is made of.

A look is asked for by a file (see ``control``), and runs on a thread of its own, one at a time. It
ends with its time; earlier where whoever asked wants the result now (``<id>.now`` appears), is gone
(the request is removed, or was not touched for ``ASKER_SECONDS``), or where the process grows by
``GROWTH_BYTES`` meanwhile. Whatever it turned on is off again at its end, however that comes.

Answers hold names of types, functions, files, lines and variables, counts and bytes: no value.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import psutil

from statemeter import faults

PACKAGE = str(Path(__file__).parent) + os.sep
"""Where the lines are that Statemeter itself allocates at: they are left out."""
ASKER_SECONDS = 15.0
"""Whoever asked touches the request once a second; one that is older was left."""
LONGEST_SECONDS = 600
GROWTH_BYTES = 1_000_000_000
CLOSE_SECONDS = 2.0
"""How long the end of the process waits for a look to turn off what it turned on."""
_TURN_SECONDS = 0.1

_MODULES = {
    "census": "statemeter.look_census",
    "chain": "statemeter.look_chain",
    "allocations": "statemeter.look_allocations",
    "recording": "statemeter.look_recording",
    "lines": "statemeter.look_lines",
}
"""Kind → the module whose ``look`` does it: imported by the first one."""


class Look(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked for."""

    kind: Literal["census", "chain", "allocations", "recording", "lines"]
    seconds: Annotated[float, msgspec.Meta(ge=0, le=LONGEST_SECONDS)] = 0
    """How long; of a census, between the first and the last one; 0: one census."""
    frames: Annotated[int, msgspec.Meta(ge=5, le=50)] = 10
    """``allocations``: how many calls of a traceback are kept."""
    name: Annotated[str, msgspec.Meta(max_length=500)] = ""
    """``chain``: full name of a type; ``lines``: name of a node."""
    graph: Annotated[str, msgspec.Meta(max_length=500)] = ""
    """``lines``: name of the node's graph; empty: any."""
    address: int = 0
    """``chain``: of one object of that type, as a census told it; 0: of some."""
    run: bool = False
    """``recording``: end with the next run that begins, if that is earlier."""
    python_allocator: bool = True
    """``recording``: small objects on their own, not only the arenas that hold them."""


_decode = msgspec.json.Decoder(Look).decode
_encode = msgspec.json.Encoder().encode


class Unable(Exception):
    """The look cannot be done; told to whoever asked."""

    def __init__(self, problem: str, **told: Any) -> None:
        super().__init__(problem)
        self.told: dict[str, Any] = {"problem": problem, **told}


class Left(Exception):
    """Nobody waits for the answer any longer."""


class Attention:
    """What a look waits for, and what ends it."""

    def __init__(self, request: Path) -> None:
        self.request = request
        self.ended = ""
        """Why it ended early: ``now`` or ``memory``."""
        self._closing = threading.Event()
        self._rss_bytes = psutil.Process().memory_info().rss

    def wait(self, seconds: float, done: Callable[[], bool] = lambda: False) -> None:
        """Wait until the time is over, or something ended it.

        Raises:
            Left: nobody waits for the answer.
        """
        ends = time.monotonic() + seconds
        while not done() and not self.ended and (left := ends - time.monotonic()) > 0:
            self._closing.wait(min(left, _TURN_SECONDS))
            self.check()
            if self.request.with_suffix(".now").exists():
                self.ended = "now"
            elif psutil.Process().memory_info().rss - self._rss_bytes > GROWTH_BYTES:
                self.ended = "memory"

    def check(self) -> None:
        """Raise ``Left`` where whoever asked is gone."""
        try:
            age = time.time() - os.lstat(self.request).st_mtime
        except OSError:
            age = ASKER_SECONDS + 1
        if age > ASKER_SECONDS or self._closing.is_set():
            raise Left

    def close(self) -> None:
        """The process ends."""
        self._closing.set()


class _Running(msgspec.Struct):
    look: Look
    attention: Attention
    began: float
    thread: threading.Thread | None = None


class Looks:
    """Those of one process, one at a time."""

    def __init__(self, hand_out: Callable[[Path, bytes, list[bytes]], None]) -> None:
        self._hand_out = hand_out
        self._running: _Running | None = None

    def is_of(self, request: Path) -> bool:
        """Whether this request is being worked on."""
        running = self._running
        return running is not None and running.attention.request == request

    def begin(self, request: Path, data: bytes) -> None:
        """Start what is asked for, or say why not; on the probe's thread."""
        running = self._running
        try:
            look = _decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return self._end(request, {"problem": "asked"})
        if running is not None:
            left = running.look.seconds - (time.monotonic() - running.began)
            told = {"kind": running.look.kind, "seconds_left": round(max(left, 0), 1)}
            return self._end(request, {"problem": "busy", **told})
        self._running = running = _Running(look, Attention(request), time.monotonic())
        try:
            running.thread = threading.Thread(
                target=self._run, args=(running,), name="statemeter-look", daemon=True
            )
            running.thread.start()
        except BaseException:
            self._running = None
            raise
        return None

    def close(self) -> None:
        """End what runs: the process ends."""
        running = self._running
        if running is not None and running.thread is not None:
            running.attention.close()
            running.thread.join(CLOSE_SECONDS)

    def after_fork(self) -> None:
        """In a forked child: its parent looks, the child turns off what it inherited of that."""
        running = self._running
        if running is not None:
            import_module(_MODULES[running.look.kind]).after_fork()

    def _run(self, running: _Running) -> None:
        look, attention = running.look, running.attention
        began = time.perf_counter()
        try:
            told = import_module(_MODULES[look.kind]).look(look, attention)
            told |= {"problem": "", "ended": attention.ended}
        except Unable as unable:
            told = unable.told
        except Left:
            told = None
        except ModuleNotFoundError as error:
            told = {"problem": "missing", "package": (error.name or "").partition(".")[0]}
        except Exception as error:
            faults.fault(f"look {look.kind}")
            told = {"problem": "failed", "kind": type(error).__name__}
        try:
            if told is not None:
                told["took_us"] = int((time.perf_counter() - began) * 1_000_000)
            self._end(attention.request, told)
        except Exception:
            faults.fault("answering a look")
        finally:
            self._running = None

    def _end(self, request: Path, told: dict[str, Any] | None) -> None:
        """Answer, unless nobody waits; the request goes first, so that it is not begun again."""
        with contextlib.suppress(OSError):
            request.unlink(missing_ok=True)
            request.with_suffix(".now").unlink(missing_ok=True)
        if told is not None:
            with contextlib.suppress(OSError):  # a full disk: whoever asked waits in vain
                self._hand_out(request, _encode(told), [])
