"""Plain data of real blobs: the content that the serializers themselves load, and limits."""

from __future__ import annotations

import base64
import json
import pickle
from typing import Any

import bson
import ormsgpack
import pytest
from langgraph.checkpoint.mongodb.utils import dumps_metadata
from langgraph.checkpoint.redis.jsonplus_redis import JsonPlusRedisSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from collector.viewer import decoding
from collector.viewer.limits import Limits
from collector.viewer.shapes import Damaged
from tests.collector.viewer.corpus import MESSAGES, VALUES, described

SERDE = JsonPlusSerializer(allowed_msgpack_modules=True, allowed_json_modules=True)
REDIS = JsonPlusRedisSerializer(allowed_json_modules=True)
ALL = Limits(nodes=1_000_000, seconds=60)
FEW = Limits(nodes=10, depth=4, characters=20, seconds=60)
NOT_IN_JSON = {"infinite", "keys", "type key", "zone", "snapshot"}


def data(blob: bytes, tag: str = "msgpack", limits: Limits = ALL) -> Any:
    value = decoding.plain(tag, blob, limits)
    assert value.problem == ""
    json.dumps(value.data, allow_nan=False).encode()  # JSON can say it
    return value.data


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.parametrize("name", VALUES)
def test_the_same_content_as_loaded(name: str) -> None:
    """What LangGraph's serializer loads from the blob, the plain data says."""
    tag, blob = SERDE.dumps_typed(VALUES[name])
    loaded = SERDE.loads_typed((tag, blob))
    assert data(blob, tag) == described(loaded)


@pytest.mark.parametrize("name", ["messages", "document", "map", "text", "send", "interrupt"])
def test_redis_json_is_brought_to_the_same_form(name: str) -> None:
    """A value in JSON reads as in msgpack; defaults that LangChain leaves out may be missing."""
    tag, blob = REDIS.dumps_typed(VALUES[name])
    assert tag == "json"
    whole = data(SERDE.dumps_typed(VALUES[name])[1])
    assert_within(data(blob, tag), whole)


def assert_within(part: Any, whole: Any) -> None:
    """The same, but that maps may have less keys and no empty ones."""
    if isinstance(part, dict) and isinstance(whole, dict):
        for key, value in part.items():
            assert_within(value, whole[key])
        assert all(not value for key, value in whole.items() if key not in part)
    elif isinstance(part, list) and isinstance(whole, list) and len(part) == len(whole):
        for one, other in zip(part, whole, strict=True):
            assert_within(one, other)
    else:
        assert part == whole


def test_what_redis_marks() -> None:
    """Sets, bytes, snapshots and dataclasses of RedisSaver's JSON."""
    marked = {
        "set": {"lc": 2, "type": "constructor", "id": ["builtins", "set"], "args": [[1, 2]]},
        "old set": {
            "lc": 2, "type": "constructor", "id": ["builtins", "set"],
            "kwargs": {"__set_items__": [1]},
        },
        "bytes": {"__bytes__": base64.b64encode(b"abc").decode()},
        "no bytes": {"__bytes__": "?"},
        "snapshot": {"__delta_snapshot__": True, "value": [1]},
        "uuid": {"lc": 2, "type": "constructor", "id": ["uuid", "UUID"], "args": ["0" * 32]},
        "date": {"lc": 2, "type": "constructor", "id": ["datetime", "date"], "args": [2026, 1, 2]},
        "path": {"lc": 2, "type": "constructor", "id": ["pathlib", "Path"], "args": ["/", "a"]},
        "secret": {"lc": 1, "type": "secret", "id": ["OPENAI_API_KEY"]},
        "not": {"lc": 1, "type": "not_implemented", "id": ["a", "B"], "repr": "B()"},
        "other lc": {"lc": 7, "x": 1},
        "lc without id": {"lc": 1, "type": "constructor", "id": []},
        "no module": {"lc": 2, "type": "constructor", "id": ["dict"], "args": [[1, 2, 3]]},
    }  # fmt: skip
    assert data(json.dumps(marked).encode(), "json") == {
        "set": {"__type__": "builtins.set", "value": [1, 2]},
        "old set": {"__type__": "builtins.set", "value": [1]},
        "bytes": {"__type__": "bytes", "value": "616263", "length": 3},
        "no bytes": {"__bytes__": "?"},
        "snapshot": {
            "__type__": "langgraph.checkpoint.serde.types._DeltaSnapshot", "value": [1]
        },
        "uuid": {"__type__": "uuid.UUID", "value": "00000000-0000-0000-0000-000000000000"},
        "date": {"__type__": "datetime.date", "value": "2026-01-02"},
        "path": {"__type__": "pathlib.Path", "value": "/a"},
        "secret": {"__type__": "secret", "value": "OPENAI_API_KEY"},
        "not": {"__type__": "a.B", "value": "B()"},
        "other lc": {"lc": 7, "x": 1},
        "lc without id": {"lc": 1, "type": "constructor", "id": []},
        "no module": marked["no module"],
    }  # fmt: skip


