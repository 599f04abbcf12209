"""Runs a server for as long as its starter lives, whatever ends the starter.

``python guard.py FOLDER USER COMMAND…``: output goes to ``FOLDER/server.log``. Once standard input
ends (the starter closed it, or died), the server is stopped and the folder removed. A server that
ends on its own ends the guard with its exit code, and leaves the folder and the log.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading

STOP_SECONDS = 10


def main(folder: str, user: str, *command: str) -> int:
    """Run ``command`` as ``user`` (empty: as oneself) in ``folder``."""
    identity = {"user": user, "group": user, "extra_groups": []} if user else {}
    with open(f"{folder}/server.log", "wb") as log:
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, **identity
        )
    asked = threading.Event()

    def stop() -> None:
        # Not by sys.stdin: at exit Python would wait for its lock.
        while os.read(0, 1024):
            pass
        asked.set()
        # To PostgreSQL, SIGINT means "without waiting for clients"; the others end by it as well.
        server.send_signal(signal.SIGINT)
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()

    threading.Thread(target=stop, daemon=True).start()
    code = server.wait()
    if asked.is_set():
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    return code or 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
