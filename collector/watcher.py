"""``python -m collector.watcher``: the process that looks at the store for a collector.

It reads only, on connections of its own, each task in a thread of its own. A look is the next one
only when what the one before it saw is committed, so that it sees what that changed. The process
ends at once when the collector does: its pipe is closed then, however the collector ended.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import pkgutil
import signal
import sys
import threading
import time
from typing import Any, BinaryIO, Protocol

from sqlalchemy import Engine

from collector import frames
from collector.frames import Saw, Task
from storage.store import open_beside

logger = logging.getLogger("statemeter.collector")

NICE = 5
"""How far it stands back behind ingest, and behind the application, whose machine this may be."""


class Looks(Protocol):
    """What looks; made without arguments."""

    def look(self, engine: Engine) -> Any:
        """Look; returns plain data, None: there is nothing to store."""

    def forget(self) -> None:
        """Begin again from what is stored: the last outcome was not."""


class Watcher:
    """One task and its thread.

    Args:
        url: of the store.
        task: what to do.
        target: the pipe to the collector.
        lock: of the pipe.
    """

    def __init__(self, url: str, task: Task, target: BinaryIO, lock: threading.Lock) -> None:
        self._url = url
        self._task = task
        self._target = target
        self._lock = lock
        self._looks: Looks = pkgutil.resolve_name(task.looks)()
        self._go = threading.Event()
        self._stored = True

    def go(self, stored: bool) -> None:
        """The collector has dealt with what was seen."""
        self._stored = stored
        self._go.set()

    def run(self) -> None:
        """Look for ever."""
        try:
            while True:
                outcome = self._look()
                self._go.clear()
                self._tell(outcome)
                if outcome is not frames.NOTHING:
                    self._go.wait()
                    if not self._stored:
                        self._looks.forget()
                time.sleep(self._task.every_seconds)
        except BaseException:
            logger.exception("the %s can no longer look", self._task.name)
            os._exit(1)  # the collector starts another process

    def _look(self) -> Any:
        try:
            engine = open_beside(self._url)
            try:
                return frames.raw(self._looks.look(engine))
            finally:
                engine.dispose()
        except Exception:  # a store that is locked, moved or replaced: look again later
            logger.debug("the %s could not look", self._task.name, exc_info=True)
            self._looks.forget()
            return frames.NOTHING

    def _tell(self, outcome: Any) -> None:
        try:
            with self._lock:
                frames.write(self._target, Saw(self._task.name, outcome))
        except OSError:
            os._exit(0)  # the collector is gone


def main() -> int:
    """Look until the collector is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the collector ends this process
    logging.basicConfig(level=logging.INFO, format="%(asctime)s collector: %(message)s")
    with contextlib.suppress(OSError):
        os.nice(NICE)
    source = sys.stdin.buffer
    target = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anything prints is no message
    first = frames.read(source)
    if first is None:
        return 0
    begin = frames.read_begin(first)
    watchers: dict[str, Watcher] = {}
    threading.Thread(target=_listen, args=(source, watchers), daemon=True).start()
    lock = threading.Lock()
    try:
        for task in begin.tasks:
            watchers[task.name] = Watcher(begin.url, task, target, lock)
    except Exception:
        logger.exception("what looks for findings and alerts cannot be loaded")
        os._exit(1)  # Python's own end would wait for the thread that reads
    gc.collect()
    gc.freeze()  # what was imported stays
    threads = [threading.Thread(target=one.run, daemon=True) for one in watchers.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 1


def _listen(source: BinaryIO, watchers: dict[str, Watcher]) -> None:
    """Hear what the collector says; its end is the end of this process, in the middle of a look as
    well: it has nothing to tidy up."""
    try:
        while (message := frames.read(source)) is not None:
            go = frames.read_go(message)
            watchers[go.name].go(go.stored)
    finally:
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
