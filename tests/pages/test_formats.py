"""Numbers as text."""

from __future__ import annotations

import math
import re

import pytest

from pages.ui import formats


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1.00 KB"), (1_840_000_000, "1.84 GB"),
        (48_200_000, "48.2 MB"), (999_600, "1.00 MB"), (-1500, "-1.50 KB"), (5e15, "5000 TB"),
        (None, "–"), (math.nan, "–"),
    ],
)  # fmt: skip
def test_bytes_are_decimal(value: float | None, text: str) -> None:
    """1 KB is 1000 B, three digits, a dash for what is not known."""
    assert formats.size(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 µs"), (850, "850 µs"), (18_400, "18.4 ms"), (1_234_000, "1.23 s"),
        (90_000_000, "1.50 min"), (7.2e9, "2.00 h"), (None, "–"),
    ],
)  # fmt: skip
def test_durations_take_the_largest_unit(value: float | None, text: str) -> None:
    """µs as µs, ms, s, min, h."""
    assert formats.duration(value) == text


def test_signs() -> None:
    """A change has its sign, and a fall a minus that Streamlit understands."""
    assert formats.size(1500, signed=True) == "+1.50 KB"
    assert formats.size(-1500, signed=True) == "-1.50 KB"
    assert formats.duration(-1100, signed=True) == "-1.10 ms"
    assert formats.count(41, signed=True) == "+41"
    assert formats.rate(-8.25, signed=True) == "-8.2"
    assert formats.share(0.031, signed=True) == "+3.1 %"


@pytest.mark.parametrize("form", [formats.count, formats.rate, formats.share, formats.factor])
def test_unknown_is_a_dash(form) -> None:
    """Nothing known is no 0, in any format."""
    assert form(None) == form(math.nan) == "–"
    assert form(0) != "–"


def test_ago() -> None:
    """In the largest unit that tells it; never before it was."""
    now = 1_800_000_000_000_000
    assert formats.ago(now - 5_000_000, now) == "5 s ago"
    assert formats.ago(now - 150_000_000, now) == "2 min ago"
    assert formats.ago(now - 3 * 3_600_000_000, now) == "3 h ago"
    assert formats.ago(now - 5 * 86_400_000_000, now) == "5 d ago"
    assert formats.ago(now + 9_000_000, now) == "0 s ago"
    assert formats.ago(0, now) == "–"


def test_clock_is_the_visitors() -> None:
    """A moment in the visitor's time zone."""
    assert formats.clock(0, "UTC") == "–"
    assert formats.clock(1_800_000_000_000_000, "UTC") == "2027-01-15 08:00:00"
    assert formats.clock(1_800_000_000_000_000, "Asia/Tokyo", date=False) == "17:00:00"


def test_text_for_markdown_is_escaped() -> None:
    """No character keeps a meaning in markdown, and no line break starts a block."""
    escaped = formats.plain("a*b_[c](d) <e> `f` :red[g] $h$\n# i")
    for special in "*_[]()<>`:$#":
        assert escaped.count(special) == escaped.count("\\" + special)
    assert "\n" not in escaped


@pytest.mark.parametrize("text", ["HTTP://a.b/c", "https://a.b", "see www.a.b", "me@a.b"])
def test_an_address_is_no_link(text: str) -> None:
    """What looks like an address is broken where a markdown reader would know it by."""
    shown = formats.plain(text)
    assert shown.replace("\\", "").replace("\u2060", "") == text
    read = shown.replace("\\", "")
    assert not re.search(r"https?://|www\.|@\w", read, re.IGNORECASE)
    assert formats.plain("redis://a:1") == "redis\\://a\\:1"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (float("nan"), "–"), (0, "$0.00"), (0.00001, "<$0.0001"),
        (0.00042, "$0.00042"),
        (0.5, "$0.50"), (12.345, "$12.35"), (214.4, "$214"), (1234.5, "$1,234"), (2.5e6, "$2.50M"),
    ],
)  # fmt: skip
def test_money(value: float | None, text: str) -> None:
    """What is known is never shown as nothing; unknown is no 0."""
    assert formats.money(value) == text


def test_a_lower_bound_says_so() -> None:
    assert formats.money(8, least=True) == "≥ $8.00"
    assert formats.money(None, least=True) == "–"


@pytest.mark.parametrize(("value", "text"), [(None, "–"), (950, "950"), (1_070_000_000, "1.07 B")])
def test_tokens(value: float | None, text: str) -> None:
    assert formats.tokens(value) == text
