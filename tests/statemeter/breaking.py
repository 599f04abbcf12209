"""Functions of the probe: which there are, which are called, and how one is made to raise."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import pkgutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest

import statemeter
from statemeter import subclass

_FOLDER = str(Path(statemeter.__file__).parent)
_BROKEN: list[tuple[type[Exception], list[int]]] = []
"""What each function that was broken raises, and the calls of it."""


def code_of(thing: Any) -> CodeType | None:
    """The code that a module or class has under a name, below decorators; None for other things
    and for what a library made, such as a dataclass's ``__repr__``."""
    function = _function_of(thing)
    ours = function is not None and function.__code__.co_filename.startswith(_FOLDER)
    return function.__code__ if function is not None and ours else None


def _function_of(thing: Any) -> FunctionType | None:
    function = inspect.unwrap(thing.fget if isinstance(thing, property) else thing)
    return function if isinstance(function, FunctionType) else None


def functions() -> dict[str, CodeType]:
    """Every function and method of the package, as ``module.[Class.]name``.

    Those that a function makes are its wrappers' bodies: see ``EXCEPTED`` of ``test_faults``.
    """
    found: dict[str, CodeType] = {}
    for part in pkgutil.iter_modules(statemeter.__path__):
        if part.name == "__main__":
            continue
        module = importlib.import_module(f"statemeter.{part.name}")
        for name, thing in vars(module).items():
            if getattr(thing, "__module__", None) != module.__name__:
                continue
            members = vars(thing) if inspect.isclass(thing) else {}
            for path, member in [(name, thing), *((f"{name}.{m}", v) for m, v in members.items())]:
                code = code_of(member) if not inspect.isclass(member) else None
                if code is not None and code not in found.values():
                    found[f"{part.name}.{path}"] = code
    return found


@contextlib.contextmanager
def called(codes: dict[str, CodeType]) -> Iterator[set[str]]:
    """The names of those that are called meanwhile, in this thread and in new ones."""
    names = {code: name for name, code in codes.items()}
    found: set[str] = set()

    def look(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code in names:
            found.add(names[frame.f_code])

    before = sys.getprofile()
    threading.setprofile(look)
    sys.setprofile(look)
    try:
        yield found
    finally:
        sys.setprofile(before)
        threading.setprofile(None)  # type: ignore[arg-type]


def broken(monkeypatch: pytest.MonkeyPatch, name: str, error: type[Exception]) -> list[int]:
    """Make a function raise, whoever calls it and under what name; the list grows with each call.

    Its code is exchanged, so what is guarded breaks inside its guard.
    """
    module, *path = name.split(".")
    owner: Any = importlib.import_module(f"statemeter.{module}")
    for part in path[:-1]:
        owner = getattr(owner, part)
    thing = vars(owner)[path[-1]]
    if hasattr(thing, "cache_clear"):
        thing.cache_clear()
    function = _function_of(thing)
    assert function is not None
    calls: list[int] = []
    _BROKEN.append((error, calls))
    monkeypatch.setattr(function, "__code__", _failing(len(_BROKEN) - 1, function.__code__))
    return calls


def happened(number: int) -> Exception:
    """What a broken function raises now."""
    error, calls = _BROKEN[number]
    calls.append(1)
    return error("broken")


def _failing(number: int, code: CodeType) -> CodeType:
    """Code that raises, for a function of the same kind and with as many free variables."""
    names = ", ".join(code.co_freevars)
    waits = code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR)
    yields = code.co_flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR)
    source = (
        f"def outer({names}):\n"
        f" {'async ' if waits else ''}def fail(*args, **kwargs):\n"
        f"  if 0: ({names})\n"
        f"  if 0: {'yield' if yields else 'pass'}\n"
        f"  raise __import__('sys').modules[{__name__!r}].happened({number})\n"
        " return fail\n"
    )
    made: dict[str, Any] = {}
    exec(source, made)
    failing: CodeType = made["outer"](*code.co_freevars).__code__
    return failing


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made once in a process is made again: classes, and what caches hold."""
    monkeypatch.setattr(subclass, "_made", type(subclass._made)())
    monkeypatch.setattr(subclass, "_newest", type(subclass._newest)(maxlen=64))
    for module in [m for name, m in sys.modules.items() if name.startswith("statemeter.")]:
        for thing in vars(module).values():
            if hasattr(thing, "cache_clear"):
                thing.cache_clear()
