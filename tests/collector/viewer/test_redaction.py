"""Secrets do not leave the process that read them."""

from __future__ import annotations

import json
import pickle
import re
from typing import Any

import pytest
from pydantic import SecretStr

from collector.viewer import decoding
from collector.viewer.limits import Limits
from collector.viewer.redaction import HIDDEN, Redaction
from storage.values import Value
from tests.collector.viewer.corpus import MESSAGES
from tests.collector.viewer.test_decoding import REDIS, SERDE

SECRET = "hunter2-xyz"


def redacted(data: Any, *patterns: str) -> Any:
    return Redaction([re.compile(pattern) for pattern in patterns]).data(data)


@pytest.mark.parametrize(
    "key",
    ["password", "Password", "db_password", "passwd", "secret", "client_secret", "token",
     "access_token", "accessToken", "api_key", "apiKey", "OPENAI_API_KEY", "authorization",
     "Authorization", "cookie", "Set-Cookie", "cookies", "credentials", "private_key", "pwd",
     "passphrase", "secret_key_base"],
)  # fmt: skip
def test_keys_that_lose_their_value(key: str) -> None:
    """Whatever the value is, and wherever the key: in maps, in pairs, in objects."""
    for value in (SECRET, [SECRET], {"a": SECRET}, 12345):
        found = redacted({"a": [{"__type__": "m.C", "value": {key: value, "b": 1}}]})
        assert found == {"a": [{"__type__": "m.C", "value": {key: HIDDEN, "b": 1}}]}
    pairs = {"__type__": "dict", "value": [[key, SECRET], [1, 2]], "cut": 3}
    assert redacted(pairs) == {"__type__": "dict", "value": [[key, HIDDEN], [1, 2]], "cut": 3}
    assert redacted({key: None}) == {key: None}


def test_keys_that_keep_their_value() -> None:
    """Token counts are what people look for."""
    kept = {
        "input_tokens": 1, "total_tokens": 2, "output_token_details": {"x": 1}, "tokenizer": "a",
        "keys": [1], "author": "b", "compass": "n", "bypass": 1, "key": "k", "monkey": "m",
    }  # fmt: skip
    assert redacted(kept) == kept


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"password": SECRET, "x": 1}),
        json.dumps(json.dumps({"api_key": SECRET})),
        json.dumps({"password": 'a"' + SECRET}),
        f"token={SECRET}&x=1",
        f"Authorization: Bearer {SECRET}",
        f"authorization: Basic {SECRET}",
        f"curl -H 'Authorization: Bearer {SECRET}' host",
        f"bearer {SECRET}",
        f"postgresql://user:{SECRET}@host/db",
        f"PASSWORD = '{SECRET}'",
        f"Cookie: {SECRET}",
    ],
)
def test_texts_that_hold_a_secret(text: str) -> None:
    """JSON within texts, headers, settings, URLs."""
    found = redacted(["before " + text + " after"])[0]
    assert SECRET not in found
    assert HIDDEN in found
    assert found.startswith("before ")


def test_json_in_a_text_stays_json() -> None:
    """Only the value between the quotes goes."""
    text = json.dumps({"q": "x", "password": SECRET, "n": 1})
    assert json.loads(redacted(text)) == {"q": "x", "password": HIDDEN, "n": 1}


def test_ordinary_texts_stay() -> None:
    """Words that only sound like a secret."""
    for text in ("The token is spent.", "Set a password!", "https://host:80/a@b", "x=1; y: 2"):
        assert redacted(text) == text


def test_patterns_of_the_user() -> None:
    """They hide the values of keys, and what they match in texts; an empty match hides nothing."""
    data = {"iban": {"a": 1}, "text": "call 030-1234 or 030-9", "n": 1}
    assert redacted(data, r"iban", r"\d{3}-\d{4}", r"z*") == {
        "iban": HIDDEN, "text": f"call {HIDDEN} or 030-9", "n": 1,
    }  # fmt: skip


@pytest.mark.parametrize("dumps", [SERDE.dumps_typed, REDIS.dumps_typed])
def test_a_value_with_a_secret_shows_no_bytes(dumps: Any) -> None:
    """In a blob the first bytes would show it in hex."""
    value = decoding.plain(*dumps({"password": SECRET, "messages": MESSAGES[:1]}), Limits())
    redaction = Redaction()
    found = redaction.value(value)
    assert (found.head, redaction.count) == ("", 1)
    assert found.data == value.data | {"password": HIDDEN}
    harmless = Value(data=[1], head="9101")
    assert redaction.value(harmless) == harmless
    assert redaction.count == 1


@pytest.mark.parametrize("name", ["blob", "api_key"])
def test_bytes_that_were_not_decoded(name: str) -> None:
    """Of a pickle, or of what was too large, the first bytes are looked at themselves: the name of
    a secret in them, or what they stand under, is enough to show none of them."""
    secret = Value(type="pickle", bytes=99, head=pickle.dumps({"password": SECRET}).hex(),
                   problem="Pickled.")  # fmt: skip
    url = Value(type="pickle", bytes=99, head=pickle.dumps(f"redis://:{SECRET}@host").hex(),
                problem="Pickled.")  # fmt: skip
    plain = Value(type="pickle", bytes=99, head=pickle.dumps([1, "abc"]).hex(), problem="Pickled.")
    for value in (secret, url):
        redaction = Redaction()
        found = redaction.value(value, name)
        assert (found.head, found.problem, redaction.count) == ("", "Pickled.", 1)
    assert Redaction().value(plain, "blob") == plain
    assert not Redaction().value(plain, "api_key").head
    assert not Redaction([re.compile("ab.")]).value(plain, "blob").head


def test_secrets_of_pydantic() -> None:
    """LangGraph writes what is in a SecretStr; nobody sees it."""
    value = decoding.plain(*SERDE.dumps_typed({"a": SecretStr(SECRET)}), Limits())
    assert SECRET in json.dumps(value.data)
    assert SECRET not in json.dumps(Redaction().value(value).data)


@pytest.mark.parametrize(
    "text", ["token" * 20_000, 'secret="' * 10_000, "password" + " " * 99_999, "://" * 30_000,
             "password:'" + "a" * 99_999, "bearer " * 20_000, 'token:"' + "\\" * 99_999],
    ids=range(7),
)  # fmt: skip
def test_long_texts_cost_little(text: str) -> None:
    """No text makes the expressions run for seconds: the test ends."""
    for _ in range(20):
        redacted(text)
