"""Compressed blobs in the viewer: the same content, bounded, and told where they cannot be read."""

from __future__ import annotations

import resource
import sys
import zlib
from typing import Any

import pytest
import zstandard
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from collector.viewer import decoding
from collector.viewer.limits import Limits
from collector.viewer.shapes import Damaged
from statemeter import codecs
from statemeter.serializers import CompressedSerializer
from tests.collector.viewer.corpus import VALUES

ALL = Limits(nodes=1_000_000, seconds=60)
OWN = JsonPlusSerializer()
MB = 1_048_576


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.parametrize("codec", codecs.NAMES)
def test_the_same_content(codec: str) -> None:
    """Data and elements are those of the plain blob; type, bytes and head those of the stored."""
    serializer = CompressedSerializer(codec=codec, min_bytes=0)
    compressed = 0
    for value in VALUES.values():
        tag, blob = serializer.dumps_typed(value)
        plain = decoding.plain(*OWN.dumps_typed(value), ALL)
        found = decoding.plain(tag, blob, ALL)
        assert (found.data, found.elements, found.problem) == (plain.data, plain.elements, "")
        assert (found.type, found.bytes, found.head) == (tag, len(blob), blob[:256].hex())
        compressed += tag.startswith(codec)
    assert compressed > 2
    tag, blob = serializer.dumps_typed({"a": "x" * 400, "b": [1, 2]})
    parts = decoding.parts(tag, blob, ALL)
    assert {name: bytes(part)[-2:] for name, part in parts.items()} == {
        "a": b"xx",
        "b": b"\x01\x02",
    }


def bomb(codec: str, size: int) -> bytes:
    """A blob that claims to be a text of so many bytes."""
    text = b"\xdb" + size.to_bytes(4, "big")
    if codec == "zstd":
        made = zstandard.ZstdCompressor(level=19).compressobj()
    elif codec == "zlib":
        made = zlib.compressobj(9)
    else:
        import lz4.frame

        made = lz4.frame.LZ4FrameCompressor()
        begin = made.begin() + made.compress(text)
        return begin + b"".join(made.compress(b"a" * MB) for _ in range(size // MB)) + made.flush()
    return made.compress(text) + b"".join(
        made.compress(b"a" * MB) for _ in range(size // MB)
    ) + made.flush()  # fmt: skip


@pytest.mark.parametrize("codec", codecs.NAMES)
def test_a_bomb_is_read_as_far_as_the_limit(codec: str) -> None:
    """400 MB in some KB: its beginning is shown and marked, and memory stays small."""
    blob = bomb(codec, 400 * MB)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = decoding.plain(f"{codec}:msgpack", blob, Limits(seconds=60))
    assert found.problem == ""
    assert found.cut
    assert found.data["value"] == "a" * 100_000
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) < 150_000  # KB


@pytest.mark.parametrize("codec", codecs.NAMES)
def test_what_cannot_be_read_says_why(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Damaged, of another codec, compressed twice, or of a package that is not there."""
    blob = codecs.compress(codec, b"\x01" * 100, codecs.LEVELS[codec][2])
    for bad in (b"\xff" * 50, b"not compressed at all"):
        assert "Damaged" in problem(f"{codec}:msgpack", bad)
    assert "twice" in problem(f"{codec}:{codec}:msgpack", blob)
    assert "Encrypted" in problem(f"{codec}:msgpack+aes", blob)
    assert "Pickled" in problem(f"{codec}:pickle", blob)
    assert problem("brotli:msgpack", blob).startswith("The serializer's type 'brotli:msgpack'")
    with pytest.raises(Damaged):
        decoding.parts(f"{codec}:msgpack", b"\xff" * 50, ALL)
    monkeypatch.setattr(codecs, "_found", {})
    for package in ("zstandard", "compression.zstd", "lz4.frame"):
        monkeypatch.setitem(sys.modules, package, None)
    if codec != "zlib":
        assert "pip install" in problem(f"{codec}:msgpack", blob)


def problem(tag: str, blob: bytes) -> Any:
    return decoding.plain(tag, blob, ALL).problem
