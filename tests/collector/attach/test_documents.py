"""A checkpoint measured by its bytes, against what LangGraph itself says of it."""

from __future__ import annotations

import json

import pytest
from langgraph.checkpoint.base import Checkpoint, empty_checkpoint
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.types import Send

from collector.attach.documents import Document, Parents, changed, measure

SERDE = JsonPlusSerializer()


def checkpoint(**values: object) -> Checkpoint:
    """A checkpoint with versions: those named ``old…`` are 1, others 2."""
    made = empty_checkpoint()
    made["channel_values"] = values
    made["channel_versions"] = {name: 1 if name.startswith("old") else 2 for name in values}
    made["channel_versions"]["gone"] = 2
    made["channel_versions"]["delta"] = 2
    return made


def test_each_channel_and_what_the_step_wrote() -> None:
    """Channel bytes are those of the value packed alone; changed are the channels whose version is
    not the parent's, the emptied apart; a delta channel without a value is neither."""
    values = {
        "old": "x" * 100, "text": "y" * 50, "items": ["a", "bb", "c" * 30],
        "snapshot": _DeltaSnapshot([1, 2]), "__pregel_tasks": [Send("fetch", {"n": 1})],
    }  # fmt: skip
    made = checkpoint(**values)
    tag, blob = SERDE.dumps_typed(made)
    found = measure(tag, blob, lambda: {"old": 1, "text": 1}, {"delta": 3})
    assert not found.unknown
    assert found.channels == {name: len(SERDE.dumps_typed(v)[1]) for name, v in values.items()}
    assert found.changed == ["text", "items", "snapshot", "__pregel_tasks"]
    assert found.emptied == ["gone"]
    assert found.snapshots == ["snapshot"]
    assert found.sends == ["fetch"]
    assert found.lists["items"] == (3, [(2, "str", 31), (1, "str", 3), (0, "str", 2)])
    assert found.ts == made["ts"]
    parts = [made["channel_versions"], made["versions_seen"]]
    packed = sum(len(SERDE.dumps_typed(part)[1]) for part in parts)
    assert found.bookkeeping_bytes == packed + 17 + 14


def test_json_is_measured_alike() -> None:
    """Documents of a serializer that writes JSON."""
    made = checkpoint(old="x", text="yy")
    found = measure("json", json.dumps(made, separators=(",", ":")).encode(), dict, {})
    assert found.channels == {"old": 3, "text": 4}
    assert found.changed == ["old", "text"]


def test_without_the_parent_the_newest_version_tells() -> None:
    """All that a step wrote has one version, the highest; no versions, nothing written."""
    assert changed({"a": "0002.5", "b": "0001.5", "c": "0002.5"}, None) == ["a", "c"]
    assert changed({}, None) == []
    assert changed({"a": 1, "b": "x"}, None) == []


@pytest.mark.parametrize(
    ("tag", "blob", "why"),
    [
        ("msgpack+aes", b"x", "encrypted"),
        ("pickle", b"x", "pickle"),
        ("", b"x", "?"),
        ("msgpack", b"", "unreadable"),
        ("msgpack", b"\xc1", "unreadable"),
        ("msgpack", b"\x81" * 100_000, "unreadable"),
        ("msgpack", b"\x80", "unreadable"),
        ("json", b'{"channel_versions": {"a": []}}', "unreadable"),
        ("json", b'{"ts": "x"}', "unreadable"),
    ],
)
def test_what_cannot_be_measured_says_why(tag: str, blob: bytes, why: str) -> None:
    """Encrypted, pickled, damaged or hostile bytes cost a word."""
    assert measure(tag, blob, dict, {}) == Document(unknown=why)


def test_versions_read_last_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bounded number of versions; the oldest checkpoints make room, one is always kept."""
    monkeypatch.setattr("collector.attach.documents.VERSIONS_KEPT", 10)
    parents = Parents()
    for number in range(5):
        parents.add("t", "", str(number), {"a": number, "b": number, "c": number})
    assert [parents.get("t", "", str(n)) is not None for n in range(5)] == [
        False, False, False, True, True,
    ]  # fmt: skip
    parents.add("t", "", "big", dict.fromkeys(map(str, range(50)), 1))
    assert parents.get("t", "", "big") is not None
    assert parents.get("t", "", "4") is None
