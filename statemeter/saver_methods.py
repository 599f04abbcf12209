"""The methods of an instrumented saver: each that its class implements tells what it did."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from statemeter import backends, faults, notes, records, serde
from statemeter.calls import Call, Rows, begin


@faults.guarded
def _note_history(call: Call, histories: Any) -> None:
    call.detail = sum(len(history["writes"]) for history in histories.values())


def methods(cls: Any) -> dict[str, Any]:
    """The overriding methods for a saver class, for what it implements itself."""
    made = {**_sync_methods(cls), **_async_methods(cls), **_removals(cls)}
    made |= backends.of(cls).methods(cls)
    base = next(c for c in cls.__mro__ if c.__name__ == "BaseCheckpointSaver")
    kept = {n: m for n, m in made.items() if getattr(cls, n, None) is not getattr(base, n, None)}
    if not _takes_task_path(cls.put_writes):
        kept.pop("put_writes", None)
    if not _takes_task_path(cls.aput_writes):
        kept.pop("aput_writes", None)
    if hasattr(cls, "with_allowlist"):
        kept["with_allowlist"] = _with_allowlist(cls)
    return {name: _like(getattr(cls, name), method) for name, method in kept.items()}


def _like(original: Any, method: Any) -> Any:
    """A method that tells the signature of the one it overrides.

    LangGraph asks for that of ``put_writes`` in each run: found ready-made, it takes a third of the
    time that it takes without the probe.
    """
    method = functools.wraps(original)(method)
    method.__signature__ = inspect.signature(original)
    return method


def _takes_task_path(method: Any) -> bool:
    return "task_path" in inspect.signature(method).parameters


def _with_allowlist(cls: Any) -> Callable[..., Any]:
    def with_allowlist(self: Any, extra_allowlist: Any) -> Any:
        clone = cls.with_allowlist(self, extra_allowlist)
        try:
            if clone is not self and serde.ORIGINAL in clone.__dict__:
                clone.__dict__[serde.ORIGINAL] = serde.plain(clone.serde)
                clone.serde = serde.instrumented(clone.serde)
        except Exception:
            faults.fault("instrumenting a copy of a saver")
        return clone

    return with_allowlist


def _sync_methods(cls: Any) -> dict[str, Any]:
    def get_tuple(self: Any, config: Any, **options: Any) -> Any:
        with begin(self, records.read, config, None, ()) as call:
            found = cls.get_tuple(self, config, **options)
            call.detail = found is not None
            return found

    def list(
        self: Any,
        config: Any,
        *,
        filter: Any = None,
        before: Any = None,
        limit: Any = None,
        **options: Any,
    ) -> Iterator[Any]:
        rows = cls.list(self, config, filter=filter, before=before, limit=limit, **options)
        return _observed(Rows(self, records.listing, config, filter is not None), rows)

    backend = backends.of(cls)
    put_event, note_put, writes_event = backend.put, backend.note_put, backend.writes

    def put(
        self: Any, config: Any, checkpoint: Any, metadata: Any, new_versions: Any, **options: Any
    ) -> Any:
        noted = (config, checkpoint, metadata, new_versions)
        with begin(self, put_event, config, note_put, noted) as _call:  # see ``stuck_calls``
            return cls.put(self, config, checkpoint, metadata, new_versions, **options)

    def put_writes(
        self: Any, config: Any, writes: Any, task_id: str, task_path: str = "", **options: Any
    ) -> Any:
        noted = (writes, task_id, task_path)
        with begin(self, writes_event, config, notes.writes, noted) as _call:
            return cls.put_writes(self, config, writes, task_id, task_path, **options)

    def get_delta_channel_history(self: Any, *, config: Any, channels: Any, **options: Any) -> Any:
        with begin(self, records.history, config, notes.channels, (channels,)) as call:
            histories = cls.get_delta_channel_history(
                self, config=config, channels=channels, **options
            )
            _note_history(call, histories)
            return histories

    return _made(locals())


def _async_methods(cls: Any) -> dict[str, Any]:
    backend = backends.of(cls)
    put_event, note_put, writes_event = backend.put, backend.note_put, backend.writes

    async def aget_tuple(self: Any, config: Any, **options: Any) -> Any:
        with begin(self, records.read, config, None, ()) as call:
            found = await cls.aget_tuple(self, config, **options)
            call.detail = found is not None
            return found

    def alist(
        self: Any,
        config: Any,
        *,
        filter: Any = None,
        before: Any = None,
        limit: Any = None,
        **options: Any,
    ) -> AsyncIterator[Any]:
        rows = cls.alist(self, config, filter=filter, before=before, limit=limit, **options)
        return _aobserved(Rows(self, records.listing, config, filter is not None), rows)

    async def aput(
        self: Any, config: Any, checkpoint: Any, metadata: Any, new_versions: Any, **options: Any
    ) -> Any:
        with begin(self, put_event, config, note_put, (config, checkpoint, metadata, new_versions)):
            return await cls.aput(self, config, checkpoint, metadata, new_versions, **options)

    async def aput_writes(
        self: Any, config: Any, writes: Any, task_id: str, task_path: str = "", **options: Any
    ) -> Any:
        with begin(self, writes_event, config, notes.writes, (writes, task_id, task_path)):
            return await cls.aput_writes(self, config, writes, task_id, task_path, **options)

    async def aget_delta_channel_history(
        self: Any, *, config: Any, channels: Any, **options: Any
    ) -> Any:
        with begin(self, records.history, config, notes.channels, (channels,)) as call:
            histories = await cls.aget_delta_channel_history(
                self, config=config, channels=channels, **options
            )
            _note_history(call, histories)
            return histories

    return _made(locals())


def _observed(call: Rows, rows: Iterator[Any]) -> Iterator[Any]:
    with call:
        try:
            for row in rows:
                call.gave_row()
                yield row
                call.wants_row()
        finally:
            close = getattr(rows, "close", None)
            if close is not None:
                close()


async def _aobserved(call: Rows, rows: AsyncIterator[Any]) -> AsyncIterator[Any]:
    with call:
        try:
            async for row in rows:
                call.gave_row()
                yield row
                call.wants_row()
        finally:
            aclose = getattr(rows, "aclose", None)
            if aclose is not None:
                await aclose()


def _removals(cls: Any) -> dict[str, Any]:
    made = {}
    for method in ("delete_thread", "prune", "copy_thread", "delete_for_runs"):
        if hasattr(cls, method):
            made[method] = _removal(method, getattr(cls, method))
        if hasattr(cls, f"a{method}"):
            made[f"a{method}"] = _aremoval(method, getattr(cls, f"a{method}"))
    return made


def _removal(name: str, method: Any) -> Callable[..., Any]:
    def removal(self: Any, *given: Any, **named: Any) -> Any:
        noted = (name, method, given, named)
        with begin(self, records.removal, None, notes.removal, noted) as _call:
            return method(self, *given, **named)

    return removal


def _aremoval(name: str, method: Any) -> Callable[..., Any]:
    async def removal(self: Any, *given: Any, **named: Any) -> Any:
        with begin(self, records.removal, None, notes.removal, (name, method, given, named)):
            return await method(self, *given, **named)

    return removal


def _made(names: dict[str, Any]) -> dict[str, Any]:
    """Of the local names, the methods."""
    return {
        name: made
        for name, made in names.items()
        if name not in ("cls", "backend", "put_event", "note_put")
    }
