"""A process of its own that runs a graph and ends: ``python -m … HOW SPOOL [NUMBER]``.

With a number, as many children do so, one after another: they need not import everything anew. The
statuses of all of them are printed.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading

from langgraph.checkpoint.memory import InMemorySaver

import statemeter
from tests.statemeter.graphs import chat, thread

HELLO = {"messages": [("user", "hello")]}


def main(how: str, folder: str) -> None:
    # Whoever runs the tests in the background may have them ignore Ctrl-C, which is inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if how == "unprivileged":
        os.environ["STATEMETER_SPOOL"] = folder
        if os.getuid() == 0:
            os.setuid(65534)
        else:
            os.chmod(folder, 0o500)
    if how == "atexit":  # registered before the probe is: called after it
        atexit.register(lambda: graph.get_state(thread("too late")))
    graph = statemeter.instrument(chat(InMemorySaver()))
    for number in range(5):
        graph.invoke(HELLO, thread(str(number)))
    if how == "exception":
        raise ValueError("the application's own")
    if how == "exit":
        sys.exit(3)
    if how == "handled":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(4))
        os.kill(os.getpid(), signal.SIGTERM)
    if how in ("SIGTERM", "SIGINT", "SIGKILL"):
        os.kill(os.getpid(), getattr(signal, how))
        signal.pause()
    if how == "os._exit":
        os._exit(5)
    if how == "flushed":
        statemeter.flush()
        os._exit(5)
    if how == "atexit":
        atexit.register(graph.get_state, thread("atexit"))
    if how == "thread":
        threading.Thread(target=graph.get_state, args=(thread("thread"),)).start()
    if how == "stream":
        global left  # noqa: PLW0603
        left = graph.stream(HELLO, thread("left"))
        next(left)


def in_children(number: int) -> bool:
    """True in each child; False in the parent, after all have ended."""
    statuses = []
    for _ in range(number):
        child = os.fork()
        if child == 0:
            return True
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(statuses)
    return False


if __name__ == "__main__" and (len(sys.argv) < 4 or in_children(int(sys.argv[3]))):
    main(sys.argv[1], sys.argv[2])
