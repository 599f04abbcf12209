"""Said once in the log: what a user can do about an error of a backend.

The error itself goes on to the application as it is. Of its text nothing is told: it is looked
through for words, since it may hold a password or a value of the state.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

logger = logging.getLogger("statemeter")

_CLIENTS = ("redis", "redisvl", "valkey", "psycopg", "psycopg_pool", "pymongo")
"""Packages whose errors are looked at."""

_MODULES = (
    "the server has no search and JSON commands, which RedisSaver needs: start Redis 8 or Redis "
    "Stack there, or use a saver for plain Redis, such as ValkeySaver"
)
_SETUP = "the saver's tables or indexes are not there: call setup() once before its first use"
_LOGIN = "the server refuses the login: look at user and password in the connection string"
_RIGHTS = "the server does not let this user do that: grant what the saver needs, or use another"
_FULL = "the server's memory is full: raise maxmemory, or let checkpoints expire (ttl=)"
_SLOW = "the server did not answer in time: look at its load, or raise the client's timeout"
_DOWN = "the server cannot be reached: is it running, and are host and port right?"
_POOL = "all connections of the pool were busy: make it larger, or find out who keeps them"
_NO_CONNECTION = (
    "the pool had no connection to give in time: all were busy (make it larger, or find out who "
    "keeps them), or it could make none (the pool's own log says why)"
)

_RULES = (  # (name of a class or "", what its text begins with, advice): the first that fits
    ("", r"unknown command ['`](ft|json)\.", _MODULES),
    ("", r"(\S+: )?no such index", _SETUP),
    ("UndefinedTable", "", _SETUP),
    ("AuthenticationError", "", _LOGIN),
    ("", "wrongpass|noauth|authentication failed", _LOGIN),
    ("OperationalError", ".*authentication failed", _LOGIN),
    ("NoPermissionError", "", _RIGHTS),
    ("InsufficientPrivilege", "", _RIGHTS),
    ("", "noperm", _RIGHTS),
    ("OutOfMemoryError", "", _FULL),
    ("PoolTimeout", "", _NO_CONNECTION),
    ("ConnectionError", "too many connections", _POOL),
    ("ServerSelectionTimeoutError", "", _DOWN),
    ("TimeoutError", "", _SLOW),
    ("NetworkTimeout", "", _SLOW),
    ("QueryCanceled", "", _SLOW),
    ("ConnectionTimeout", "", _DOWN),
    ("ConnectionError", "", _DOWN),
    ("ConnectionFailure", "", _DOWN),
    ("OperationalError", ".*connection (failed|refused)|server closed the connection", _DOWN),
)
_PIPELINE = "caused error: "
"""What redis-py and valkey-py put between a command, with its values, and the server's words."""

_LONGEST_CHAIN = 8
_TEXT_CHARACTERS = 500
_MOST = 100
_said: set[tuple[str, str]] = set()


def tell(info: Any, error: BaseException | None) -> None:
    """Log what can be done about an error of an instrumented saver; once for each of them."""
    try:
        advice = advice_for(error)
        if not advice or info is None or len(_said) >= _MOST or (info.label, advice) in _said:
            return
        _said.add((info.label, advice))
        logger.warning("statemeter: %s at %s: %s", info.class_name, info.label, advice)
    except Exception:  # noqa: S110 (an error's text may be a property that fails)
        pass


def advice_for(error: BaseException | None) -> str:
    """The advice for an error of a known client or for what caused it; else empty."""
    for link in _chain(error):
        if type(link).__module__.partition(".")[0] not in _CLIENTS:
            continue
        names = {cls.__name__ for cls in type(link).__mro__}
        text = str(link).rpartition(_PIPELINE)[2][:_TEXT_CHARACTERS].lower()
        for name, words, advice in _RULES:
            if (not name or name in names) and re.match(words, text, re.DOTALL):
                return advice
    return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, what caused it, and so on."""
    for _ in range(_LONGEST_CHAIN):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__
