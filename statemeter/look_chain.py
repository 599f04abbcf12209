"""Who holds an object: the shortest chain of references to it, by objgraph.

A chain begins at a module, or at a variable of a function that runs. Each step walks over all
objects of the process, which stops meanwhile; as long a pause follows, and no step begins after
``CHAIN_SECONDS``. Told are names of types, and names of variables and attributes: of keys and
elements only that there are some.
"""

from __future__ import annotations

import gc
import inspect
import re
import sys
import threading
import time
import types
from collections.abc import Callable
from typing import Any

from statemeter import stacks
from statemeter.look_census import slices, type_name
from statemeter.looks import Attention, Look, Unable

CHAIN_SECONDS = 10.0
MOST_CHAINS = 3
MOST_DEPTH = 20
_NAME = re.compile(r"[\w.<>]{1,200}")


_CODE_OF: dict[type, str] = {
    types.GeneratorType: "gi_code",
    types.CoroutineType: "cr_code",
    types.AsyncGeneratorType: "ag_code",
}


class _TooLong(Exception):
    pass


def look(asked: Look, attention: Attention) -> dict[str, Any]:
    """Chains to some objects of a type, or to one object."""
    import objgraph  # noqa: PLC0415 (a package that the application may not have)

    suspects, number = _suspects(asked, attention)
    if not suspects:
        raise Unable("gone", name=asked.name)
    roots = _modules()
    values = _variables(roots)
    chains, complete = [], True
    ends = time.monotonic() + CHAIN_SECONDS
    ignored = [id(suspects), id(values), id(roots)]
    while suspects:
        suspect = suspects.pop()
        is_root = _watched(roots, ends, attention)
        try:
            chain = objgraph.find_backref_chain(suspect, is_root, MOST_DEPTH, ignored)
        except _TooLong:
            complete = False
            break
        told = _told(chain, roots)
        if told not in chains:
            chains.append(told)
        del chain, suspect
    return {"name": asked.name, "number": number, "chains": chains, "complete": complete}


def after_fork() -> None:
    """Nothing was turned on."""


