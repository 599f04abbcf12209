"""The subclass made once per class, which an object gets and gives back."""

from __future__ import annotations

import copy
import dis
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from statemeter import subclass


class Thing:
    """Its documentation."""

    def __init__(self) -> None:
        self.value = 1

    def work(self) -> str:
        return "worked"


class Slotted:
    __slots__ = ("value",)

    def work(self) -> str:
        return "worked"


class Meta(type):
    """A metaclass of the user's own."""


class WithMeta(metaclass=Meta):
    def work(self) -> str:
        return "worked"


def methods(cls: Any) -> dict[str, Any]:
    def work(self: Any) -> str:
        return f"measured: {cls.work(self)}"

    return {"work": work}


@pytest.mark.parametrize("cls", [Thing, Slotted, WithMeta])
def test_an_object_becomes_measured_and_itself_again(cls: Any) -> None:
    """The class changes under the object, and looks like the one it had."""
    thing = cls()
    assert subclass.instrument(thing, "test", methods)
    assert thing.work() == "measured: worked"
    assert isinstance(thing, cls)
    now = type(thing)
    assert (now.__name__, now.__qualname__, now.__module__, now.__doc__) == (
        cls.__name__, cls.__qualname__, cls.__module__, cls.__doc__,
    )  # fmt: skip
    assert type(now) is type(cls)
    assert subclass.original_class(thing) is cls
    assert not subclass.instrument(thing, "test", methods)
    subclass.restore(thing)
    assert type(thing) is cls
    assert thing.work() == "worked"


def test_others_of_the_class_stay_as_they_are() -> None:
    """Only the object given is measured, and the subclass is made once."""
    one, two, other = Thing(), Thing(), Thing()
    subclass.instrument(one, "test", methods)
    subclass.instrument(two, "test", methods)
    assert type(one) is type(two) is not Thing
    assert type(other) is Thing
    assert not subclass.is_instrumented(other)
    subclass.restore(other)
    assert type(other) is Thing


def test_a_subclass_of_a_measured_class_is_not_measured_itself() -> None:
    """Who derives from the class of a measured object has a class of his own."""
    thing = Thing()
    subclass.instrument(thing, "test", methods)
    derived = type("Derived", (type(thing),), {})()
    assert not subclass.is_instrumented(derived)
    assert subclass.instrument(derived, "test", methods)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copies_are_measured(copied: Any) -> None:
    """A copy has the class of its original, and its own attributes."""
    thing = Thing()
    subclass.instrument(thing, "test", methods)
    twin = copied(thing)
    twin.value = 2
    assert twin.work() == "measured: worked"
    assert thing.value == 1


def test_what_cannot_be_changed_raises() -> None:
    """An object that does not let its class be changed is a TypeError, and stays as it was."""
    for thing in (5, "text", [1]):
        with pytest.raises(TypeError):
            subclass.instrument(thing, "test", lambda cls: {})
        assert not subclass.is_instrumented(thing)


def test_many_threads_make_one_class() -> None:
    """However many ask at once, a class has one measured subclass."""

    class Fresh(Thing):
        pass

    things = [Fresh() for _ in range(64)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda thing: subclass.instrument(thing, "test", methods), things))
    assert len({type(thing) for thing in things}) == 1


def _read(instance: Any) -> Any:
    return instance.value


def _instruction() -> str:
    (name,) = {s.opname for s in dis.get_instructions(_read, adaptive=True) if s.argval == "value"}
    return name


def test_attributes_are_found_by_the_specialized_instructions() -> None:
    """As of an object that was left alone: not by a search in its classes at each read. An
    instruction that does not fit is given up after some reads, so it is looked at each time."""
    measured = Thing()
    subclass.instrument(measured, "attributes", lambda _: {})
    found = set()
    for number in range(1_000):
        assert _read(measured) == 1
        if number > 100:
            found.add(_instruction())
    assert found <= {"LOAD_ATTR_WITH_HINT", "LOAD_ATTR_INSTANCE_VALUE"}
    assert vars(measured) == {"value": 1}
