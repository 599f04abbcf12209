"""What passes the serializer by is sized as the backend keeps it."""

from __future__ import annotations

import json
import random
from typing import Any

import langgraph.checkpoint.base  # noqa: F401 (there in every application)
import psycopg
import pytest

from statemeter import asides, notes

MADE = random.Random(20)
LETTERS = 'ab"\\/\b\f\n\r\t\x01\x1f\x7f\u2028é漢\U0001f600'


def made(depth: int = 0) -> Any:
    """A random JSON value of a document."""
    kinds = [
        lambda: MADE.randint(-(10**6), 10**18),
        lambda: MADE.choice([1e-07, 1e22, 1.5e300, -0.0, 0.1 + 0.2, 5e-324, 1e16, 1.0, 123e5]),
        lambda: MADE.uniform(-1, 1) * 10 ** MADE.randint(-30, 30),
        lambda: "".join(MADE.choices(LETTERS, k=MADE.randint(0, 20))),
        lambda: MADE.choice([None, True, False]),
    ]
    if depth < 3:
        kinds += [
            lambda: [made(depth + 1) for _ in range(MADE.randint(0, 4))],
            lambda: {f"{made(3)}": made(depth + 1) for _ in range(MADE.randint(0, 4))},
        ]
    return MADE.choice(kinds)()


def test_jsonb_is_sized_as_postgres_writes_it(postgres_url: str) -> None:
    """``octet_length(value::text)``, for random documents and numbers in all their forms."""
    with psycopg.connect(postgres_url) as connection:
        for _ in range(300):
            document = {"channel_versions": made(), "x": [made() for _ in range(5)]}
            text = json.dumps(document)
            row = connection.execute("SELECT octet_length(%s::jsonb::text)", (text,)).fetchone()
            assert row is not None
            assert (text, asides._size(asides._parsed(text))) == (text, row[0])


@pytest.mark.parametrize("value", ["x" * 1025, LETTERS * 100, "é" * 5000])
def test_long_strings_are_measured_at_once(value: str, postgres_url: str) -> None:
    """The queue does not keep them, and their size is the same."""
    checkpoint = {"id": "1", "channel_values": {"a": value, "b": 1}, "channel_versions": {"a": "2"}}
    note = notes.json_document(asides.jsonb, inline=True)
    *_, (measure, given) = note({"configurable": {}}, checkpoint, {}, {"a": "2"})
    assert len(given[0]) < 100
    found = measure(given)
    with psycopg.connect(postgres_url) as connection:
        sizes = [
            connection.execute(
                "SELECT octet_length(%s::jsonb::text)", (json.dumps(each),)
            ).fetchone()
            for each in (checkpoint, value, 1)
        ]
    assert [found.document_bytes, found.inline["a"], found.inline["b"]] == [
        s[0] for s in sizes if s
    ]


def test_what_cannot_be_json_is_unknown() -> None:
    """The saver fails at it as well; it must not be a fault of the probe."""
    note = notes.json_document(asides.jsonb, inline=True)
    checkpoint = {"id": "1", "channel_values": {}, "channel_versions": {"a": object()}}
    *_, (measure, given) = note({"configurable": {}}, checkpoint, {}, {})
    assert measure(given) == asides.Aside()


def test_the_document_is_that_of_the_call() -> None:
    """What the application changes afterwards changes nothing."""
    checkpoint = {"id": "1", "channel_values": {"a": 1}, "channel_versions": {"a": 1}}
    note = notes.json_document(asides.jsonb, inline=True)
    *_, (measure, given) = note({"configurable": {}}, checkpoint, {}, {"a": 1})
    before = len(json.dumps(checkpoint))
    checkpoint["channel_values"]["a"] = 100000
    checkpoint["channel_versions"]["b"] = 1
    assert measure(given).document_bytes == before


def test_metadata_as_text() -> None:
    """SqliteSaver writes it as JSON, letters as they are."""
    assert asides.json_metadata(({"configurable": {}}, {"a": "é"})).metadata_bytes == len(
        '{"a": "é"}'.encode()
    )
    assert asides.json_metadata(({"configurable": {}}, {"a": b"bytes"})).metadata_bytes == -1
