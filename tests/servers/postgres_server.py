"""PostgreSQL, as Debian has it."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg

from tests.servers import running

FIX = "sh scripts/servers.sh installs it (Debian: apt-get install postgresql)"
LOCKED = "locked"
"""Where a test creates a role of this name, it needs a password to log in; others need none."""


def _programs() -> Path:
    """The folder of the newest installed server."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if folders:
        return max(folders, key=lambda folder: int(folder.parent.name))
    found = shutil.which("initdb")
    if found is None:
        raise running.Missing("PostgreSQL", FIX)
    return Path(found).resolve().parent


def _user() -> str:
    """Who runs the server: it refuses root. Empty: oneself."""
    if os.geteuid():
        return ""
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        raise running.Missing("user postgres (PostgreSQL refuses to run as root)", FIX) from None


@contextlib.contextmanager
def server() -> Iterator[str]:
    """URL of a server's database ``postgres``, its superuser being ``postgres``."""
    programs, user = _programs(), _user()
    running.check(str(programs / "postgres"), "PostgreSQL", FIX)

    def command(folder: Path, port: int) -> list[str]:
        data = folder / "data"
        _create(programs, data, user)
        settings = (
            f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off",
            "shared_buffers=32MB",
        )  # fmt: skip
        options = [word for setting in settings for word in ("-c", setting)]
        return [str(programs / "postgres"), "-D", str(data), *options]

    def answers(port: int) -> object:
        with psycopg.connect(_url(port), connect_timeout=5) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
            return Path(row[0]).parent if row else None

    with running.run("postgres", command, answers, user=user) as port:
        yield _url(port)


def _url(port: int) -> str:
    return f"postgresql://postgres@127.0.0.1:{port}/postgres"


def _create(programs: Path, data: Path, user: str) -> None:
    identity = {"user": user, "group": user, "extra_groups": []} if user else {}
    made = subprocess.run(
        [
            str(programs / "initdb"), "--pgdata", str(data), "--username", "postgres", "--no-sync",
            "--auth", "trust", "--encoding", "UTF8", "--locale", "C",
        ],
        cwd=data.parent, capture_output=True, text=True, check=False, **identity,
    )  # fmt: skip
    if made.returncode:
        raise RuntimeError(f"initdb failed: {made.stderr[-2000:]}")
    rules = data / "pg_hba.conf"
    asks = f"host all {LOCKED} 127.0.0.1/32 scram-sha-256\n"
    rules.write_text(asks + rules.read_text("utf-8"), "utf-8")
