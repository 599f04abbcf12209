"""Compare InMemory, SQLite, Redis, PostgreSQL and MongoDB on servers that are thrown away.

Each server runs in a folder of its own on 127.0.0.1 for as long as the comparison does. One that
this machine lacks is said, and the others are compared. Options are those of
``python -m collector compare``; the result stays on the dashboard.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.servers import mongo_server, postgres_server, redis_servers, running  # noqa: E402

SERVERS = {
    "Redis Stack": redis_servers.stack,
    "PostgreSQL": postgres_server.server,
    "MongoDB": mongo_server.server,
}


def main(options: list[str]) -> int:
    """The exit code of the comparison."""
    backends = ["memory", "sqlite"]
    with ExitStack() as stack:
        for name, server in SERVERS.items():
            try:
                backends.append(stack.enter_context(server()))
            except (running.Missing, RuntimeError) as error:
                sys.stderr.write(f"Without {name}: {error}\n")
        command = [
            sys.executable, "-m", "collector", "compare", "--backends", ",".join(backends),
            "--name", f"{len(backends)} backends", *options,
        ]  # fmt: skip
        try:
            return subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603 (ours)
        except KeyboardInterrupt:
            return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
