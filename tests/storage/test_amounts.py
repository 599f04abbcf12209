"""Sizes and spans of time as people write them."""

from __future__ import annotations

import pytest

from storage import amounts


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("0", 0), ("1500", 1500), ("1.5 MB", 1_500_000), ("2kb", 2000), (" 3 GiB ", 3 * 2**30)],
)
def test_sizes(text: str, bytes_: int) -> None:
    """Decimal units, as the pages show them."""
    assert amounts.size(text) == bytes_


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 0), ("2h", 7200), ("15 min", 900), ("7d", 604_800)]
)
def test_spans(text: str, seconds: int) -> None:
    """A span needs its unit."""
    if seconds:
        assert amounts.seconds(text) == seconds
    else:
        with pytest.raises(amounts.NotAnAmount, match="'90' is not a span"):
            amounts.seconds(text)


@pytest.mark.parametrize("text", ["", "MB", "-1", "1e9", "1 XB", "nan", "9" * 30, "99999999 TB"])
def test_no_sizes(text: str) -> None:
    """What it is and how to write it is said."""
    with pytest.raises(amounts.NotAnAmount, match="write a number and B, KB, MB or GB"):
        amounts.size(text)
