"""Start one of the servers and print its URL, until Ctrl-C or the end of standard input."""

from __future__ import annotations

import contextlib
import sys

from tests.servers import mongo_server, postgres_server, redis_servers, running

SERVERS = {
    "redis": redis_servers.plain,
    "redis_stack": redis_servers.stack,
    "postgres": postgres_server.server,
    "mongo": mongo_server.server,
}


def main(names: list[str]) -> int:
    """Exit code 2 for a wrong name, 1 where the server is missing."""
    if len(names) != 1 or names[0] not in SERVERS:
        print(f"usage: python -m tests.servers {{{','.join(SERVERS)}}}", file=sys.stderr)
        return 2
    try:
        with SERVERS[names[0]]() as url, contextlib.suppress(KeyboardInterrupt):
            print(url, flush=True)
            sys.stdin.read()
    except running.Missing as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
