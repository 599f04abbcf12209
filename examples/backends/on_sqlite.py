"""SqliteSaver: ``python -m examples.backends.on_sqlite [FILE]``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from examples.backends import chat

DEFAULT = "chat.sqlite"
PACKAGES = "langgraph-checkpoint-sqlite"


@contextmanager
def open_saver(path: str) -> Iterator[Any]:
    """A saver over a file."""
    from langgraph.checkpoint.sqlite import SqliteSaver  # noqa: PLC0415 - said where it is missing

    with SqliteSaver.from_conn_string(path) as saver:
        saver.setup()
        yield saver


if __name__ == "__main__":
    sys.exit(chat.main(DEFAULT, PACKAGES, open_saver))
