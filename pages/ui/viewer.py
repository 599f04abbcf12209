"""The process that reads and decodes values: ``python -m collector.viewer``, one of a dashboard.

It is started when values are first asked for, answers one question at a time, and is killed and
started anew where it takes too long. It ends with the dashboard.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import OrderedDict

import msgspec

from pages.ui.processes import ROOT
from storage import values
from storage.values import Answer, Ask

FETCH_SECONDS = 25.0
"""For connecting and fetching: the viewer ends itself before."""
DECODE_SECONDS = 12.0
"""The same for decoding, which may take it 2 s of the processor."""
WAIT_SECONDS = 15.0
"""How long a visitor waits for the answers of others."""
FRESH_SECONDS = 10.0
"""How long an answer is given again: a checkpoint stays as it is, but for its pending writes."""
END_SECONDS = 0.5
KEPT = 16
KEPT_BYTES = 32_000_000
_FETCHED = b"+\n"
_ANSWER_BYTES = 100_000_000

BUSY = "Values of other checkpoints are being read for other visitors. Try again in a moment."
SLOW_FETCH = (
    f"The database did not answer within {FETCH_SECONDS - 5:.0f} s. Try again when it has less to "
    "do."
)
SLOW_DECODE = (
    "Decoding this checkpoint takes longer than 2 s, so it was stopped: it is too large, or was "
    "made to be."
)
ENDED = "The viewer ended before it answered. Try again."
MEMORY = "This checkpoint needs more memory than the viewer may take."


class Viewer:
    """The process, and its last answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._number = 0
        self._kept: OrderedDict[bytes, tuple[float, int, Answer]] = OrderedDict()

    def ask(self, asked: Ask) -> Answer:
        """The answer, or one with a problem."""
        key = values.encode(asked)
        if not self._lock.acquire(timeout=WAIT_SECONDS):
            return Answer(problem=BUSY)
        try:
            self._forget()
            kept = self._kept.get(key)
            if kept is not None:
                return kept[2]
            line, answer = self._asked(asked)
            if answer.problem == ENDED:  # by itself, after many answers: the next one takes over
                line, answer = self._asked(asked)
            if not answer.problem:
                self._keep(key, len(line), answer)
            return answer
        finally:
            self._lock.release()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _asked(self, asked: Ask) -> tuple[bytes, Answer]:
        self._number += 1
        asked = msgspec.structs.replace(asked, id=self._number)
        try:
            self._send(values.encode(asked) + b"\n")
        except BrokenPipeError:
            self._end()
            return b"", Answer(problem=ENDED)
        except OSError as error:
            self._end()
            return b"", Answer(problem=f"The viewer cannot be asked ({error.strerror}). Try again.")
        line = self._next(FETCH_SECONDS)
        fetched = line == _FETCHED
        if fetched:
            line = self._next(DECODE_SECONDS)
        if not line.endswith(b"\n"):
            return b"", Answer(problem=self._why(fetched, bool(line)))
        try:
            answer = values.decode_answer(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            answer = Answer(id=-1)
        if answer.id != self._number:
            self._end()
            return b"", Answer(problem="The viewer's answer cannot be read. Please report it.")
        return line, answer

    def _send(self, line: bytes) -> None:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def _start(self) -> None:
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        env = {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "collector.viewer"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=os.environ | env,
        )  # fmt: skip
        self._lines = queue.SimpleQueue()
        threading.Thread(target=_read, args=(self._process, self._lines), daemon=True).start()

    def _next(self, seconds: float) -> bytes:
        """A line of the process; what has no newline ended early."""
        try:
            return self._lines.get(timeout=seconds)
        except queue.Empty:
            return b"..."

    def _why(self, fetched: bool, late: bool) -> str:
        """Why there is no answer; the process is gone then."""
        code = self._end()
        if late or -code in (getattr(signal, "SIGALRM", 0), getattr(signal, "SIGXCPU", 0)):
            return SLOW_DECODE if fetched else SLOW_FETCH
        if -code in (getattr(signal, "SIGKILL", 0), getattr(signal, "SIGSEGV", 0)):
            return MEMORY
        if code == 0:
            return ENDED
        return f"The viewer ended early (exit code {code}). Please report it."

    def _end(self) -> int:
        """End the process, which an idle one does by itself; returns its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # it is gone already
            process.stdin.close()
        try:
            return process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _forget(self) -> None:
        """Let go of answers that are not given again: values are in memory no longer than that."""
        now = time.monotonic()
        for key in [key for key, kept in self._kept.items() if now - kept[0] >= FRESH_SECONDS]:
            del self._kept[key]

    def _keep(self, key: bytes, size: int, answer: Answer) -> None:
        self._kept[key] = (time.monotonic(), size, answer)
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT or sum(one[1] for one in self._kept.values()) > KEPT_BYTES:
            self._kept.popitem(last=False)


def _read(process: subprocess.Popen[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    """Pass on what the process says, and at its end an empty line."""
    assert process.stdout is not None
    with process.stdout as stream:
        while line := stream.readline(_ANSWER_BYTES):
            lines.put(line)
        lines.put(b"")
