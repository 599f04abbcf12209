"""What is left in memory of what is done again and again."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable


def blocks_left(everything: Callable[[], None], warm_up: int) -> int:
    """Blocks of memory that 300 times more leave, after some that fill caches."""
    for _ in range(warm_up):
        everything()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(300):
        everything()
    gc.collect()
    return sys.getallocatedblocks() - before
