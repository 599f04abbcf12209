"""The start of a blob as people read bytes."""

from __future__ import annotations

import subprocess

import pytest

from pages.ui.hexdump import hexdump


@pytest.mark.parametrize("length", [1, 15, 16, 17, 256])
def test_as_hexdump_prints_it(length: int) -> None:
    """The same bytes and characters as ``od`` prints, at the same places."""
    content = bytes(range(0x18, 0x18 + length)) if length < 200 else bytes(range(256))
    lines = hexdump(content.hex()).splitlines()
    printed = subprocess.run(
        ["od", "-A", "x", "-t", "x1z", "-v"], input=content, capture_output=True, check=True
    ).stdout.decode("ascii")
    wanted = [line for line in printed.splitlines() if "  >" in line]
    for ours, theirs in zip(lines, wanted, strict=True):
        offset, _, rest = theirs.partition(" ")
        figures, _, text = rest.partition("  >")
        assert int(ours[:4], 16) == int(offset, 16)
        assert ours[6:53].split() == figures.split()
        assert ours[55:] == text.removesuffix("<")


def test_nothing_has_no_line() -> None:
    """Of no bytes there is nothing to show; what is no hex is refused."""
    assert hexdump("") == ""
    with pytest.raises(ValueError, match="non-hexadecimal"):
        hexdump("zz")
