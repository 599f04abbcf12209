"""One call of a node cache: what was asked, what was there, how large, and which nodes it spared.

LangGraph asks with (namespace, key) pairs. The namespace of a node ends with its name; that of a
task of the functional API has two parts and ends with the module and name of the function.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import msgspec

from statemeter import faults, probe, records
from statemeter.accesses import ACCESS, Access, access
from statemeter.calls import RunScope, wall

KEYS_TOLD = 32
"""Most keys that one event names."""

ASKED_KEPT = 1024
"""Misses remembered until the node's result is set."""

_OF_TASK = 2  # parts of the namespace of a task of the functional API

FullKey = tuple[tuple[str, ...], str]
Sizes = dict[int, list[int]]
"""``id`` of a value → bytes of it, as often as it was serialized or deserialized."""


_asked: OrderedDict[tuple[int, FullKey], RunScope] = OrderedDict()
"""(number of the cache, key) → the run that missed it. LangGraph may set the result in a thread
that knows nothing of the run, in a callback of the node's future."""


def node_of(namespace: Any) -> str:
    """The node that a namespace of the cache belongs to, as its other events name it."""
    if not namespace:
        return ""
    name = str(namespace[-1])
    return name.rpartition(".")[2] if len(namespace) == _OF_TASK else name


class CacheCall(Access, gc=False):
    """One call of a cache: what it was given and what it found, until it is told."""

    given: tuple[Any, ...] = ()
    named: dict[str, Any] = msgspec.field(default_factory=dict)
    found: Any = None
    sizes: Sizes = msgspec.field(default_factory=dict)
    serde_ns: int = 0

    def tell(self) -> None:
        """Queue an event for each node; values are not kept."""
        given, named, found, sizes = self.given, self.named, self.found, self.sizes
        self.given, self.named, self.found, self.sizes = (), {}, None, {}
        # The only argument has another name in each class.
        first = given[0] if given else next(iter(named.values()), None)
        try:
            TELL[self.method](self, first, found, sizes)
        except Exception:
            if not self.error:
                raise
            self.emit("")  # what no cache takes, this one did not take, either

    def emit_keys(
        self, part: str, keys: list[FullKey], hits: int, size: int, numbers: dict[str, int]
    ) -> None:
        """Queue the event of a node; its keys are hashed later."""
        target = probe.get()
        told = keys[:KEYS_TOLD]
        held = sum(len(key) for _, key in told)
        if target.held_bytes + held > target.held_limit:
            told, held = [], 0
        target.emit(_access, (self, part, len(keys), hits, size, numbers, told), held)


def _access(seq: int, told: tuple[Any, ...]) -> tuple[Any, ...]:
    """An ``Access`` event with keys."""
    *rest, keys = told
    secret = told[0].info.key.encode()
    hashes = [_hash(key, secret) for key in keys]
    return access(seq, (*rest, hashes))


def _hash(full_key: FullKey, secret: bytes) -> str:
    """A hash that is the same in all processes that use the cache, and another in another cache."""
    namespace, key = full_key
    text = "\x1f".join((*namespace, key))
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8, key=secret).hexdigest()


def _by_node(keys: Iterable[Any]) -> dict[str, list[FullKey]]:
    nodes: dict[str, list[FullKey]] = {}
    for namespace, key in keys:
        nodes.setdefault(node_of(namespace), []).append((tuple(namespace), key))
    return nodes


def _numbers(call: CacheCall, nodes: int) -> dict[str, int]:
    """What belongs to the call as a whole: its serializer's time is told where it is one node's."""
    if nodes > 1:
        return {"nodes": nodes}
    return {"serde_us": call.serde_ns // 1000} if call.serde_ns else {}


def _size(values: list[Any], sizes: Sizes) -> int:
    """Bytes of some values; -1 where the serializer was not seen at work on one of them."""
    total = 0
    for value in values:
        known = sizes.get(id(value))
        if not known:
            return -1
        total += known.pop() if len(known) > 1 else known[0]
    return total


def _tell_get(call: CacheCall, keys: Any, found: Any, sizes: Sizes) -> None:
    nodes = _by_node(keys)
    for node, asked in nodes.items():
        if found is None:
            call.emit_keys(node, asked, -1, -1, _numbers(call, len(nodes)))
            continue
        hits = [key for key in asked if key in found]
        misses = [key for key in asked if key not in found]
        size = _size([found[key] for key in hits], sizes)
        call.emit_keys(node, hits + misses, len(hits), size, _numbers(call, len(nodes)))
        if call.scope is not None:
            _remember(call, misses)
    if found and call.scope is not None:
        scope = call.scope
        for namespace, _ in found:
            ran = (wall(), 0, scope, scope.thread, "", -1, node_of(namespace), "", "", 1)
            probe.get().emit(records.node, ran)


@faults.guarded
def _remember(call: CacheCall, misses: list[FullKey]) -> None:
    for key in misses:
        _asked[call.info.number, key] = call.scope
    while len(_asked) > ASKED_KEPT:
        _asked.popitem(last=False)


def _tell_set(call: CacheCall, pairs: Any, found: Any, sizes: Sizes) -> None:
    nodes = _by_node(pairs)
    for keys in nodes.values():
        scopes = [_asked.pop((call.info.number, key), None) for key in keys]
        call.scope = call.scope or scopes[0]
    default = call.info.facts.get("ttl_seconds")
    for node, keys in nodes.items():
        entries = [pairs[key] for key in keys]
        numbers = _numbers(call, len(nodes))
        ttls = {default if ttl is None else ttl for _, ttl in entries}
        if len(ttls) == 1 and None not in ttls:
            numbers["ttl_seconds"] = max(int(ttls.pop()), 0)
        call.emit_keys(node, keys, -1, _size([value for value, _ in entries], sizes), numbers)


def _tell_clear(call: CacheCall, namespaces: Any, found: Any, sizes: Any) -> None:
    if namespaces is None:
        call.emit("")
        return
    counts: dict[str, int] = {}
    for namespace in namespaces:
        node = node_of(namespace)
        counts[node] = counts.get(node, 0) + 1
    for node, count in counts.items():
        call.emit(node, items=count)


TELL = {"get": _tell_get, "set": _tell_set, "clear": _tell_clear}
"""Method → what queues its events; the same for its async twin."""


@faults.guarded
def note(value: Any, typed: tuple[str, bytes], duration_ns: int, framed: bool) -> None:
    """Add to the call around it what the serializer did."""
    call = ACCESS.get()
    if not isinstance(call, CacheCall) or call.token is None:
        return
    size = len(typed[1]) + (len(typed[0]) + 1 if framed else 0)
    call.serde_ns += duration_ns
    call.sizes.setdefault(id(value), []).append(size)
