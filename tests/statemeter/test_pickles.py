"""Pickles and copies of what is instrumented: as those of the bare object, whatever comes of it."""

from __future__ import annotations

import copy
import pickle
import sqlite3
from argparse import Namespace
from collections.abc import Callable
from typing import Any

import pytest
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import CachePolicy

import statemeter
from statemeter import faults, pickles, subclass
from tests.statemeter.graphs import Notes
from tests.statemeter.spooled import Spooled

COPIES: dict[str, Callable[[Any], Any]] = {"copy": copy.copy, "deepcopy": copy.deepcopy}
PICKLES: dict[str, Callable[[Any], Any]] = {
    f"pickle {number}": lambda thing, number=number: pickle.loads(pickle.dumps(thing, number))
    for number in range(2, pickle.HIGHEST_PROTOCOL + 1)
} | {"pickle in Python": lambda thing: pickle.loads(pickle._dumps(thing))}  # type: ignore[attr-defined]


class Pickling(SerializerProtocol):
    """A serializer that can be pickled."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        return "pickle", pickle.dumps(obj)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        return pickle.loads(data[1])


class Plain(InMemorySaver):
    """A saver that can be pickled: by its attributes."""

    def __init__(self) -> None:
        super().__init__(serde=Pickling())
        self.storage, self.writes, self.blobs = {}, {}, {}  # type: ignore[assignment]
        self.note = "kept"


class Named(Plain):
    """By how it is made."""

    def __init__(self, note: str) -> None:
        super().__init__()
        self.note = note

    def __reduce__(self) -> Any:
        return type(self), (self.note,)


class Stated(Plain):
    """By its own dictionary, which is not to be changed."""

    def __getstate__(self) -> Any:
        return self.__dict__


class Fresh(Plain):
    """With arguments of ``__new__``."""

    def __new__(cls, *args: Any, **named: Any) -> Any:
        made = super().__new__(cls)
        made.given = (args, named)
        return made

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__()

    def __getnewargs_ex__(self) -> Any:
        return (1, 2), {"three": 3}


class Refusing(Plain):
    """Not at all, for a reason of its own."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise NotImplementedError("holds a socket")


def node(state: Notes) -> Notes:
    return {"found": ["x"]}


def graph(**options: Any) -> Any:
    builder = StateGraph(Notes)
    builder.add_node("node", node, cache_policy=CachePolicy() if "cache" in options else None)
    builder.add_edge(START, "node")
    return builder.compile(**options)


def sqlite() -> SqliteSaver:
    return SqliteSaver(sqlite3.connect(":memory:"))


THINGS: dict[str, Callable[[], Any]] = {
    "memory": InMemorySaver,
    "sqlite": sqlite,
    "plain": Plain,
    "named": lambda: Named("told"),
    "stated": Stated,
    "fresh": lambda: Fresh(1, 2, three=3),
    "refusing": Refusing,
    "graph": lambda: graph(checkpointer=InMemorySaver()),
    "graph of a plain saver": lambda: graph(checkpointer=Plain()),
    "graph with a cache": lambda: graph(checkpointer=InMemorySaver(), cache=InMemoryCache()),
}


def outcome(way: Callable[[Any], Any], thing: Any) -> tuple[Any, ...]:
    """What comes of it: the class of the result and its notes, or the error."""
    try:
        result = way(thing)
    except Exception as error:
        return type(error), str(error).partition(" at 0x")[0]
    return (
        subclass.original_class(result),
        getattr(result, "note", ""),
        getattr(result, "given", ""),
    )


def end(thing: Any) -> None:
    for saver in (thing, getattr(thing, "checkpointer", None)):
        if isinstance(saver, SqliteSaver):
            saver.conn.close()


@pytest.mark.parametrize("way", [*COPIES, *PICKLES])
@pytest.mark.parametrize("name", THINGS)
def test_it_comes_out_as_without_the_probe(name: str, way: str, spool: Spooled) -> None:
    """Success or the same error; and the original stays measured."""
    bare, measured = THINGS[name](), THINGS[name]()
    act = (COPIES | PICKLES)[way]
    statemeter.instrument(measured)
    assert outcome(act, measured) == outcome(act, bare)
    assert subclass.is_instrumented(measured)
    statemeter.uninstrument(measured)
    assert not subclass.is_instrumented(measured)
    end(bare)
    end(measured)


@pytest.mark.parametrize("way", PICKLES)
@pytest.mark.parametrize("name", ["plain", "named", "stated", "fresh"])
def test_what_is_loaded_is_bare(name: str, way: str, spool: Spooled) -> None:
    """It has the classes and attributes that the application gave it, and works."""
    bare = THINGS[name]()
    saver = statemeter.instrument(THINGS[name]())
    loaded = PICKLES[way](saver)
    assert type(loaded) is type(bare)
    assert type(loaded.serde) is Pickling
    assert loaded.__dict__.keys() == bare.__dict__.keys()
    assert statemeter.instrument(loaded) is loaded
    assert loaded.serde.loads_typed(loaded.serde.dumps_typed([1])) == [1]


def measured_namespace() -> Namespace:
    """Something small, with an attribute of the probe."""
    thing = Namespace(value=1)
    assert subclass.instrument(thing, "test", lambda cls: {})
    thing._statemeter_info = "the probe's own"
    return thing


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_of_the_probe_is_in_a_pickle(protocol: int) -> None:
    """Whoever loads it need not have statemeter."""
    data = pickle.dumps(measured_namespace(), protocol)
    assert b"statemeter" not in data
    loaded = pickle.loads(data)
    assert (type(loaded), vars(loaded)) == (Namespace, {"value": 1})


def test_copies_stay_measured(spool: Spooled) -> None:
    """As ``with_allowlist`` of a saver copies it."""
    saver = statemeter.instrument(Plain())
    for way in COPIES.values():
        twin = way(saver)
        assert subclass.is_instrumented(twin)
        assert subclass.is_instrumented(twin.serde)


def test_a_class_derived_from_a_measured_one_is_its_own(spool: Spooled) -> None:
    """Its instances are found by its own name."""
    measured = type(statemeter.instrument(Plain()))
    derived = type("Derived", (measured,), {"__module__": __name__})
    globals()["Derived"] = derived
    try:
        assert type(pickle.loads(pickle.dumps(derived()))) is derived
    finally:
        del globals()["Derived"]


def test_a_fault_leaves_it_to_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    """What raises then is pickle's own error, of the class that it did not find."""
    faults.reset()
    thing = measured_namespace()
    monkeypatch.setattr(pickles, "_of_original", None)
    with pytest.raises(pickle.PicklingError, match="Namespace"):
        pickle.dumps(thing)
    assert faults.total() == 1
    faults.reset()
