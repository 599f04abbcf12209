"""Real graphs on MongoDB, run as a process of its own: ``python -m … URL DATABASE``."""

from __future__ import annotations

import asyncio
import sys

from langgraph.checkpoint.mongodb import MongoDBSaver

import statemeter
from tests.collector import applications


def main(url: str, database: str) -> None:
    with MongoDBSaver.from_conn_string(url, database) as saver:
        graph = statemeter.instrument(applications.outer().compile(checkpointer=saver))
        applications.everything(graph, saver)
        asyncio.run(applications.everything_async(saver, "async-"))


if __name__ == "__main__":
    main(*sys.argv[1:])
