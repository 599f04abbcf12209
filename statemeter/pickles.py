"""Pickles of an instrumented object are those of the object that the application made.

pickle finds a class by its name, and by that name there is the application's own class. So an
object that can be pickled still can, what cannot fails for the same reason, and what is loaded is
measured no more than where it is loaded. Copies use the same protocol, and stay instrumented.
"""

from __future__ import annotations

import copyreg
import functools
import sys
from collections.abc import Callable
from typing import Any

from statemeter import faults

_OURS = "_statemeter"
"""What the names of attributes that the probe keeps in an object begin with."""


def reduce_ex(cls: Any) -> Callable[[Any, Any], Any]:
    """``__reduce_ex__`` for the instrumented subclass of a class."""

    def __reduce_ex__(self: Any, protocol: Any) -> Any:
        reduced = cls.__reduce_ex__(self, protocol)
        try:
            made: Any = type(self)
            copying = sys._getframe(1).f_globals.get("__name__") == "copy"
            if copying or made.__base__ is not cls or not isinstance(reduced, tuple):
                return reduced
            return _of_original(reduced, made, cls)
        except Exception:
            faults.fault("pickling")
            return reduced

    return __reduce_ex__


def _of_original(reduced: tuple[Any, ...], made: type, cls: type) -> tuple[Any, ...]:
    """The same instructions (see ``object.__reduce__``) for an object of class ``cls``."""
    function, arguments, *more = reduced
    arguments = tuple(cls if argument is made else argument for argument in arguments)
    if function is made:
        function = cls
    # pickle compares the class of these two with that of the object, and knows no other function.
    elif function is copyreg.__newobj__:  # type: ignore[attr-defined]
        function = cls.__new__
    elif function is copyreg.__newobj_ex__:  # type: ignore[attr-defined]
        _, positional, named = arguments
        function, arguments = functools.partial(cls.__new__, cls, *positional, **named), ()
    if more:
        more[0] = _without_ours(more[0])
    return (function, arguments, *more)


def _without_ours(state: Any) -> Any:
    """A state without what the probe keeps in it; it may be the object's own dictionary."""
    if type(state) is tuple:  # that of an object with slots
        return tuple(map(_without_ours, state))
    if type(state) is not dict:
        return state
    kept = {key: value for key, value in state.items() if not str(key).startswith(_OURS)}
    if "__dict__" in kept:  # pydantic's
        kept["__dict__"] = _without_ours(kept["__dict__"])
    return kept
