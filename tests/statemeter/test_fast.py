"""The two ways to read sizes, in C and in Python, give the same for whole and for damaged bytes."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scripts import build_fast
from statemeter import sizes
from tests.conftest import REPOSITORY

fast = pytest.importorskip("statemeter._fast", reason="needs a C compiler: scripts/build_fast.py")

packed = msgspec.msgpack.Encoder().encode

ext = st.builds(msgspec.msgpack.Ext, st.integers(-128, 127), st.binary(max_size=300))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats() | ext
    | st.text(max_size=300) | st.binary(max_size=300),
    lambda inner: st.lists(inner, max_size=20)
    | st.dictionaries(st.text(max_size=20) | st.integers(-300, 300), inner, max_size=18),
    max_leaves=30,
)  # fmt: skip
channels = st.dictionaries(st.text(max_size=20), values, max_size=20)
documents = st.dictionaries(
    st.sampled_from(["v", "id", "channel_versions", "versions_seen", "updated_channels"]), values
)


def assert_same(blob: bytes, names: list[str]) -> None:
    """Both ways give the same of it, as a list and as a document; in the same order, too."""
    for most in (0, 1, 3, 16):
        assert fast.largest(blob, most) == sizes.largest_in_python(blob, most)
        found = fast.document(blob, names, most)
        wanted = sizes.document_in_python(blob, names, most)
        assert found == wanted
        if found is not None and wanted is not None:
            assert [list(part) for part in found[:2]] == [list(part) for part in wanted[:2]]


def damaged(blob: bytes, data: st.DataObject) -> bytes:
    """The bytes with some changed, some left out and some added."""
    changed = bytearray(blob)
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, max(0, len(changed) - 1)))
        changed[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    return bytes(changed[: data.draw(st.integers(0, len(changed)))] if data.draw(st.booleans())
                 else changed)  # fmt: skip


@given(st.lists(values, max_size=40), st.data())
@settings(max_examples=80, deadline=None)
def test_a_list_is_the_same_both_ways(value: list[Any], data: st.DataObject) -> None:
    """Of any list, and of what became of it."""
    blob = packed(value)
    assert_same(blob, [])
    assert_same(damaged(blob, data), [])


@given(documents, channels, st.data())
@settings(max_examples=80, deadline=None)
def test_a_document_is_the_same_both_ways(
    document: dict[str, Any], state: dict[str, Any], data: st.DataObject
) -> None:
    """Of any checkpoint, and of what became of it."""
    names = [name for name in state if data.draw(st.booleans())] + ["missing"]
    blob = packed({**document, "channel_values": state})
    assert_same(blob, names)
    assert_same(damaged(blob, data), names)


@given(st.binary(max_size=40))
@settings(max_examples=200, deadline=None)
@example(b"\xdd\xff\xff\xff\xff")
@example(b"\xdf\xff\xff\xff\xff\xa1a\x01")
@example(b"\x91\xc9\xff\xff\xff\xff\x05x")
@example(b"\x91\xc1")
@example(b"\x92\x01")
@example(b"\x91\x01\x02")
def test_any_bytes_are_the_same_both_ways(blob: bytes) -> None:
    """What was never packed is refused, or read, by both."""
    assert_same(blob, ["a"])
    assert_same(b"\x82\xb0channel_versions\x80\xaechannel_values" + blob, ["a"])


@pytest.mark.parametrize("first", range(256))
def test_each_first_byte_is_the_same_both_ways(first: int) -> None:
    """Each form that msgpack has, with all lengths of what follows."""
    for filler in (b"\x00", b"\x01", b"\xa1a"):
        for length in range(0, 40, 3):
            assert_same(b"\x91" + bytes([first]) + filler * length, [])
            assert_same(bytes([first]) + filler * length, ["a"])


def test_a_key_that_comes_twice_counts_once() -> None:
    """The last value of a name is its value, as for whoever unpacks it; its place is the first."""
    twice = b"\x83\xa1a\x92\x01\x02\xa1b\x01\xa1a\xa3not"
    assert_same(b"\x82\xadversions_seen\x80\xaechannel_values" + twice, ["a"])


@pytest.mark.parametrize("levels", [1, 100, 500, 2_000, 1_000_000])
def test_depth_needs_no_stack(levels: int) -> None:
    """A value nested so deep that no list of it can be read is refused, not followed."""
    for level in (b"\x91", b"\x81\x01"):
        blob = level * levels + b"\xc0"
        found = fast.largest(b"\x91" + blob, 1)
        assert found is None if levels > 1_000 else found[1][0][2] == len(blob)


def test_spans_of_more_than_a_page_are_whole() -> None:
    """Lengths of four bytes are read as such."""
    blob = b"\xdd" + struct.pack(">I", 2) + packed(b"x" * 100_000) + packed("y" * 70_000)
    assert fast.largest(blob, 2) == (2, [(0, "bytes", 100_005), (1, "str", 70_005)])


def test_what_is_no_buffer_is_refused() -> None:
    """A wrong argument is an error that the probe counts."""
    with pytest.raises(TypeError):
        fast.largest("text", 3)
    with pytest.raises(ValueError, match="0 to 16"):
        fast.largest(b"\x90", 17)
    with pytest.raises(ValueError, match="0 to 16"):
        fast.document(b"\x80", [], -1)
    with pytest.raises(TypeError):
        fast.document(b"\x82\xadversions_seen\x80\xaechannel_values\x81\xa1a\x01", None, 3)


def test_without_the_built_module_all_is_measured(tmp_path: Path) -> None:
    """Where nothing could be built, Python does it."""
    code = (
        "import sys; sys.modules['statemeter._fast'] = None\n"
        "from statemeter import sizes\n"
        "assert sizes.largest is sizes.largest_in_python\n"
        "print(sizes.measure_list(b'\\x92\\x01\\xa2ab'))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "(2, [(1, 'str', 3), (0, 'int', 1)])"


def test_a_compiler_that_fails_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Setting up goes on without, and says so."""
    target = tmp_path / "_fast.so"
    monkeypatch.setattr(build_fast, "TARGET", target)
    monkeypatch.setenv("CC", "no-such-compiler")
    build_fast.main()
    assert not target.exists()
    assert "no-such-compiler" in capsys.readouterr().err
