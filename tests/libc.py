"""What the C library of this machine tells of itself."""

from __future__ import annotations

import platform

import pytest

NAME, VERSION = platform.libc_ver()
TELLS_FREE = NAME == "glibc" and tuple(map(int, VERSION.split("."))) >= (2, 33)

tells_free = pytest.mark.skipif(
    not TELLS_FREE, reason="glibc 2.33 and later tell what is free in its heaps"
)
"""Of a test that asks for that."""
