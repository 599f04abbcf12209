"""Values that a ``CompressedSerializer`` wrote, as they were before; bounded, whatever they claim.

A megabyte of zstd can hold a gigabyte: no more is made of it than the viewer would read.
"""

from __future__ import annotations

from collector.viewer.shapes import Damaged
from statemeter import codecs
from statemeter.errors import CodecMissing, DamagedValue


def is_compressed(tag: str) -> bool:
    """Whether a tag tells of a compressed value."""
    return bool(codecs.split(tag)[0])


def inner_tag(tag: str) -> str:
    """The tag of what was compressed; of anything else, its own."""
    return codecs.split(tag)[1]


def expanded(tag: str, blob: bytes | memoryview, most: int) -> memoryview:
    """What was compressed: at most ``most`` bytes and one more, which tells that there are more.

    Raises:
        Damaged: it cannot be read: the text says why, with the fix if there is one.
    """
    codec, inner = codecs.split(tag)
    if is_compressed(inner):
        raise Damaged("It was compressed twice, which nothing of ours does.")
    try:
        return memoryview(codecs.expand(codec, blob, most + 1))
    except CodecMissing as error:
        raise Damaged(f"It is compressed, and the dashboard cannot read that: {error}") from None
    except DamagedValue:
        raise Damaged(f"Damaged, or not {codec}.") from None
