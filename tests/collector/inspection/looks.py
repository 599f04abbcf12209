"""What tests of looks share: graphs that fill a database, checks by name, statements that mend."""

from __future__ import annotations

import json
import shlex
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from operator import add
from typing import Annotated, Any, TypedDict

import psycopg
import pymongo
import redis
from langgraph.graph import StateGraph

from storage.inspections import Check, Inspection


class State(TypedDict):
    """One list that grows."""

    words: Annotated[list, add]


def fill(saver: Any, threads: int = 2) -> None:
    """Run a graph once on each thread."""
    builder = StateGraph(State)
    builder.add_node("work", lambda state: {"words": ["w" * 20]})
    builder.set_entry_point("work")
    builder.set_finish_point("work")
    graph = builder.compile(checkpointer=saver)
    for number in range(threads):
        config = {"configurable": {"thread_id": f"t{number}"}, "metadata": {"tenant": "a"}}
        graph.invoke({"words": ["q"]}, config)


def check(found: Inspection, id: str, subject: str | None = None) -> Check:
    """The one check of this name, about this subject."""
    matching = [
        one for one in found.checks if one.id == id and subject in (None, one.subject)
    ]  # fmt: skip
    assert len(matching) == 1, (id, subject, found.checks)
    return matching[0]


def wrong(found: Inspection) -> list[tuple[str, str, str]]:
    """(id, subject, status) of what is wrong, the worst first."""
    return [(one.id, one.subject, one.status) for one in found.wrong]


def mend(found: Check, **names: Any) -> None:
    """Run the statement of a check as its reader would."""
    assert found.mend
    if found.language == "python":
        exec(found.mend, names)
    elif found.language == "mongodb":
        command = json.loads(found.mend.removeprefix("db.runCommand(").removesuffix(")"))
        names["database"].command(command)
    elif found.language == "redis":
        with redis.Redis.from_url(names["url"]) as client:
            client.execute_command(*shlex.split(found.mend))
    elif found.language == "sql" and "url" in names:
        with psycopg.connect(names["url"], autocommit=True) as connection:
            connection.execute(found.mend)
    else:
        raise AssertionError(found)


@contextmanager
def silent_server() -> Iterator[int]:
    """The port of a server that takes connections and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        taken: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    taken.append(listener.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(30)
        for connection in taken:
            connection.close()


def dropped_databases(client: pymongo.MongoClient[Any], name: str) -> None:
    """Drop a database of a test."""
    client.drop_database(name)
