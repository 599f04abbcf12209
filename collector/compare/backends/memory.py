"""InMemorySaver: what it holds is counted, and seen in the memory of the process."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import psutil
from langgraph.checkpoint.memory import InMemorySaver

from collector.compare.place import Account
from collector.inspection.url import Address
from storage.comparisons import Outcome


class Memory:
    """See ``place.Place``."""

    pools = False
    how = (
        "bytes of all blobs, documents, metadata and pending writes in the saver's dictionaries, "
        "counted; beside them what the resident memory of the process grew by (rss)"
    )

    def __init__(self) -> None:
        self._saver = InMemorySaver()
        self._rss_bytes = 0

    def create(self) -> None:
        self.empty()

    @contextmanager
    def saver(self, pool: int, serde: Any = None) -> Iterator[Any]:
        if serde is not None:
            self._saver = InMemorySaver(serde=serde)
        yield self._saver

    @asynccontextmanager
    async def asaver(self, pool: int, serde: Any = None) -> AsyncIterator[Any]:
        with self.saver(pool, serde) as saver:
            yield saver

    def empty(self) -> None:
        self._saver = InMemorySaver()
        gc.collect()
        self._rss_bytes = psutil.Process().memory_info().rss

    def account(self) -> Account:
        saver = self._saver
        documents = metadata = writes = 0
        for namespaces in saver.storage.values():
            for checkpoints in namespaces.values():
                for document, told, _ in checkpoints.values():
                    documents += len(document[1])
                    metadata += len(told[1])
        for tasks in saver.writes.values():
            writes += sum(len(value[1]) for _, _, value, _ in tasks.values())
        blobs = sum(len(value[1]) for value in saver.blobs.values())
        grown = psutil.Process().memory_info().rss - self._rss_bytes
        return Account(
            None,
            documents + metadata + writes + blobs,
            {"blobs": blobs, "documents": documents, "metadata": metadata, "writes": writes,
             "rss_growth": grown},
        )  # fmt: skip

    def describe(self, outcome: Outcome) -> None:
        outcome.saver = "InMemorySaver"
        outcome.server = "memory of the application"
        outcome.keeps = False
        outcome.kept_how = "It ends with its process."
        outcome.reach = "process"

    def remove(self) -> None:
        self._saver = InMemorySaver()

    def close(self) -> None:
        """It has no connection."""


def make(address: Address | None, token: str, folder: Path) -> Memory:
    """See ``place.opened``."""
    return Memory()