@pytest.mark.parametrize(
    "found",
    [
        {"a": [1, -2.5, 1e300, 10**25, True, None, 'é😀\\"\n\x00/', {}, [], [[]]], "": {"b": " "}},
        [2**63, -(2**63) + 1, 0.1, "\\\\", '"', "\\u0041"],
        "text",
        7,
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_as_the_library_reads_it(found: Any, indent: int | None, ascii_only: bool) -> None:
    """The same as ``json.loads``, with long integers as text."""
    blob = json.dumps(found, indent=indent, ensure_ascii=ascii_only).encode()
    expected = json.loads(
        blob, parse_int=lambda text: int(text) if len(text) < 21 else described_long(text)
    )
    assert data(blob, "json") == expected


def described_long(text: str) -> Any:
    return {"__type__": "int", "value": text}


def test_json_beyond_the_standard() -> None:
    """NaN, lone surrogates, integers and fractions of any length: said, none of them an error."""
    blob = b'[NaN, -Infinity, "\\ud800x", ' + b"9" * 5000 + b", 0." + b"1" * 50 + b', "\xff"]'
    found = data(blob, "json")
    assert found[:3] == [
        {"__type__": "float", "value": "nan"}, {"__type__": "float", "value": "-inf"}, "\ufffdx",
    ]  # fmt: skip
    assert found[3] == {"__type__": "int", "value": "9" * 5000}
    assert found[4] == {"__type__": "float", "value": "0." + "1" * 50}
    assert found[5] == "\ufffd"


def test_metadata_of_mongodb() -> None:
    """Each value of the metadata is a tag and bytes; BSON's own types are told by name."""
    metadata = {"step": 3, "source": "loop", "parents": {"a": {"b": [1, "x"]}}, "more": MESSAGES[0]}
    document = {
        "metadata": dumps_metadata(SERDE, metadata),
        "id": bson.ObjectId("0" * 24),
        "at": bson.datetime_ms.DatetimeMS(1000),
        "numbers": [1, 2**40, 1.5, True, None],
        "bytes": b"ab",
        "encrypted": ["msgpack+aes", b"ab"],
        "pattern": bson.Regex("a", "i"),
    }
    blob = bson.encode(document)
    found = data(blob, "bson")
    assert found["metadata"] == described(metadata)
    assert found["id"] == {"__type__": "bson.objectid.ObjectId", "value": "00" * 12, "length": 12}
    assert found["at"] == {"__type__": "bson.datetime", "value": {"milliseconds": 1000}}
    assert found["numbers"] == document["numbers"]
    assert found["bytes"] == {"__type__": "bytes", "value": "6162", "length": 2}
    assert "Encrypted" in found["encrypted"]["problem"]
    assert found["pattern"]["__type__"] == "bson 0x0b"
    inner = bytes(decoding.parts("bson", blob, ALL)["metadata"])
    assert data(inner, "bson") == found["metadata"]


@pytest.mark.parametrize("tag", ["msgpack", "json"])
def test_parts_of_a_checkpoint(tag: str) -> None:
    """The bytes of each channel, which are blobs of their own."""
    values = {"messages": MESSAGES, "n": 1, "é": {"a": []}}
    serde = SERDE if tag == "msgpack" else REDIS
    blob = serde.dumps_typed({"v": 1, "channel_values": values})[1]
    channels = decoding.parts(tag, decoding.parts(tag, blob, ALL)["channel_values"], ALL)
    assert {name: data(bytes(part), tag) for name, part in channels.items()} == {
        name: data(serde.dumps_typed(value)[1], tag) for name, value in values.items()
    }
    for other in (serde.dumps_typed([1])[1], b"", blob[:-3]):
        with pytest.raises(Damaged):
            decoding.parts(tag, other, ALL)


@pytest.mark.parametrize("dumps", [SERDE.dumps_typed, REDIS.dumps_typed])
def test_parts_behind_large_ones(dumps: Any) -> None:
    """A channel of many values hides none that comes after it; nor does one of many keys."""
    vectors = [[number / 7 for number in range(1000)] for _ in range(300)]
    keys = {str(number): {"a": [number, "x]"]} for number in range(20_000)}
    tag, blob = dumps({"vectors": vectors, "keys": keys, "text": 'a"]}\\', "last": 1})
    found = decoding.parts(tag, blob, Limits(seconds=60))
    assert list(found) == ["vectors", "keys", "text", "last"]
    assert len(found["vectors"]) == len(dumps(vectors)[1])
    assert len(found["keys"]) == len(dumps(keys)[1])
    assert data(bytes(found["text"]), tag) == 'a"]}\\'
    assert bytes(found["last"]) in (b"\x01", b"1")
    many = decoding.parts(*dumps(keys), Limits(seconds=60))
    assert 10_000 <= len(many) <= 20_000


@pytest.mark.parametrize(
    ("value", "dumps"),
    [
        (MESSAGES, SERDE.dumps_typed),
        (MESSAGES, REDIS.dumps_typed),
        (VALUES["snapshot"], SERDE.dumps_typed),
    ],
)
def test_bytes_of_each_element(value: Any, dumps: Any) -> None:
    """A list tells the serialized bytes of its elements; all are of the length of each alone."""
    tag, blob = dumps(value)
    found = decoding.plain(tag, blob, ALL)
    items = value if isinstance(value, list) else value.value
    assert found.elements == [len(dumps([item])[1]) - len(dumps([])[1]) for item in items]


@pytest.mark.parametrize(
    ("tag", "blob", "words"),
    [
        ("pickle", pickle.dumps([1]), "Pickled"),
        ("msgpack+aes", b"\x00" * 40, "Encrypted (msgpack+aes)"),
        ("yaml", b"a: 1", "'yaml' is not known"),
        ("msgpack", b"", "Damaged, or not msgpack"),
        ("json", b"1 2", "the end should follow at byte 2"),
        ("msgpack", b"\xc1", "no value begins with c1"),
        ("json", b"[1,]", "a value should follow at byte 3"),
        ("json", b"{1:2}", "a key"),
        ("json", b'"a', "a quote"),
        ("bson", b"\x05\x00\x00\x00\x01", "no document of 5 bytes"),
    ],
)
def test_what_is_not_decoded(tag: str, blob: bytes, words: str) -> None:
    """Type, length and the first bytes are shown, and why there is no more."""
    value = decoding.plain(tag, blob, ALL)
    assert words in value.problem
    assert value.data is None
    assert (value.type, value.bytes, value.head) == (tag, len(blob), blob.hex())


def test_an_extension_that_is_not_as_written_is_bytes() -> None:
    """Unknown codes and damaged objects are shown as bytes, what is around them as it is."""
    wrong = [
        ormsgpack.Ext(9, b"abc"),
        ormsgpack.Ext(0, b"\x93\xa1a"),
        ormsgpack.Ext(5, b"\x01"),
        ormsgpack.Ext(6, ormsgpack.packb(("<f8", [2], "C", "no bytes"))),
        1,
    ]
    blob = ormsgpack.packb(wrong)
    found = data(blob)
    assert [item["__type__"] for item in found[:4]] == ["ext 9", "ext 0", "ext 5", "ext 6"]
    assert found[0] == {"__type__": "ext 9", "value": "616263", "length": 3}
    assert found[4] == 1


def test_what_is_beyond_a_limit_is_marked() -> None:
    """Lists and maps tell how many elements are left out, texts how many bytes."""

    def cut(value: Any, dumps: Any = SERDE.dumps_typed) -> Any:
        found = decoding.plain(*dumps(value), FEW)
        assert found.cut
        assert found.problem == ""
        return found.data

    assert cut(list(range(30))) == {"__type__": "list", "value": list(range(10)), "cut": 20}
    assert cut("x" * 50) == {"__type__": "str", "value": "x" * 20, "cut": 30}
    assert cut("é" * 50, REDIS.dumps_typed) == {"__type__": "str", "value": "é" * 10, "cut": 80}
    found = cut({str(number): number for number in range(30)})
    assert (found["__type__"], found["cut"]) == ("dict", 21)
    assert found["value"] == [[str(number), number] for number in range(9)]
    assert cut([[[[[1, 2]]]]]) == [[[[{"__type__": "list", "value": None, "cut": 2}]]]]
    assert cut([[[[MESSAGES[0]]]]])[0][0][0][0]["__type__"] == "ext"
    assert cut([[[[{"a": 1}]]]], REDIS.dumps_typed)[0][0][0][0]["__type__"] == "dict"
    assert cut(list(range(30)), REDIS.dumps_typed)["cut"] == -1
    time_over = Limits(seconds=0)
    assert decoding.plain(*SERDE.dumps_typed([[]] * 5000), time_over).data["cut"] > 4000


@pytest.mark.parametrize("dumps", [SERDE.dumps_typed, REDIS.dumps_typed])
def test_the_beginning_of_a_blob_is_decoded(dumps: Any) -> None:
    """Of a blob that is too large to fetch, what its first bytes hold; wherever they end."""
    value = {"messages": MESSAGES, "topic": "x" * 40, "n": [1.5, 2**40, {"é": "ß"}]}
    tag, blob = dumps(value)
    for end in range(1, len(blob)):
        found = decoding.plain(tag, blob[:end], ALL, len(blob))
        assert (found.problem, found.cut, found.bytes) == ("", True, len(blob))
        json.dumps(found.data, allow_nan=False).encode()
    text = json.dumps(decoding.plain(tag, blob[:-1], ALL, len(blob)).data)
    assert json.dumps(data(dumps(MESSAGES)[1], tag)) in text
    assert "x" * 40 in text
    assert not decoding.plain(tag, blob, ALL, len(blob)).cut
    limited = decoding.plain(tag, blob, Limits(bytes=100), len(blob))
    assert (limited.cut, limited.bytes) == (True, len(blob))


def test_base64() -> None:
    """ValkeySaver's bytes; what is none says so."""
    assert decoding.from_base64(base64.b64encode(b"abc")) == b"abc"
    with pytest.raises(Damaged, match="not base64"):
        decoding.from_base64("a?")
