"""A webhook that Apprise posts to: a real HTTP server on the loopback, which can be taken away."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.conftest import find_free_port

SECRET = "s3cr3t-of-the-path"
PASSWORD = "p4ssw0rd-of-the-user"


class Receiver:
    """Keeps what is posted; answers with ``status`` after ``delay_s``."""

    def __init__(self) -> None:
        self.port = find_free_port()
        self.got: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.status = 200
        self.delay_s = 0.0
        self.met = threading.Event()
        """A request has come, whether it was answered or not."""
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """As a user writes it, with a password and a token."""
        return f"json://user:{PASSWORD}@127.0.0.1:{self.port}/{SECRET}"

    def start(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(json.loads(body))
                receiver.paths.append(self.path)
                receiver.met.set()
                time.sleep(receiver.delay_s)
                try:
                    self.send_response(receiver.status)
                    self.end_headers()
                except OSError:
                    return  # who asked is gone

            def log_message(self, *_: Any) -> None:
                return

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: Any) -> None:
                return  # who asked is gone

        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def file(self, path: Path, *names: str) -> Path:
        """A file of targets with this receiver under each name."""
        path.write_text("# where to\n" + "".join(f"{name} = {self.url}\n" for name in names))
        path.chmod(0o600)
        return path
