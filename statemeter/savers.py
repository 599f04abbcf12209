"""Savers, instrumented: every method of a saver that its class implements tells what it did."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from statemeter import faults, introduction, probe, puts, records, serde, subclass
from statemeter.calls import INFO, Call, Rows
from statemeter.introduction import SaverInfo

_SERDE = "_statemeter_serde"
_numbers = itertools.count(1)
_BACKENDS = {
    "langgraph.checkpoint.memory": ("memory", "channels"),
    "langgraph.checkpoint.sqlite": ("sqlite", "whole"),
    "langgraph.checkpoint.postgres": ("postgres", "channels"),
    "langgraph.checkpoint.redis": ("redis", "unknown"),
    "langgraph.checkpoint.mongodb": ("mongodb", "whole"),
    "langgraph_checkpoint_aws": ("valkey", "unknown"),
}


def instrument(saver: Any) -> bool:
    """Instrument a ``BaseCheckpointSaver``; False where it was done before."""
    if subclass.is_instrumented(saver):
        return False
    target = probe.get()
    info = _describe(saver)
    introduction.name_storage(target.incarnation, info)
    original = saver.serde
    saver.__dict__.update({INFO: info, _SERDE: original})
    try:
        saver.serde = serde.instrumented(original)
        subclass.instrument(saver, "saver", _methods)
    except Exception:
        _forget(saver)
        raise
    target.savers[info.number] = info
    target.emit(introduction.saver, info)
    return True


def uninstrument(saver: Any) -> bool:
    """Undo ``instrument``; False where there was nothing to undo."""
    if not subclass.is_instrumented(saver):
        return False
    subclass.restore(saver)
    info = _forget(saver)
    probe.get().savers.pop(info.number, None)
    return True


def _forget(saver: Any) -> SaverInfo:
    """Give a saver its serializer back, if it did not get another one meanwhile."""
    original = saver.__dict__.pop(_SERDE)
    if subclass.is_instrumented(saver.serde):
        saver.serde = original
    info: SaverInfo = saver.__dict__.pop(INFO)
    return info


def info_of(saver: Any) -> SaverInfo | None:
    """What is known of an instrumented saver; copies of a saver share it."""
    info: SaverInfo | None = getattr(saver, "__dict__", {}).get(INFO)
    return info


def _describe(saver: Any) -> SaverInfo:
    backend, layout = _backend_of(type(saver))
    database = ""
    if backend == "sqlite":
        try:
            database = _sqlite_file(saver.conn)
        except Exception:
            faults.fault("finding the database file")
    number = next(_numbers)
    return SaverInfo(
        backend=backend, class_name=type(saver).__name__, layout=layout,
        serializer=type(saver.serde).__name__, database=database, number=number,
        label=Path(database).name if database else f"{type(saver).__name__} {number}",
    )  # fmt: skip


def _backend_of(cls: type) -> tuple[str, str]:
    for ancestor in cls.__mro__:
        for package, known in _BACKENDS.items():
            if f"{ancestor.__module__}.".startswith(package + "."):
                return known
    return "other", "unknown"


def _sqlite_file(connection: Any) -> str:
    """The absolute path of a connection's file; empty for a database in memory."""
    connector = getattr(connection, "_connector", None)
    if connector is None:
        rows = connection.execute("PRAGMA database_list").fetchall()
        return next((path for _, schema, path in rows if schema == "main"), "") or ""
    # aiosqlite opens its file later and in a thread of its own: the name waits in a closure.
    named = str(inspect.getclosurevars(connector).nonlocals["database"])
    if named.startswith("file:"):
        named = named.removeprefix("file:").split("?")[0]
    return "" if named in ("", ":memory:") else str(Path(named).absolute().resolve())


