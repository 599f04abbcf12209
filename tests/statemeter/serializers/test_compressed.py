"""The serializer that compresses: tags, limits, allowlist, what it refuses."""

from __future__ import annotations

import copy
import os
import pickle
import re
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from statemeter import codecs
from statemeter.errors import CodecMissing, DamagedValue, NotAdoptable
from statemeter.serializers import CompressedSerializer
from tests.statemeter.serializers.working import VALUES, Colour, Order

LONG = {"text": "something that repeats " * 100}
STRICT: Any = {"allowed_msgpack_modules": None}


@pytest.mark.parametrize("codec", codecs.NAMES)
def test_any_level_and_codec_is_read_by_any(codec: str) -> None:
    """A tag tells how; a reader needs no level."""
    lowest, highest, _ = codecs.LEVELS[codec]
    for level in (lowest, highest, None):
        tag, data = CompressedSerializer(codec=codec, level=level).dumps_typed(LONG)
        assert tag == f"{codec}:msgpack"
        for reader in (*codecs.NAMES, "none"):
            assert CompressedSerializer(codec=reader).loads_typed((tag, data)) == LONG


def test_small_and_stubborn_values_stay_as_they_are() -> None:
    """Below the limit, and where compression gains nothing."""
    serializer = CompressedSerializer()
    own = JsonPlusSerializer()
    noise = bytes(range(256)) * 2
    for value in ({"a": 1}, None, b"short", "x" * 500, noise[::-1][:300]):
        assert serializer.dumps_typed(value) == own.dumps_typed(value)
    random = os.urandom(5000)
    assert serializer.dumps_typed(random) == ("bytes", random)
    assert CompressedSerializer(min_bytes=0).dumps_typed("a" * 100)[0] == "zstd:msgpack"
    assert CompressedSerializer(codec="none").dumps_typed(LONG) == own.dumps_typed(LONG)


def test_what_older_checkpoints_hold_is_read() -> None:
    """Plain msgpack, json, null, bytes: as the serializer inside reads them."""
    serializer, own = (
        CompressedSerializer(JsonPlusSerializer(pickle_fallback=True)),
        JsonPlusSerializer(),
    )
    for value in (VALUES, None, b"x", bytearray(b"y")):
        assert serializer.loads_typed(own.dumps_typed(value)) == own.loads_typed(
            own.dumps_typed(value)
        )
    assert serializer.loads_typed(("json", b'{"a": 1}')) == {"a": 1}
    assert serializer.loads_typed(("pickle", pickle.dumps(LONG))) == LONG
    assert serializer.pickle_fallback
    with pytest.raises(NotImplementedError, match="Unknown serialization type"):
        serializer.loads_typed(("sealed:msgpack", b"x"))


def test_the_tag_survives_encryption() -> None:
    """LangGraph takes what follows the first + for the name of its cipher."""
    serializer = EncryptedSerializer.from_pycryptodome_aes(
        CompressedSerializer(), key=b"0123456789abcdef"
    )
    tag, data = serializer.dumps_typed(LONG)
    assert tag == "zstd:msgpack+aes"
    assert serializer.loads_typed((tag, data)) == LONG
    assert codecs.split(tag) == ("", tag)


def test_the_allowlist_of_a_strict_graph_holds() -> None:
    """LangGraph derives it from JsonPlusSerializer alone; copies leave the original as it is."""
    strict = CompressedSerializer(JsonPlusSerializer(**STRICT), min_bytes=0)
    assert isinstance(strict, JsonPlusSerializer)
    typed = strict.dumps_typed([Order(1, "x" * 999), Colour.RED])
    assert strict.loads_typed(typed) == [{"number": 1, "text": "x" * 999}, "red"]
    saver = InMemorySaver(serde=strict)
    clone = saver.with_allowlist({(Order.__module__, "Order")})
    assert clone.serde.loads_typed(typed) == [Order(1, "x" * 999), "red"]
    assert clone.serde.codec == "zstd"
    assert saver.serde is strict
    assert strict.loads_typed(typed)[0] == {"number": 1, "text": "x" * 999}
    wrapped = EncryptedSerializer.from_pycryptodome_aes(strict, key=b"0123456789abcdef")
    secret = wrapped.dumps_typed([Order(1, "x")])
    clone = InMemorySaver(serde=wrapped).with_allowlist({(Order.__module__, "Order")})
    assert clone.serde.loads_typed(secret) == [Order(1, "x")]
    lax = InMemorySaver(serde=CompressedSerializer())
    assert lax.with_allowlist({("a", "b")}) is lax


