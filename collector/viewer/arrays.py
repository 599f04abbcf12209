"""NumPy arrays from their type, shape and bytes: facts and first numbers, without NumPy."""

from __future__ import annotations

import re
import struct

from collector.viewer.limits import Budget
from collector.viewer.shapes import Plain, integer, octets, real, typed

_DTYPE = re.compile(r"[<>|]([iufb])([1248])")
_CODES = {
    ("i", 1): "b", ("i", 2): "h", ("i", 4): "i", ("i", 8): "q", ("u", 1): "B", ("u", 2): "H",
    ("u", 4): "I", ("u", 8): "Q", ("f", 2): "e", ("f", 4): "f", ("f", 8): "d", ("b", 1): "?",
}  # fmt: skip
"""NumPy's kind and bytes → ``struct``'s letter."""

MOST_NUMBERS = 1000


def array(dtype: str, shape: Plain, order: Plain, content: memoryview, budget: Budget) -> Plain:
    """``numpy.ndarray`` with its first numbers in the order of the bytes, where they are numbers.

    ``cut`` is how many numbers are left out.
    """
    facts = {"dtype": dtype, "shape": shape, "order": order, "bytes": len(content)}
    numbers = _numbers(dtype, content, budget)
    if numbers is None:
        return typed("numpy.ndarray", facts | {"head": octets("bytes", content)["value"]})
    count = len(content) // numbers[0]
    budget.cut |= count > len(numbers[1])
    return typed("numpy.ndarray", facts | {"numbers": numbers[1]}, count - len(numbers[1]))


def _numbers(dtype: str, content: memoryview, budget: Budget) -> tuple[int, list[Plain]] | None:
    """Bytes of a number, and the first numbers; None where the type is none of the plain ones."""
    known = _DTYPE.fullmatch(dtype)
    code = _CODES.get((known[1], int(known[2]))) if known else None
    if known is None or code is None:
        return None
    size = int(known[2])
    count = min(len(content) // size, MOST_NUMBERS, max(0, budget.nodes))
    budget.nodes -= count
    form = f"{'>' if dtype[0] == '>' else '<'}{count}{code}"
    found = struct.unpack_from(form, content)
    return size, [integer(n) if isinstance(n, int) else real(n) for n in found]
