"""The instrumented object stays itself: a subclass made once per class, assigned to the instance.

Identity, ``isinstance``, truthiness, copies and capability detection keep working, because the
subclass adds no slots, keeps the name of its class and overrides only what is measured. Single
inheritance: with a mixin in front CPython refuses the assignment (object layout differs).
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar, cast

from statemeter import pickles

_ORIGINAL = "_statemeter_original"
_made: weakref.WeakValueDictionary[tuple[type, str], type] = weakref.WeakValueDictionary()
"""(class, purpose) → its subclass, as long as an object has it: applications make classes, too."""
_newest: deque[type] = deque(maxlen=64)
"""Kept beyond that: where a graph is compiled for each request, its classes are there already."""
_lock = threading.Lock()

Methods = Callable[[type], dict[str, Any]]


def is_instrumented(instance: object) -> bool:
    """Whether the class of an object was made here."""
    return _ORIGINAL in type(instance).__dict__


def original_class(instance: object) -> type:
    """The class that the application gave the object."""
    cls = type(instance)
    original: type = cls.__dict__.get(_ORIGINAL, cls)
    return original


def instrument(instance: Any, purpose: str, methods: Methods) -> bool:
    """Assign the instrumented subclass; False where it was done before.

    ``methods(cls)`` gives the overriding methods for a class; it is asked once per class and
    purpose. Raises TypeError where an object does not let its class be changed.
    """
    cls = type(instance)
    if _ORIGINAL in cls.__dict__:
        return False
    with _lock:
        subclass = _made.get((cls, purpose))
        if subclass is None:
            members: dict[str, Any] = {
                "__slots__": (),
                "__module__": cls.__module__,
                "__doc__": cls.__doc__,
            }
            members["__qualname__"] = cls.__qualname__
            # Pydantic would take a name with an underscore for a private attribute.
            members["__annotations__"] = {_ORIGINAL: ClassVar[type]}
            members[_ORIGINAL] = cls
            members["__reduce_ex__"] = pickles.reduce_ex(cls)
            members.update(methods(cls))
            subclass = cast(Any, type(cls))(cls.__name__, (cls,), members)
            _made[cls, purpose] = subclass
            _newest.append(subclass)
    instance.__class__ = subclass
    _unshare(instance)
    return True


def _unshare(instance: Any) -> None:
    """Let the attributes of an object be found fast again.

    A dict that shares its keys with other objects, as it does after its class was changed, is
    nothing that the specialized instructions of CPython 3.11 and 3.13 read
    (``specialize_dict_access``): each attribute would be looked for in all its classes, and then
    there. ``popitem`` gives a dict a table of its own.
    """
    own = getattr(instance, "__dict__", None)
    if type(own) is not dict:
        return
    own[_ORIGINAL] = None
    name, value = own.popitem()
    if name != _ORIGINAL:  # another thread set an attribute meanwhile
        own[name] = value
        own.pop(_ORIGINAL, None)


def restore(instance: Any) -> None:
    """Give an object its own class back."""
    instance.__class__ = original_class(instance)


def after_fork() -> None:
    """In a forked child: another thread of the parent may have held the lock."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