def _suspects(asked: Look, attention: Attention) -> tuple[list[Any], int]:
    """Some objects, and how many there are: of the oldest generation the newest, which is where
    what stays is."""
    gc.collect()
    objects = gc.get_objects()
    mine: dict[type, bool] = {}
    found: list[Any] = []
    for part in slices(objects):
        attention.check()
        for one in part:
            cls = type(one)
            if cls not in mine:
                mine[cls] = type_name(cls) == asked.name
            if mine[cls] and asked.address in (0, id(one)):
                found.append(one)
    del objects
    number = len(found)
    if number > MOST_CHAINS:
        found = [found[number * share // 4] for share in (2, 3)] + [found[-1]]
    return found, number


def _modules() -> dict[int, tuple[str, str]]:
    """What a chain begins at, by address: kind and name. Of a module, its dictionary: all of its
    functions hold that as well, and each would be another step."""
    roots = {}
    for module in list(sys.modules.values()):
        if isinstance(module, types.ModuleType):
            names = _names_of(module)
            roots[id(names)] = ("module", _plain(names.get("__name__")))
    return roots


def _variables(roots: dict[int, tuple[str, str]]) -> list[Any]:
    """Add the variables of functions that run now in threads of the application."""
    values: list[Any] = []
    mine = threading.get_ident()
    with stacks.read() as frames:
        for thread, frame in frames.items():
            current: types.FrameType | None = frame if thread != mine else None
            while current is not None:
                if current.f_code.co_flags & inspect.CO_OPTIMIZED:  # else these are a module's
                    _note_variables(current, roots, values)
                current = current.f_back
    return values


def _note_variables(
    frame: types.FrameType, roots: dict[int, tuple[str, str]], values: list[Any]
) -> None:
    found = frame.f_locals
    for name, value in list(found.items()):
        if gc.is_tracked(value) and id(value) not in roots:
            roots[id(value)] = (f"running {_function(frame)}", name)
            values.append(value)
    if type(found) is dict and not _is_followed(frame):
        found.clear()  # a copy (until Python 3.12), which the frame would keep


def _is_followed(frame: types.FrameType) -> bool:
    """Whether a debugger or a profiler may follow a frame: until Python 3.12 its variables are
    taken from that copy each time that it was told of something."""
    return not (frame.f_trace is threading.gettrace() is threading.getprofile() is None)


def _function(frame: types.FrameType) -> str:
    name = frame.f_code.co_qualname
    return f"{name} ({frame.f_code.co_filename}:{frame.f_lineno})"


def _names_of(module: types.ModuleType) -> dict[str, Any]:
    names: dict[str, Any] = types.ModuleType.__getattribute__(module, "__dict__")
    return names


def _plain(name: object) -> str:
    return name if isinstance(name, str) and _NAME.fullmatch(name) else "?"


def _watched(
    roots: dict[int, tuple[str, str]], ends: float, attention: Attention
) -> Callable[[Any], bool]:
    """Asked before each step: the place to pause, or to give up."""
    last = time.monotonic()

    def ask(one: Any) -> bool:
        nonlocal last
        if id(one) in roots:
            return True
        now = time.monotonic()
        if now > ends:
            raise _TooLong
        attention.check()
        time.sleep(min(now - last, 0.5))
        last = time.monotonic()
        return False

    return ask


def _told(chain: list[Any], roots: dict[int, tuple[str, str]]) -> dict[str, Any]:
    """A chain as names: nodes from the holder to the object, and how each holds the next."""
    nodes: list[tuple[str, str]] = []
    edges: list[str] = []
    at = 0
    root = roots.get(id(chain[0]))
    if root is not None and root[0] == "module":
        nodes.append(root)
        at = 1
        edges.append(_key(chain[0], chain[1]) if len(chain) > 1 else "")
    elif root is not None:
        nodes.append((root[0], ""))
        edges.append(root[1])
    while at < len(chain):
        one = chain[at]
        nodes.append((type_name(type(one)), _note(one)))
        after = at + 1
        if after < len(chain):
            if after + 1 < len(chain) and chain[after] is _namespace(one):
                edges.append(_key(chain[after], chain[after + 1]))
                after += 1
            else:
                edges.append(_edge(one, chain[after]))
        at = after
    return {"nodes": nodes, "edges": edges, "rooted": root is not None}


def _note(one: Any) -> str:
    """What a type alone does not tell."""
    note = ""
    if isinstance(one, types.ModuleType):
        note = _plain(_names_of(one).get("__name__"))
    elif type(one) in (list, dict, set, frozenset, tuple):
        note = f"{len(one):,} elements"
    elif isinstance(one, type):
        note = type_name(one)
    elif isinstance(one, types.FunctionType):
        note = _plain(one.__qualname__)
    elif isinstance(one, types.FrameType):
        note = _function(one)
    elif type(one) in _CODE_OF:
        code = getattr(one, _CODE_OF[type(one)])
        note = f"{code.co_qualname} ({code.co_filename}:{code.co_firstlineno})"
    return note


def _namespace(one: Any) -> Any:
    """The dictionary of variables or attributes, without asking the object for it."""
    if isinstance(one, type):
        return None
    if isinstance(one, types.ModuleType):
        return _names_of(one)
    for cls in type.__dict__["__mro__"].__get__(type(one)):
        found = cls.__dict__.get("__dict__")
        if isinstance(found, types.GetSetDescriptorType):
            return found.__get__(one)
        if found is not None:
            return None
    return None


def _key(names: Any, target: Any) -> str:
    """The name of a variable or an attribute."""
    for name, value in list(dict.items(names)):
        if value is target and isinstance(name, str) and name.isidentifier():
            return f".{name}"
    return ""


def _edge(one: Any, target: Any) -> str:
    """How an object holds another."""
    if isinstance(one, type):
        members = type.__dict__["__dict__"].__get__(one).items()
        return next((f".{n}" for n, v in members if v is target and n.isidentifier()), "")
    if type(one) in (list, tuple, set, frozenset, dict) or isinstance(one, dict | list | tuple):
        return "[…]"
    if isinstance(one, types.CellType):
        return "variable"
    if isinstance(one, types.FunctionType):
        return "closure"
    for cls in type.__dict__["__mro__"].__get__(type(one)):
        for name, member in list(cls.__dict__.items()):
            if isinstance(member, types.MemberDescriptorType):
                try:
                    if member.__get__(one) is target:
                        return f".{name}"
                except AttributeError:
                    pass
    names = _namespace(one)
    return _key(names, target) if type(names) is dict else ""
