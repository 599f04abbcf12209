"""Any saver is measured, whatever it does with its serializer, and none is refused."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

import statemeter
from statemeter import events
from tests.statemeter.graphs import chat, thread
from tests.statemeter.spooled import Spooled


class Own(BaseCheckpointSaver[int]):
    """A saver of the application: a row for each checkpoint, in a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}
        self.pending: dict[tuple[str, str, str], Any] = {}

    def dump(self, value: Any) -> Any:
        return self.serde.dumps_typed(value)

    def load(self, data: Any) -> Any:
        return self.serde.loads_typed(data)

    def get_tuple(self, config: Any) -> CheckpointTuple | None:
        named = config["configurable"]
        of_thread = {key[1]: row for key, row in self.rows.items() if key[0] == named["thread_id"]}
        checkpoint_id = named.get("checkpoint_id") or max(of_thread, default="")
        if checkpoint_id not in of_thread:
            return None
        checkpoint, metadata, parent = self.load(of_thread[checkpoint_id])
        pending = [
            (task, channel, value)
            for (held, task, _), data in self.pending.items()
            if held == checkpoint_id
            for channel, value in self.load(data)
        ]
        here = thread(named["thread_id"], checkpoint_ns="", checkpoint_id=checkpoint_id)
        return CheckpointTuple(here, checkpoint, metadata, parent, pending)

    def list(self, config: Any, **options: Any) -> Iterator[CheckpointTuple]:
        for name, checkpoint_id in list(self.rows):
            found = self.get_tuple(thread(name, checkpoint_id=checkpoint_id))
            assert found is not None
            yield found

    def put(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        name = config["configurable"]["thread_id"]
        self.rows[name, checkpoint["id"]] = self.dump((checkpoint, dict(metadata), None))
        return thread(name, checkpoint_ns="", checkpoint_id=checkpoint["id"])

    def put_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        held = config["configurable"]["checkpoint_id"]
        self.pending[held, task_id, task_path] = self.dump(list(writes))

    def delete_thread(self, thread_id: str) -> None:
        self.rows = {key: row for key, row in self.rows.items() if key[0] != thread_id}


class Pickling(Own):
    """It passes its serializer by."""

    def dump(self, value: Any) -> Any:
        return pickle.dumps(value)

    def load(self, data: Any) -> Any:
        return pickle.loads(data)


class Without(Pickling):
    """It has no serializer."""

    def __init__(self) -> None:
        super().__init__()
        self.serde = None  # type: ignore[assignment]


class Fixed(Pickling):
    """Its serializer cannot be exchanged."""

    def __init__(self) -> None:
        self.rows = {}
        self.pending = {}

    @property
    def serde(self) -> Any:  # type: ignore[override]
        return JsonPlusSerializer()


class Sealed(Pickling):
    """Its serializer is of a type that lets no class be assigned."""

    def __init__(self) -> None:
        super().__init__()
        self.serde = memoryview(b"")  # type: ignore[assignment]


def talk(saver: Any) -> Any:
    graph = chat(saver)
    for text in ("one", "two"):
        graph.invoke({"messages": [("user", text)]}, thread())
    rows = len(list(saver.list(None)))
    state = graph.get_state(thread()).values
    saver.delete_thread("thread")
    return rows, [m.content for m in state["messages"]], state["topic"], saver.rows


@pytest.mark.parametrize("cls", [Own, Pickling, Without, Fixed, Sealed])
def test_it_works_as_before_and_is_measured(cls: Any, spool: Spooled) -> None:
    """The same results, each call told; bytes are known where the serializer shows them."""
    bare, saver = cls(), statemeter.instrument(cls())
    assert talk(saver) == talk(bare)
    told = (
        spool.one(events.Saver) if len(spool.of(events.Saver)) == 1 else spool.of(events.Saver)[0]
    )
    assert (told.backend, told.layout, told.class_name) == ("other", "unknown", cls.__name__)
    puts = spool.of(events.Put)
    assert len(puts) == 8
    kinds = {type(event) for event in spool.told()}
    assert kinds == {events.Put, events.Writes, events.Read, events.List, events.Removal}
    for put in puts:
        assert put.duration_us >= 0
        assert (put.document_bytes > 0) == (cls is Own)
        if cls is not Own:
            assert (put.document_bytes, put.channels_unknown) == (-1, "serializer not seen")
    assert statemeter.stats()["failures"] == 0
    statemeter.uninstrument(saver)
    assert type(saver) is cls
    count = len(spool.told())
    talk(saver)
    assert len(spool.told()) == count
