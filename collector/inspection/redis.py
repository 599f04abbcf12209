"""A look into a Redis or Valkey of RedisSaver, ValkeySaver, RedisStore or RedisCache.

Only commands that read: INFO, MODULE LIST, FT._LIST, FT.INFO, SCAN, TTL, MEMORY USAGE; never KEYS.
Each TTL adds one to the server's own ``keyspace_hits``, at most ``redis_keys.TTL_KEYS`` a prefix.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from collector.inspection import redis_keys, redis_memory, redis_search, url
from collector.inspection.errors import CouldNotLook
from collector.inspection.findings import Findings
from collector.inspection.limits import CONNECT_SECONDS, STATEMENT_SECONDS, Limits
from collector.inspection.url import Address

_FIXES = (
    ("WRONGPASS", "Check user and password."),
    ("authenticat", "Give the password: redis://:password@host:port."),
    ("NOAUTH", "Give the password: redis://:password@host:port."),
    (
        "username-password",
        "Check user and password: redis://user:password@host:port, without a user :password.",
    ),
    ("NOPERM", "Let the user run INFO, SCAN, TTL, MEMORY, MODULE and FT._LIST."),
    ("DB index", "Check the number of the database at the end of the URL."),
    ("LOADING", "The server loads its data: look again in a moment."),
    ("MOVED", "Give the node of the cluster that holds the data."),
    ("refused", "Start the server, or check host and port."),
    (
        "imeout",
        "Check host, port and the firewall between, or wait until the server has less to do.",
    ),
    ("Name or service", "Check the name of the host."),
    ("SSL", "Write rediss:// for a server with TLS, redis:// for one without."),
    ("closed by server", "Write rediss:// if the server wants TLS; is it a Redis at all?"),
)


class Server:
    """A client that raises instead of trying again, and its INFO."""

    def __init__(self, client: redis.Redis, backend: str) -> None:
        self.client = client
        self.backend = backend
        self.info: dict[str, Any] = client.info("everything")

    def ask(self, *command: str | int) -> Any:
        """The answer to a command, as the server gave it."""
        return self.client.execute_command(*command)  # type: ignore[no-untyped-call]


def look(address: Address, limits: Limits) -> tuple[str, str, str, Findings]:
    """Identity, label, server and findings.

    Raises:
        CouldNotLook: it cannot be reached, refuses the login, or has nothing of LangGraph.
    """
    with connected(address) as (client, place):
        findings = Findings((redis.RedisError,), lambda error: _tell(error, address))
        try:
            server = Server(client, address.backend)
        except redis.RedisError as error:
            raise refused(address, error) from None
        sample = None
        with findings.trying("keys", "Keys"):
            sample = redis_keys.take(server, limits)
        if sample is not None:
            _expect_langgraph(address, sample)
        redis_search.check(server, sample, findings)
        with findings.trying("memory", "Memory"):
            redis_memory.check(server, sample, findings)
        if sample is not None:
            redis_keys.check(server, sample, findings, limits)
        identity, label = url.at_server(address.backend, *place)
        return identity, label, _version(server.info), findings


@contextmanager
def connected(address: Address) -> Iterator[tuple[redis.Redis, tuple[str, int, int]]]:
    text = address.url
    if text.startswith("valkey"):
        text = text.replace("valkey", "redis", 1)
    try:
        client = redis.Redis.from_url(
            text,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=STATEMENT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            client_name="statemeter",
        )
        client.connection_pool.make_connection()  # unknown options are refused here; opens nothing
    except (ValueError, TypeError, redis.RedisError) as error:
        raise CouldNotLook(
            f"{address.shown} cannot be used: {address.scrubbed(error)}. Write "
            "redis://user:password@host:6379/0."
        ) from None
    with client:
        named = client.connection_pool.connection_kwargs
        place = (str(named.get("host", "localhost")), int(named.get("port", 6379)),
                 int(named.get("db") or 0))  # fmt: skip
        yield client, place


def _expect_langgraph(address: Address, sample: redis_keys.Sample) -> None:
    if sample.total and not any(sample.prefixes[name].keys for name in sample.prefixes if name):
        looked = (
            "its keys have" if sample.complete else f"of {sample.looked:,} sampled keys, none has"
        )
        raise CouldNotLook(
            f"{address.shown} is not a database of LangGraph: {looked} other prefixes than "
            f"{', '.join(redis_keys.PREFIXES)}. Check the number of the database at the end of "
            "the URL."
        )


def refused(address: Address, error: Exception) -> CouldNotLook:
    said = _tell(error, address)
    fix = next((fix for part, fix in _FIXES if part in said), "Check the URL.")
    return CouldNotLook(f"{address.shown} cannot be reached: {said} {fix}")


def _tell(error: Exception, address: Address) -> str:
    said = address.scrubbed(error)
    return said if said.endswith(".") else said + "."


def _version(info: dict[str, Any]) -> str:
    if "valkey_version" in info:
        return f"Valkey {info['valkey_version']}"
    return f"Redis {info.get('redis_version', '?')}"