def _put_names(config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
    """Who is who: the serializer tells objects by ``id``, which is theirs while the call runs."""
    values = checkpoint["channel_values"]
    return (
        id(checkpoint), checkpoint["id"], metadata.get("step"), metadata.get("source"),
        list(new_versions), [id(values[c]) if c in values else 0 for c in new_versions],
        None,
    )  # fmt: skip


def _put_names_json(config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
    """The same for a saver whose metadata passes its serializer by: they are sized later."""
    names = _put_names(config, checkpoint, metadata, new_versions)
    return (*names[:-1], (config, metadata))


def _names_of_put(cls: type) -> Callable[..., Any]:
    return _put_names_json if _backend_of(cls)[0] == "sqlite" else _put_names


def _writes_names(writes: Any, task_id: str, task_path: str) -> Any:
    if hasattr(writes, "__next__"):  # it can be gone through once: that is for the saver
        return [], [], task_id, task_path
    return [c for c, _ in writes], [id(value) for _, value in writes], task_id, task_path


def _channels(channels: Any) -> Any:
    return [] if hasattr(channels, "__next__") else list(channels)


def _removed(name: str, method: Any, given: Any, named: Any) -> Any:
    """Method, thread, subjects and strategy, as ``events.Removal`` has them."""
    bound = inspect.signature(method).bind(None, *given, **named)
    bound.apply_defaults()
    first, *others = [*bound.arguments.values()][1:]
    if name == "delete_thread":
        return name, first, (), ""
    if name == "copy_thread":
        return name, first, others[:1], ""
    subjects = [] if hasattr(first, "__next__") else list(first)
    return name, "", subjects, str(bound.arguments.get("strategy", ""))


@faults.guarded
def _note_history(call: Call, histories: Any) -> None:
    call.detail = sum(len(history["writes"]) for history in histories.values())


def _methods(cls: Any) -> dict[str, Any]:
    """The overriding methods for a saver class, for what it implements itself."""
    made = {**_sync_methods(cls), **_async_methods(cls), **_removals(cls)}
    base = next(c for c in cls.__mro__ if c.__name__ == "BaseCheckpointSaver")
    kept = {n: m for n, m in made.items() if getattr(cls, n, None) is not getattr(base, n, None)}
    if not _takes_task_path(cls.put_writes):
        kept.pop("put_writes", None)
    if not _takes_task_path(cls.aput_writes):
        kept.pop("aput_writes", None)
    if hasattr(cls, "with_allowlist"):
        kept["with_allowlist"] = _with_allowlist(cls)
    # Signatures are looked at (put_writes by LangGraph): they stay those of the class.
    return {n: functools.wraps(getattr(cls, n))(method) for n, method in kept.items()}


def _takes_task_path(method: Any) -> bool:
    return "task_path" in inspect.signature(method).parameters


def _with_allowlist(cls: Any) -> Callable[..., Any]:
    def with_allowlist(self: Any, extra_allowlist: Any) -> Any:
        clone = cls.with_allowlist(self, extra_allowlist)
        try:
            if clone is not self:
                clone.__dict__[_SERDE] = serde.plain(clone.serde)
                clone.serde = serde.instrumented(clone.serde)
        except Exception:
            faults.fault("instrumenting a copy of a saver")
        return clone

    return with_allowlist


def _sync_methods(cls: Any) -> dict[str, Any]:
    def get_tuple(self: Any, config: Any, **options: Any) -> Any:
        with Call(self, records.read, config) as call:
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
        return _observed(Rows(self, records.listing, config, filtered=filter is not None), rows)

    names = _names_of_put(cls)

    def put(
        self: Any, config: Any, checkpoint: Any, metadata: Any, new_versions: Any, **options: Any
    ) -> Any:
        with Call(self, puts.put, config, names, (config, checkpoint, metadata, new_versions)):
            return cls.put(self, config, checkpoint, metadata, new_versions, **options)

    def put_writes(
        self: Any, config: Any, writes: Any, task_id: str, task_path: str = "", **options: Any
    ) -> Any:
        with Call(self, records.writes, config, _writes_names, (writes, task_id, task_path)):
            return cls.put_writes(self, config, writes, task_id, task_path, **options)

    def get_delta_channel_history(self: Any, *, config: Any, channels: Any, **options: Any) -> Any:
        with Call(self, records.history, config, _channels, (channels,)) as call:
            histories = cls.get_delta_channel_history(
                self, config=config, channels=channels, **options
            )
            _note_history(call, histories)
            return histories

    return _made(locals())


def _async_methods(cls: Any) -> dict[str, Any]:
    names = _names_of_put(cls)

    async def aget_tuple(self: Any, config: Any, **options: Any) -> Any:
        with Call(self, records.read, config) as call:
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
        return _aobserved(Rows(self, records.listing, config, filtered=filter is not None), rows)

    async def aput(
        self: Any, config: Any, checkpoint: Any, metadata: Any, new_versions: Any, **options: Any
    ) -> Any:
        with Call(self, puts.put, config, names, (config, checkpoint, metadata, new_versions)):
            return await cls.aput(self, config, checkpoint, metadata, new_versions, **options)

    async def aput_writes(
        self: Any, config: Any, writes: Any, task_id: str, task_path: str = "", **options: Any
    ) -> Any:
        with Call(self, records.writes, config, _writes_names, (writes, task_id, task_path)):
            return await cls.aput_writes(self, config, writes, task_id, task_path, **options)

    async def aget_delta_channel_history(
        self: Any, *, config: Any, channels: Any, **options: Any
    ) -> Any:
        with Call(self, records.history, config, _channels, (channels,)) as call:
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
        with Call(self, records.removal, None, _removed, (name, method, given, named)):
            return method(self, *given, **named)

    return removal


def _aremoval(name: str, method: Any) -> Callable[..., Any]:
    async def removal(self: Any, *given: Any, **named: Any) -> Any:
        with Call(self, records.removal, None, _removed, (name, method, given, named)):
            return await method(self, *given, **named)

    return removal


def _made(names: dict[str, Any]) -> dict[str, Any]:
    return {name: made for name, made in names.items() if name not in ("cls", "names")}
