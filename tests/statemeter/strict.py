"""A process of its own under LANGGRAPH_STRICT_MSGPACK: instrumented and bare do the same.

``python -m … [POSTGRES_URL MONGO_URL]``: with URLs, on those servers as well.
"""

from __future__ import annotations

import dataclasses
import sqlite3
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

import statemeter
from statemeter import subclass
from tests.statemeter.graphs import thread


@dataclasses.dataclass
class Known:
    """Named by the schema of the graph, so that LangGraph allows it."""

    text: str = "known"


@dataclasses.dataclass
class Unknown:
    """Named nowhere."""

    text: str = "unknown"


class State(TypedDict, total=False):
    known: Known
    anything: Any


def build(saver: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node("one", lambda state: {"known": Known(), "anything": Unknown()})
    builder.add_node("two", lambda state: {})
    builder.add_edge(START, "one")
    builder.add_edge("one", "two")
    return builder.compile(checkpointer=saver)


class Rot:
    """A cipher for the test."""

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        return "rot", plaintext[::-1]

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        return ciphertext[::-1]


@contextmanager
def savers(urls: list[str]) -> Iterator[list[Any]]:
    with ExitStack() as stack:
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        stack.callback(connection.close)
        encrypted = EncryptedSerializer(Rot(), JsonPlusSerializer())
        made = [InMemorySaver(), SqliteSaver(connection), InMemorySaver(serde=encrypted)]
        if urls:
            made += [stack.enter_context(opened) for opened in on_servers(*urls)]
        yield made


def on_servers(postgres: str, mongo: str) -> list[Any]:
    from langgraph.checkpoint.mongodb import MongoDBSaver
    from langgraph.checkpoint.postgres import PostgresSaver

    with PostgresSaver.from_conn_string(postgres) as saver:
        saver.setup()
    return [
        PostgresSaver.from_conn_string(postgres),
        MongoDBSaver.from_conn_string(mongo, f"test_{uuid.uuid4().hex}"),
    ]


def main(urls: list[str]) -> None:
    with savers(urls) as bare, savers(urls) as measured:
        compare(bare, measured)


def compare(bare_savers: list[Any], measured_savers: list[Any]) -> None:
    for bare_saver, saver in zip(bare_savers, measured_savers, strict=True):
        bare, graph = build(bare_saver), statemeter.instrument(build(saver))
        states = []
        for each, name in ((bare, "bare"), (graph, "measured")):
            each.invoke({}, thread(name), durability="sync")
            states.append(each.get_state(thread(name)).values)
        assert states[0] == states[1]
        assert states[1]["known"] == Known()
        assert not isinstance(states[1]["anything"], Unknown), "not strict"
        # What the application gets when measuring ends allows no more than before.
        clone = graph.checkpointer.with_allowlist({("some.module", "Name")})
        assert subclass.is_instrumented(clone)
        assert subclass.is_instrumented(clone.serde)
        assert clone.serde is not graph.checkpointer.serde
        statemeter.uninstrument(clone)
        inner = getattr(clone.serde, "serde", clone.serde)
        assert type(inner) is JsonPlusSerializer
        assert ("some.module", "Name") in inner._allowed_msgpack_modules


if __name__ == "__main__":
    main(sys.argv[1:])
