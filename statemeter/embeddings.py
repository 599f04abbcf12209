"""Embeddings, instrumented: calls, texts, characters, and texts that were embedded before.

LangGraph's stores wrap a plain or an async function into an object of LangChain's ``Embeddings``:
there is one class to instrument. Of a text only a hash is kept, which never leaves the process.
"""

from __future__ import annotations

import functools
import os
import sys
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from statemeter import accesses, faults, probe, subclass
from statemeter.accesses import ACCESS, Access
from statemeter.resources import ResourceInfo

if TYPE_CHECKING:
    from statemeter.store_calls import Measured

REMEMBERED = 100_000
"""Texts that are remembered, the newest; those of all embeddings together."""
FLOAT_BYTES = 4
"""Bytes of a number in a vector as SQLite, PostgreSQL and Redis hold it."""

_CALLS = ("embed_documents", "embed_query")
_embedded: OrderedDict[int, None] = OrderedDict()  # a dict's first key takes a search
_kept: dict[int, tuple[Any, ResourceInfo, list[weakref.ref[Measured]]]] = {}
"""Of instrumented embeddings, by ``id``: what is known, and the stores that use them."""


def is_embeddings(thing: object) -> bool:
    """Whether it is an ``Embeddings`` object of LangChain."""
    base = sys.modules.get("langchain_core.embeddings")
    return base is not None and isinstance(thing, base.Embeddings)


def instrument(target: Any, store: Measured | None = None) -> bool:
    """Instrument embeddings, maybe those of a store; False where it was done before."""
    known = _kept.get(id(target))
    if known is not None:
        _use(known[2], store)
        return False
    info = ResourceInfo("embeddings", "other", type(target).__name__, label=_label(target))
    if store is not None:
        info.graph = store.info.graph
        info.facts = {k: n for k, n in store.info.facts.items() if k == "dimensions"}
    number = id(target)
    watched = weakref.ref(target, lambda _: _kept.pop(number, None))
    subclass.instrument(target, "embeddings", _methods)
    _kept[number] = watched, info, []
    _use(_kept[number][2], store)
    probe.get().resources.introduce(probe.get(), info)
    return True


def uninstrument(target: Any) -> bool:
    """Undo ``instrument``; False where there was nothing to undo."""
    known = _kept.pop(id(target), None)
    if known is None:
        return False
    subclass.restore(target)
    probe.get().resources.withdraw(known[1])
    return True


detach = faults.guarded(uninstrument)
"""The same, for users and as a part of another object: a fault of it is none of theirs."""


def _use(stores: list[weakref.ref[Measured]], store: Measured | None) -> None:
    stores[:] = [use for use in stores if use() is not None]
    if store is not None and all(use() is not store for use in stores):
        stores.append(weakref.ref(store))


def _label(target: Any) -> str:
    """The name of a model, or of the function that a store wrapped; empty: class and number."""
    for name in ("model", "model_name", "func", "afunc"):
        found = getattr(target, name, None)
        if isinstance(found, str) and found:
            return found
        if callable(found) and name in ("func", "afunc"):
            return getattr(found, "__qualname__", type(found).__name__)
    return ""


class _Embedding(Access, gc=False):
    """One call of embeddings."""

    texts: Any = ()
    vectors: Any = None

    def __enter__(self) -> Self:
        """Start the clocks, unless this is part of a call that is under way."""
        try:
            known = _kept.get(id(self.source))
            self.source = None
            if known is not None:
                self._begin(known[1], known[2])
        except Exception:
            faults.fault("beginning an embedding")
        return self

    def _begin(self, info: ResourceInfo, stores: list[weakref.ref[Measured]]) -> None:
        outer = ACCESS.get()
        if outer is not None and outer.token is None:
            outer = None
        if outer is not None and outer.info is info:
            return
        self.texts = _texts(self.texts)
        self.start(info)
        self.scope = outer.scope if outer is not None else self.scope or _scope(stores)

    def tell(self) -> None:
        """Queue the event; the texts are hashed later, and let go beyond the limit."""
        texts, vectors = self.texts, self.vectors
        self.texts = self.vectors = None
        characters = sum(map(len, texts))
        numbers = {"characters": characters}
        if hasattr(vectors, "__len__"):
            first = vectors[0] if len(vectors) else ()
            numbers["vector_bytes"] = FLOAT_BYTES * (
                len(first) * len(vectors) if hasattr(first, "__len__") else len(vectors)
            )
        target = probe.get()
        told, held = texts, characters
        if target.held_bytes + held > target.held_limit:
            told, held = None, 0
        target.emit(_access, (self, len(texts), told, numbers), held)


def _texts(given: tuple[Any, ...]) -> tuple[str, ...]:
    """The texts of a call, from its first argument."""
    texts = given[0] if given else ()
    if isinstance(texts, str):
        return (texts,)
    if hasattr(texts, "__next__"):  # it can be gone through once: that is for the embeddings
        return ()
    return tuple(text for text in texts if isinstance(text, str))


def _scope(stores: list[weakref.ref[Measured]]) -> Any:
    """The run of all calls of these stores that are open now, None if they are of several.

    InMemoryStore embeds in threads that know nothing of the call.
    """
    scopes = []
    for use in stores:
        store = use()
        scopes += [other.scope for other in list(store.open.values())] if store else []
    numbers = {inside.number if inside is not None else 0 for inside in scopes}
    return scopes[0] if len(numbers) == 1 else None


def _access(seq: int, told: tuple[Any, ...]) -> tuple[Any, ...]:
    """An ``Access`` event of embeddings."""
    call, items, texts, numbers = told
    hits = -1
    if texts is not None:
        hits = _known(call.info.number, texts, remember=not call.error)
    return accesses.access(seq, (call, "", items, hits, -1, numbers, ()))


def _known(number: int, texts: tuple[str, ...], remember: bool) -> int:
    """How many of the texts these embeddings had before; equal ones in a call count as well."""
    hits = 0
    seen = set()
    for text in texts:
        key = hash((number, text))  # 64 bits, with a key that Python draws for each process
        if key in _embedded or key in seen:
            hits += 1
        seen.add(key)
    if remember:
        for key in seen:
            _embedded.pop(key, None)
            _embedded[key] = None
        while len(_embedded) > REMEMBERED:
            _embedded.popitem(last=False)
    return hits


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_embedded.clear)


def _methods(cls: Any) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in _CALLS:
        made[name] = functools.wraps(getattr(cls, name))(_sync(cls, name))
        made[f"a{name}"] = functools.wraps(getattr(cls, f"a{name}"))(_async(cls, name))
    return made


def _sync(cls: Any, name: str) -> Callable[..., Any]:
    method = getattr(cls, name)

    def embed(self: Any, *given: Any, **named: Any) -> Any:
        texts = given[:1] or tuple(named.values())[:1]
        with _Embedding(self, name, texts=texts) as call:
            call.vectors = method(self, *given, **named)
            return call.vectors

    return embed


def _async(cls: Any, name: str) -> Callable[..., Any]:
    method = getattr(cls, f"a{name}")

    async def embed(self: Any, *given: Any, **named: Any) -> Any:
        texts = given[:1] or tuple(named.values())[:1]
        with _Embedding(self, name, texts=texts) as call:
            call.vectors = await method(self, *given, **named)
            return call.vectors

    return embed
