"""``track``: a region of the application's own code, its time and the memory of the process.

Resident memory is read when it begins and when it ends, and looked at in between as ``resident``
does: of the whole process, so what other threads take in the meantime counts too.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from statemeter import faults, kernel, probe, records, resident, settings
from statemeter.calls import SCOPE, clock, wall
from statemeter.errors import NotInstrumentable, SettingError, UnusableName

F = TypeVar("F", bound=Callable[..., Any])

NAME_CHARACTERS = 200

_Began = tuple[int, int, int, int]
"""Wall clock and monotonic clock (ns), resident memory, highest mark (bytes)."""
_open: contextvars.ContextVar[tuple[tuple[object, _Began], ...]] = contextvars.ContextVar(
    "statemeter_regions", default=()
)


class Region:
    """A name, to be used by ``with`` (as often as wanted, nested too) or as a decorator."""

    __slots__ = ("_on", "name")

    def __init__(self, name: str, *, on: bool) -> None:
        self.name = name
        self._on = on

    def __call__(self, function: F) -> F:
        """Mark each call of a function; of a generator, from its first value to its end."""
        if not callable(function) or isinstance(function, type):
            raise NotInstrumentable(
                f"track({self.name!r}) decorates functions; it was given "
                f"{getattr(function, '__name__', type(function).__name__)!r}."
            )
        return _marked(self.name, function) if self._on else function

    def __enter__(self) -> Self:
        if self._on:
            _enter(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._on:
            _exit(self, kind)


@overload
def track(name: str) -> Region: ...
@overload
def track(name: F) -> F: ...
def track(name: Any) -> Any:
    """Mark a region of your own code: how long it takes, and the memory before and after it.

    ``with statemeter.track("rank documents"): …``, ``@statemeter.track("rank documents")`` or
    ``@statemeter.track``, which takes the name of the function. Functions may be plain, async,
    generators or async generators; results and exceptions stay what they are. Inside a node, the
    node is told with it. ``STATEMETER_ENABLED=0`` makes it do nothing at all.

    Raises:
        UnusableName: the name is no text, empty, or longer than 200 characters.
        NotInstrumentable: what is to be decorated is no function.
    """
    if callable(name) and not isinstance(name, str):
        return Region(getattr(name, "__qualname__", "function"), on=_is_on())(name)
    if not isinstance(name, str) or not name.strip() or len(name) > NAME_CHARACTERS:
        shown = name if not isinstance(name, str) or len(name) < 50 else f"{name[:50]}…"
        raise UnusableName(
            f"track() was given the name {shown!r}. Give it a text of 1 to {NAME_CHARACTERS} "
            "characters, such as track('rank documents')."
        )
    return Region(name, on=_is_on())


def _is_on() -> bool:
    try:
        return bool(settings.get("STATEMETER_ENABLED"))
    except SettingError:
        return True  # instrument() says what is wrong with it
    except Exception:
        faults.fault("reading STATEMETER_ENABLED")
        return False


@faults.guarded
def _enter(region: Region) -> None:
    _open.set((*_open.get(), (region, _begin())))


@faults.guarded
def _exit(region: Region, kind: type[BaseException] | None) -> None:
    entered = _open.get()
    for at in reversed(range(len(entered))):
        if entered[at][0] is region:
            _open.set(entered[:at] + entered[at + 1 :])
            _end(region.name, entered[at][1], kind)
            return


def _begin() -> _Began:
    probe.get().awake()
    before, highest = resident.now(), kernel.highest()
    return wall(), clock(), before, highest


@faults.guarded
def _tell_end(name: str, began: _Began | None, kind: type[BaseException] | None) -> None:
    if began is not None:
        _end(name, began, kind)


_tell_begin = faults.guarded(_begin)


def _end(name: str, began: _Began, kind: type[BaseException] | None) -> None:
    at_ns, start_ns, before, highest = began
    duration_ns = clock() - start_ns
    after, higher = resident.now(), kernel.highest()
    mark = higher if higher > highest else resident.UNKNOWN
    error = kind.__name__ if kind is not None and kind is not GeneratorExit else ""
    thread, node = _where()
    probe.get().emit(
        records.region,
        (at_ns, duration_ns, SCOPE.get(), thread, node, name, error, (before, after, mark)),
    )


def _where() -> tuple[Any, str]:
    """Thread and node that run here, by the config that LangGraph keeps for them."""
    config_module = sys.modules.get("langchain_core.runnables.config")
    kept = getattr(config_module, "var_child_runnable_config", None)
    config = kept.get() if kept is not None else None
    if not config:
        return "", ""
    conf, metadata = config.get("configurable") or {}, config.get("metadata") or {}
    return conf.get("thread_id", ""), str(metadata.get("langgraph_node", ""))


def _marked(name: str, function: Any) -> Any:
    """The function with its calls marked, of the same kind."""
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def generate_async(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            with _Around(name):
                inner = function(*args, **kwargs)
                try:
                    value = await anext(inner)
                    while True:
                        try:
                            sent = yield value
                        except GeneratorExit:
                            raise
                        except BaseException as error:
                            value = await inner.athrow(error)
                        else:
                            value = await inner.asend(sent)
                except StopAsyncIteration:
                    return
                finally:
                    await inner.aclose()

        return generate_async
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wait(*args: Any, **kwargs: Any) -> Any:
            with _Around(name):
                return await function(*args, **kwargs)

        return wait
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generate(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            with _Around(name):
                return (yield from function(*args, **kwargs))

        return generate

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with _Around(name):
            return function(*args, **kwargs)

    return call


class _Around:
    """One call of a decorated function."""

    __slots__ = ("_began", "_name")

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._began: _Began | None = _tell_begin()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _tell_end(self._name, self._began, kind)
