"""What a call of a store tells: items, hits and bytes of each kind of operation in it.

The first half looks at arguments and results, in the application's own thread, and keeps numbers
only. The second half runs on the probe's thread.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from statemeter import accesses, asides, faults, probe
from statemeter.accesses import Access
from statemeter.store_bytes import Notes, Written, size_of

if TYPE_CHECKING:
    from statemeter.store_calls import StoreCall

LIMITS = {"search": 10, "list_namespaces": 100}
"""What ``BaseStore`` takes for a ``limit`` that is not given."""
_READS = ("get", "search")
_MANY = 32  # namespaces of a batch that are looked at later


class _Group(msgspec.Struct, gc=False):
    """The operations of one kind in a call."""

    kind: str
    namespaces: list[Any] = []
    asked: int = 0
    found: list[Any] = []
    """Items, or namespaces."""
    limit: int = 0
    ttls: set[Any] = set()


def before(call: StoreCall) -> None:
    """What must be looked at before the call: values that it writes, where nothing shows their
    bytes later."""
    if call.measured.backend.name != "mongodb" or call.ops is not call.passed:
        return  # an iterator of operations is for the store
    if call.ops is not None:
        values = list(_written_values(call.ops).values())
    elif call.method == "put":
        values = [_argument(call, 2, "value")]
    else:
        return
    call.sized = [size_of(value) for value in values]


def tell(call: StoreCall) -> None:
    """Queue an event for each kind of operation in a call."""
    groups = [_of_method(call)] if call.ops is None else list(_of_ops(call))
    for group in groups:
        head: Access = call
        if call.ops is not None:
            head = Access(
                None, group.kind, info=call.info, scope=call.scope, at_ns=call.at_ns,
                duration_ns=call.duration_ns, error=call.error,
            )  # fmt: skip
        counts = _counts(group, bool(call.error))
        if len(group.namespaces) > _MANY:
            group.namespaces = [_spread(group.namespaces, call.measured.labels)]
        told = head, group.namespaces, call.measured.labels, *counts, _numbers(call, group)
        _emit(told, *_size(call, group))


def tell_apart(ops: Iterable[Any], notes: Notes) -> None:
    """Say whose bytes were written in a batch: those of the last of equal keys, in their order."""
    keys = _written_values(ops)
    if len(keys) == len(notes.written):
        notes.by_key = dict(zip(keys, notes.written, strict=True))


def _emit(told: tuple[Any, ...], size: int, blobs: list[bytes]) -> None:
    """Queue an event; JSON beyond the limit is let go, and its size is unknown then."""
    target = probe.get()
    held = sum(map(len, blobs))
    if target.held_bytes + held > target.held_limit:
        size, blobs, held = -1, [], 0
    target.emit(_access, (told, size, blobs), held)


def _of_method(call: StoreCall) -> _Group:
    kind, result = call.method, call.result
    group = _Group(kind, asked=1)
    if kind == "list_namespaces":
        group.namespaces = [call.named.get("prefix") or ()]
        group.limit = call.named.get("limit", LIMITS[kind])
    else:
        group.namespaces = [_argument(call, 0, "namespace")]
    if kind == "get":
        group.found = [] if result is None else [result]
    elif kind in LIMITS:
        group.found = list(result or ())
        group.limit = call.named.get("limit", LIMITS[kind])
    elif kind == "put":
        given = call.named.get("ttl", False)
        group.ttls = {given if _is_number(given) or given is None else _default_ttl(call)}
    return group


def _of_ops(call: StoreCall) -> Iterable[_Group]:
    groups: dict[str, _Group] = {}
    results = call.result if isinstance(call.result, list) else [None] * len(call.ops)
    for op, result in zip(call.ops, results, strict=False):
        kind = _kind(op)
        group = groups.setdefault(kind, _Group(kind))
        group.asked += 1
        if kind == "list_namespaces":
            prefixes = [c.path for c in op.match_conditions or () if c.match_type == "prefix"]
            group.namespaces += prefixes or [()]
        else:
            group.namespaces.append(op[0])
        if kind in LIMITS:
            group.limit += op.limit
            group.found += result or ()
        elif kind == "get":
            group.found += [] if result is None else [result]
        elif kind == "put":
            group.ttls.add(op.ttl)
    return groups.values()


def _kind(op: Any) -> str:
    base = sys.modules["langgraph.store.base"]
    if isinstance(op, base.PutOp):
        return "delete" if op.value is None else "put"
    if isinstance(op, base.GetOp):
        return "get"
    return "search" if isinstance(op, base.SearchOp) else "list_namespaces"


def _argument(call: StoreCall, at: int, name: str) -> Any:
    return call.given[at] if len(call.given) > at else call.named.get(name, ())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _default_ttl(call: StoreCall) -> Any:
    return (getattr(call.source, "ttl_config", None) or {}).get("default_ttl")


def _counts(group: _Group, failed: bool) -> tuple[int, int]:
    """Items and hits, as ``events.Access`` has them."""
    if group.kind in LIMITS:
        return len(group.found), -1 if failed else len(group.found)
    if group.kind == "get":
        return group.asked, -1 if failed else len(group.found)
    return group.asked, -1


def _numbers(call: StoreCall, group: _Group) -> dict[str, int]:
    numbers = {}
    if _is_number(group.limit) and group.limit > 0:
        numbers["limit"] = int(group.limit)
    if len(group.ttls) == 1:
        (ttl,) = group.ttls
        if _is_number(ttl) and ttl >= 0:
            numbers["ttl_seconds"] = round(ttl * call.measured.backend.ttl_unit_seconds)
    if call.reached_ns:
        numbers["waited_us"] = (call.reached_ns - call.start_ns) // 1000
    return numbers


def _size(call: StoreCall, group: _Group) -> tuple[int, list[bytes]]:
    """Bytes, and JSON whose size has to be added to them; -1 where they are unknown."""
    if group.kind in _READS:
        return _read_size(call, group.found), []
    if group.kind != "put":
        return 0, []
    if call.error or not call.measured.backend.sized:
        return -1, []
    return _written_size(_written(call))


def _read_size(call: StoreCall, items: list[Any]) -> int:
    if not items:
        return 0 if not call.error else -1
    if not call.measured.backend.sized:
        return -1
    if call.measured.backend.name == "mongodb":
        sizes = [size_of(item.value) for item in items]
    else:
        sizes = [call.notes.read.get(id(item.value), -1) for item in items]
    return -1 if -1 in sizes else sum(sizes)


def _written(call: StoreCall) -> Written | None:
    """The bytes of each value that a call wrote, None where they were not seen."""
    if call.sized is not None:
        return list(call.sized)
    notes: Notes = call.notes
    if call.batched:
        # Of puts with equal keys in one batch, one is written: the others wrote nothing.
        key = (_argument(call, 0, "namespace"), _argument(call, 1, "key"))
        return None if notes.by_key is None else [notes.by_key.pop(key, 0)]
    expected = 1 if call.ops is None else len(_written_values(call.ops))
    return notes.written if len(notes.written) == expected else None


def _written_values(ops: Iterable[Any]) -> dict[Any, Any]:
    """(namespace, key) → value, of those that a store writes of a batch."""
    last: dict[Any, Any] = {}
    for op in ops:
        if hasattr(op, "value"):
            last[op.namespace, op.key] = op.value
    return {key: value for key, value in last.items() if value is not None}


def _written_size(written: Written | None) -> tuple[int, list[bytes]]:
    if written is None:
        return -1, []
    blobs = [part for part in written if isinstance(part, bytes)]
    sizes = [part for part in written if not isinstance(part, bytes)]
    return (-1, []) if -1 in sizes else (sum(sizes), blobs)


def _spread(namespaces: list[Any], labels: int) -> tuple[Any, ...]:
    """The first labels that all namespaces have in common."""
    first, *others = {tuple(namespace or ())[:labels] for namespace in namespaces} or {()}
    common = len(first)
    for other in others:
        while first[:common] != other[:common]:
            common -= 1
    return first[:common]


@faults.guarded
def _jsonb_size(text: bytes) -> int:
    return asides.jsonb_size(text)


def _access(seq: int, told: tuple[Any, ...]) -> tuple[Any, ...]:
    """An ``Access`` event of a store."""
    (head, namespaces, labels, items, hits, numbers), size, blobs = told
    sizes = [_jsonb_size(blob) for blob in blobs]
    size = -1 if None in sizes else size + sum(sizes)
    spread = _spread(namespaces, labels)
    part = "/".join(label for label in spread if isinstance(label, str))
    return accesses.access(seq, (head, part, items, hits, size, numbers, ()))
