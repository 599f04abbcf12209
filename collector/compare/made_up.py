"""Content that is made up, as large and as compressible as asked for."""

from __future__ import annotations

import base64
import random

_BLOCK = 48
_RANDOM_LEAVES = 0.76
"""What zlib leaves of base64 of random bytes: 6 bits a byte, with its Huffman code."""
_WORDS = b"the customer asked about the order and the answer was sent "


def text(length: int, compressed: float, seed: int) -> str:
    """ASCII text of ``length`` bytes, the same for the same arguments.

    Args:
        length: bytes.
        compressed: what zlib leaves of it, 0 to 1; text cannot be made to leave more than three
            quarters.
        seed: another one, another text.
    """
    share = min(1.0, max(0.0, (compressed - 0.02) / _RANDOM_LEAVES))
    source = random.Random(seed)  # noqa: S311 (content, no secret)
    wanted = int(_BLOCK * share)
    blocks = length // _BLOCK + 1
    noise = base64.b64encode(source.randbytes(blocks * wanted * 3 // 4 + 3))
    plain = (_WORDS * (_BLOCK // len(_WORDS) + 1))[: _BLOCK - wanted]
    made = (
        b"".join(
            noise[at : at + wanted] + plain for at in range(0, blocks * wanted or 1, wanted or 1)
        )
        if wanted
        else plain * blocks
    )
    return made[:length].decode()


def packed_text(size_bytes: int, compressed: float, seed: int) -> str:
    """Text that is ``size_bytes`` long as msgpack has it, header included; at least 1."""
    for header, most in ((1, 31), (2, 255), (3, 65_535), (5, 2**32)):
        length = size_bytes - header
        if length <= most:
            return text(max(0, length), compressed, seed)
    raise ValueError(f"{size_bytes:,} bytes are more than msgpack can hold in a text.")
