"""MongoDBSaver: ``python -m examples.backends.on_mongodb [URL]``; its path names the database."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from examples.backends import chat

DEFAULT = "mongodb://localhost:27017/statemeter_example"
PACKAGES = "langgraph-checkpoint-mongodb"

CONNECT_MS = 5_000


@contextmanager
def open_saver(url: str) -> Iterator[Any]:
    """A saver with its indexes; its asynchronous methods work in threads."""
    from langgraph.checkpoint.mongodb import MongoDBSaver  # noqa: PLC0415 - said where missing
    from pymongo import MongoClient  # noqa: PLC0415

    name = urlsplit(url).path.strip("/") or "statemeter_example"
    with MongoClient(url, serverSelectionTimeoutMS=CONNECT_MS) as client:
        yield MongoDBSaver(client, db_name=name)


if __name__ == "__main__":
    sys.exit(chat.main(DEFAULT, PACKAGES, open_saver))
