"""What a user does wrong without an error is said in the log, once, with the fix."""

from __future__ import annotations

import logging
from typing import Any

import psycopg
import psycopg_pool
import pymongo.errors
import pytest
import redis.exceptions
import valkey.exceptions

import statemeter
from statemeter import hints, settings
from statemeter.introduction import SaverInfo
from tests.statemeter.graphs import chat

pytestmark = pytest.mark.usefixtures("spool")
SECRET = "s3cret"


def test_a_graph_without_a_saver_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing of such a graph can show up, and that is no mystery."""
    with caplog.at_level(logging.WARNING, "statemeter"):
        graph = statemeter.instrument(chat(None))
    assert "without a checkpointer" in caplog.text
    assert graph.invoke({"messages": [("user", "hello")]})["messages"]


def test_a_misspelt_setting_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that looks like a setting and is none is named; real ones are not."""
    monkeypatch.setenv("STATEMETER_SPOL", "somewhere")
    monkeypatch.setenv("STATEMETER_APP", "mine")
    assert settings.unknown() == ["STATEMETER_SPOL"]


def info(label: str = "127.0.0.1:1/0") -> SaverInfo:
    """A saver of which nothing but its name is asked."""
    return SaverInfo(
        backend="redis", class_name="RedisSaver", layout="whole", serializer="", database="",
        number=1, label=label,
    )  # fmt: skip


def caused(error: Exception, cause: Exception) -> Exception:
    """An error with its cause, as ``raise … from …`` makes it."""
    error.__cause__ = cause
    return error


PIPELINE = "Command # 1 (SET key unknown command 'ft.info') of pipeline caused error: "


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (redis.exceptions.ResponseError("unknown command 'FT.INFO', with args"), hints._MODULES),
        (redis.exceptions.ResponseError("unknown command `JSON.SET`, with"), hints._MODULES),
        (redis.exceptions.ResponseError("unknown command 'OTHER'"), ""),
        (redis.exceptions.ResponseError(f"{PIPELINE}WRONGPASS invalid"), hints._LOGIN),
        (redis.exceptions.ResponseError(f"{PIPELINE}something else"), ""),
        (redis.exceptions.ResponseError("checkpoint: no such index"), hints._SETUP),
        (redis.exceptions.AuthenticationError(SECRET), hints._LOGIN),
        (redis.exceptions.ResponseError("NOAUTH Authentication required."), hints._LOGIN),
        (redis.exceptions.NoPermissionError("NOPERM"), hints._RIGHTS),
        (redis.exceptions.OutOfMemoryError("command not allowed"), hints._FULL),
        (redis.exceptions.TimeoutError("Timeout reading from socket"), hints._SLOW),
        (redis.exceptions.ConnectionError("Error 111 connecting"), hints._DOWN),
        (redis.exceptions.MaxConnectionsError("Too many connections"), hints._POOL),
        (valkey.exceptions.ConnectionError("Too many connections"), hints._POOL),
        (valkey.exceptions.ConnectionError("Error 111 connecting"), hints._DOWN),
        (psycopg.OperationalError("FATAL:  password authentication failed for"), hints._LOGIN),
        (psycopg.OperationalError("connection failed: ... Connection refused"), hints._DOWN),
        (psycopg.errors.UndefinedTable("relation"), hints._SETUP),
        (psycopg.errors.QueryCanceled("statement timeout"), hints._SLOW),
        (psycopg_pool.PoolTimeout("couldn't get a connection"), hints._NO_CONNECTION),
        (pymongo.errors.ServerSelectionTimeoutError("x"), hints._DOWN),
        (pymongo.errors.OperationFailure("Authentication failed.", 18), hints._LOGIN),
        (pymongo.errors.NetworkTimeout("x"), hints._SLOW),
        (ValueError("unknown command 'FT.INFO'"), ""),
        (caused(ValueError("x"), redis.exceptions.ConnectionError("x")), hints._DOWN),
        (caused(redis.exceptions.ResponseError("x"), ConnectionRefusedError("x")), ""),
        (None, ""),
    ],
)
def test_what_can_be_done(error: Any, advice: str) -> None:
    """An error of a known client, or its cause, has an advice; values in its text have none."""
    assert hints.advice_for(error) == advice


def test_an_error_is_explained_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for each saver and advice; with the place, without a word of the error."""
    monkeypatch.setattr(hints, "_said", set())
    error = redis.exceptions.ConnectionError(f"redis://ann:{SECRET}@127.0.0.1 refused")
    with caplog.at_level(logging.WARNING, "statemeter"):
        for _ in range(3):
            hints.tell(info(), error)
        hints.tell(info("127.0.0.1:2/0"), error)
        hints.tell(None, error)
    assert caplog.messages == [
        f"statemeter: RedisSaver at 127.0.0.1:{port}/0: {hints._DOWN}" for port in (1, 2)
    ]


def test_hints_are_bounded(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An application that makes savers without end does not fill its log."""
    monkeypatch.setattr(hints, "_said", set())
    with caplog.at_level(logging.WARNING, "statemeter"):
        for number in range(300):
            hints.tell(info(str(number)), redis.exceptions.ConnectionError("x"))
    assert len(caplog.messages) == hints._MOST


def test_a_hint_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for an error whose text cannot be had, and not for one that is its own cause."""

    class Silent(redis.exceptions.ConnectionError):
        def __str__(self) -> str:
            raise RuntimeError

    Silent.__module__ = "redis.exceptions"
    hints.tell(info(), Silent())
    circular = ValueError("x")
    circular.__context__ = ValueError("y")
    circular.__context__.__context__ = circular
    assert hints.advice_for(circular) == ""
