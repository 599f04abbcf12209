"""The start of a blob as people read bytes: offset, hex, and ASCII beside it."""

from __future__ import annotations

WIDTH = 16


def hexdump(head: str, width: int = WIDTH) -> str:
    """Lines of ``width`` bytes.

    Args:
        head: bytes in hex.
        width: bytes of a line.

    Raises:
        ValueError: it is not hex.
    """
    content = bytes.fromhex(head)
    lines = []
    for at in range(0, len(content), width):
        part = content[at : at + width]
        text = "".join(chr(one) if 0x20 <= one < 0x7F else "." for one in part)
        lines.append(f"{at:04x}  {part.hex(' '):<{3 * width - 1}}  {text}")
    return "\n".join(lines)