def test_a_serializer_of_another_kind_inside(caplog: pytest.LogCaptureFixture) -> None:
    """It is wrapped; that it enforces no allowlist is said, as LangGraph says it."""

    class Own:
        def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
            return "own", repr(obj).encode()

        def loads_typed(self, data: tuple[str, bytes]) -> Any:
            return data[1].decode()

    serializer = CompressedSerializer(Own(), codec="zlib")
    tag, data = serializer.dumps_typed("x" * 1000)
    assert tag == "zlib:own"
    assert serializer.loads_typed((tag, data)) == repr("x" * 1000)
    assert serializer.with_msgpack_allowlist([("a", "b")]) is serializer
    assert "Own does not support msgpack allowlist" in caplog.text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"codec": "brotli"}, "knows no codec 'brotli': zstd, lz4, zlib, or none"),
        ({"level": 99}, "zstd has no level 99: give 1 to 22"),
        ({"codec": "zlib", "level": 0}, "zlib has no level 0: give 1 to 9"),
        ({"min_bytes": -1}, "min_bytes is -1"),
        (
            {"serde": EncryptedSerializer.from_pycryptodome_aes(key=b"0123456789abcdef")},
            "EncryptedSerializer(cipher, CompressedSerializer())",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], said: str) -> None:
    """The message has the value and the fix."""
    with pytest.raises(NotAdoptable, match=re.escape(said)):
        CompressedSerializer(**given)


@pytest.mark.parametrize(("codec", "package"), [("zstd", "zstandard"), ("lz4", "lz4.frame")])
def test_a_missing_package_is_named(
    codec: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it is made, and when a value of it is read; with the command that installs it."""
    typed = CompressedSerializer(codec=codec).dumps_typed(LONG)
    monkeypatch.setattr(codecs, "_found", {})
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    command = f"pip install {package.partition('.')[0]}"
    with pytest.raises(CodecMissing, match=command):
        CompressedSerializer(codec=codec)
    with pytest.raises(CodecMissing, match=command):
        CompressedSerializer(codec="zlib").loads_typed(typed)
    assert codecs.missing(codec) == command
    assert codecs.missing("zlib") == ""


@pytest.mark.parametrize("codec", codecs.NAMES)
def test_damaged_bytes_raise_what_says_so(codec: str) -> None:
    """Cut, altered, or of another codec; never something else in their place."""
    serializer = CompressedSerializer(codec=codec)
    tag, data = serializer.dumps_typed(LONG)
    for bad in (data[:-5], b"", b"\x00" * 40, data[:10]):
        with pytest.raises(DamagedValue):
            serializer.loads_typed((tag, bad))


def test_copies_pickles_and_threads(tmp_path: Path) -> None:
    """It holds nothing that these could not have; threads share it."""
    serializer = CompressedSerializer(level=5)
    typed = serializer.dumps_typed(LONG)
    for twin in (copy.copy(serializer), copy.deepcopy(serializer)):
        assert twin.loads_typed(twin.dumps_typed(LONG)) == LONG
    wrong = []

    def work(number: int) -> None:
        for turn in range(50):
            value = {"n": [number, turn], "text": f"{number} {turn} " * 300}
            if serializer.loads_typed(serializer.dumps_typed(value)) != value:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong
    assert serializer.loads_typed(typed) == LONG
