"""``port.py PORT``: exit with a message unless the port of 127.0.0.1 can be listened on."""

from __future__ import annotations

import errno
import socket
import sys


def problem(text: str) -> str:
    """Why the port cannot be used, with the fix; empty where it can."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        return f"PORT={text} is no port: give a number from 1 to 65535, such as PORT=8502."
    with socket.socket() as listener:
        # Without this a port whose last connections are still closing would count as taken.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", int(text)))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return (
                    f"Port {text} of 127.0.0.1 is taken, perhaps by a dashboard that runs already "
                    f"(http://127.0.0.1:{text}). Stop it, or take another port: "
                    f"make run PORT={int(text) % 65535 + 1}"
                )
            return (
                f"Port {text} of 127.0.0.1 cannot be used: {error.strerror}. "
                "Take another: make run PORT=8502"
            )
    return ""


if __name__ == "__main__":
    sys.exit(problem(sys.argv[1]) or 0)
