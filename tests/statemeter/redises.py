"""Savers for Redis and Valkey, sync and async, opened alike."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import AsyncIterator
from typing import Any

from langgraph.checkpoint.redis import AsyncRedisSaver, RedisSaver, ShallowRedisSaver
from langgraph.checkpoint.redis.ashallow import AsyncShallowRedisSaver
from langgraph_checkpoint_aws import AsyncValkeySaver, ValkeySaver

SAVERS = {
    cls.__name__: cls
    for cls in (
        RedisSaver, AsyncRedisSaver, ShallowRedisSaver, AsyncShallowRedisSaver,
        ValkeySaver, AsyncValkeySaver,
    )
}  # fmt: skip
ON_MODULES = [name for name in SAVERS if "Redis" in name]
"""Those that need search and JSON."""


@contextlib.asynccontextmanager
async def opened(name: str, url: str, **options: Any) -> AsyncIterator[Any]:
    """A saver of this class, set up, not instrumented."""
    made = SAVERS[name].from_conn_string(url, **options)
    if name.startswith("Async"):
        async with made as saver:
            yield saver
        return
    with made as saver:
        if name in ON_MODULES:
            saver.setup()
        yield saver


async def call(target: Any, method: str, *given: Any, **named: Any) -> Any:
    """What a method returns, or ``a…`` of it where the saver behind ``target`` is async: a list of
    what it yields, or the exception that it raises."""
    saver = getattr(target, "checkpointer", target)
    try:
        if not type(saver).__name__.startswith("Async"):
            made = getattr(target, method)(*given, **named)
            return list(made) if inspect.isgenerator(made) else made
        made = getattr(target, f"a{method}")(*given, **named)
        if inspect.isasyncgen(made):
            return [row async for row in made]
        return await made
    except Exception as error:
        return error
