"""How much of a server is asked at once: so much that it takes about as long as it should."""

from __future__ import annotations

import time

from collector.attach.source import BATCH_BYTES, BATCH_ROWS

SECONDS = 0.1
"""A server that answers one client at a time (Redis) lets others wait that long; a statement of
the others is over before it holds anything back."""
FIRST_ROWS = 20


class Pages:
    """Rows of the next page."""

    def __init__(self, most: int = BATCH_ROWS, seconds: float = SECONDS, rest: float = 1.0) -> None:
        self.rows = min(FIRST_ROWS, most)
        self._most = most
        self._seconds = seconds
        self._rest = rest
        self._took = 0.0

    def took(self, seconds: float, size: int = 0) -> None:
        """Tell how long a page of ``rows`` took, and how many bytes of it came."""
        self._took = seconds
        change = min(self._seconds / max(seconds, 1e-6), BATCH_BYTES / max(size, 1))
        self.rows = max(1, min(self._most, round(self.rows * max(0.1, min(2.0, change)))))

    def rest(self) -> None:
        """Leave the server alone, so many times as long as the last page took. Of a first pass,
        which is as long as the database is large; what follows is paced by the reader."""
        time.sleep(min(1.0, self._rest * self._took))

    def shrink(self) -> bool:
        """A page took too long to be answered: ask for less; False where there is no less."""
        if self.rows == 1:
            return False
        self.rows = max(1, self.rows // 8)
        return True
