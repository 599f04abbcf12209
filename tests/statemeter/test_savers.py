"""Savers stay what they are, and tell each call once."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import inspect
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.errors import GraphInterrupt

import statemeter
from statemeter import events
from tests.statemeter.graphs import chat, thread
from tests.statemeter.spooled import Spooled

METHODS = (
    "get_tuple", "list", "put", "put_writes", "delete_thread", "prune", "copy_thread",
    "delete_for_runs", "get_delta_channel_history",
)  # fmt: skip


class Failing(InMemorySaver):
    """Raises what it was told to."""

    error: BaseException

    def _raise(self, *args: Any, **kwargs: Any) -> Any:
        raise self.error

    get_tuple = put = delete_thread = _raise  # type: ignore[assignment]

    def put_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        raise self.error

    def list(self, config: Any, **kwargs: Any) -> Iterator[Any]:
        yield from super().list(config, **kwargs)
        raise self.error


class Pruning(InMemorySaver):
    """A user's own saver: it can do more, and takes options of its own."""

    def get_tuple(self, config: Any, *, consistent: bool = False) -> Any:
        self.consistent = consistent
        return super().get_tuple(config)

    def prune(self, thread_ids: Any, *, strategy: str = "keep_latest", dry: bool = False) -> int:
        return 0 if dry else len([self.delete_thread(name) for name in thread_ids])

    async def adelete_for_runs(self, run_ids: Any) -> str:
        return f"{len(run_ids)} runs"

    def copy_thread(self, source_thread_id: Any, target_thread_id: Any) -> str:
        return f"{source_thread_id} to {target_thread_id}"


def sqlite(path: Path) -> SqliteSaver:
    saver = SqliteSaver(sqlite3.connect(path, check_same_thread=False))
    saver.setup()
    return saver


@pytest.fixture(params=["memory", "sqlite"])
def saver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A saver, not instrumented."""
    if request.param == "memory":
        yield InMemorySaver()
    else:
        saver = sqlite(tmp_path / "c.sqlite")
        yield saver
        saver.conn.close()


def put(saver: Any, config: Any = None, **values: Any) -> Any:
    """One checkpoint, as a graph would write it."""
    checkpoint = empty_checkpoint() | {
        "channel_values": values,
        "channel_versions": dict.fromkeys(values, 1),
    }
    config = config or thread(checkpoint_ns="")
    return saver.put(config, checkpoint, {"step": 0, "source": "loop"}, dict.fromkeys(values, 1))


def test_the_saver_stays_itself(saver: Any, spool: Spooled) -> None:
    """Identity, class, name, truth and text are those of before; so is what its class can do."""
    cls, text, attributes = type(saver), repr(saver).split(" at ")[0], set(dir(type(saver)))
    assert statemeter.instrument(saver) is saver
    assert isinstance(saver, cls)
    assert isinstance(saver, BaseCheckpointSaver)
    assert (type(saver).__name__, type(saver).__qualname__) == (cls.__name__, cls.__qualname__)
    assert type(saver).__module__ == cls.__module__
    assert repr(saver).split(" at ")[0] == text
    assert bool(saver)
    assert isinstance(saver.serde, JsonPlusSerializer)
    new = {name for name in set(dir(type(saver))) - attributes if not name.startswith("_state")}
    assert new <= {"__slots__"}


@pytest.mark.parametrize("cls", [InMemorySaver, SqliteSaver, AsyncSqliteSaver])
def test_what_a_class_does_not_implement_stays_so(cls: Any, spool: Spooled) -> None:
    """Capability detection asks whether a method differs from that of the base class."""
    saver = cls.__new__(cls)
    saver.serde = JsonPlusSerializer()
    saver.conn = None
    # Without a connection the file cannot be found; that is a fault, and told nowhere else.
    assert statemeter.instrument(saver) is saver
    for name in (*METHODS, *(f"a{name}" for name in METHODS)):
        bare, now = getattr(cls, name), getattr(type(saver), name)
        base = getattr(BaseCheckpointSaver, name)
        assert (now is base) == (bare is base), name
        assert inspect.signature(now) == inspect.signature(bare), name
        assert inspect.iscoroutinefunction(now) == inspect.iscoroutinefunction(bare), name
    from statemeter import faults

    faults.reset()


def test_put_writes_shows_its_task_path(saver: Any, spool: Spooled) -> None:
    """LangGraph passes a task's path only to a ``put_writes`` that shows the parameter."""
    statemeter.instrument(saver)
    for method in (saver.put_writes, saver.aput_writes):
        parameters = inspect.signature(method).parameters
        assert parameters["task_path"].default == ""
        kinds = {parameter.kind for parameter in parameters.values()}
        assert inspect.Parameter.VAR_POSITIONAL not in kinds


def test_each_call_is_told_once(saver: Any, spool: Spooled) -> None:
    """Every method of the saver gives one event with what it did."""
    statemeter.instrument(saver)
    config = put(saver, a="x" * 10)
    saver.put_writes(config, [("a", "yy"), ("b", b"zzz")], "task", "~__pregel_pull, node")
    assert saver.get_tuple(config) is not None
    assert saver.get_tuple(thread("nobody")) is None
    assert len(list(saver.list(thread()))) == 1
    saver.get_delta_channel_history(config=config, channels=["a"])
    saver.delete_thread("thread")
    told = spool.told()
    kinds = [type(event).__name__ for event in told]
    assert kinds == ["Put", "Writes", "Read", "Read", "List", "History", "Removal"]
    assert [event.error for event in told] == [""] * 7
    assert [event.thread for event in told] == [*["thread"] * 3, "nobody", *["thread"] * 3]
    assert told[0].checkpoint == told[1].checkpoint == config["configurable"]["checkpoint_id"]
    assert told[1].writes == [("a", 3), ("b", 3)]
    assert (told[1].task, told[1].node) == ("task", "node")
    assert [event.found for event in told[2:4]] == [1, 0]
    assert (told[4].rows, told[4].complete, told[4].filtered) == (1, 1, 0)
    assert told[4].open_us >= told[4].duration_us >= told[4].first_us >= 0
    assert told[5].channels == ["a"]
    assert told[6].method == "delete_thread"
    key = {event.saver for event in told}
    assert key == {spool.of(events.Saver)[0].key}


async def test_each_asynchronous_call_is_told_once(tmp_path: Path, spool: Spooled) -> None:
    """InMemorySaver's async methods call its sync ones: that is one call, not two."""
    for make in ("memory", "sqlite"):
        before = len(spool.told())
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.sqlite")) as opened:
            saver: Any = statemeter.instrument(InMemorySaver() if make == "memory" else opened)
            checkpoint = empty_checkpoint() | {"channel_values": {"a": 1}}
            config = await saver.aput(thread(checkpoint_ns=""), checkpoint, {"step": 3}, {"a": 1})
            await saver.aput_writes(config, [("a", 5)], "task")
            await saver.aget_tuple(config)
            assert len([row async for row in saver.alist(thread())]) == 1
            await saver.aget_delta_channel_history(config=config, channels=["a"])
            await saver.adelete_thread("thread")
        told = spool.told()[before:]
        kinds = [type(event).__name__ for event in told]
        assert kinds == ["Put", "Writes", "Read", "List", "History", "Removal"]
        assert told[0].step == 3
        assert all(event.read_bytes > 0 for event in told[2:4])


async def test_the_async_saver_called_from_another_thread(tmp_path: Path, spool: Spooled) -> None:
    """AsyncSqliteSaver's sync methods work on its loop: still one call each."""
    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.sqlite")) as saver:
        statemeter.instrument(saver)

        def work() -> int:
            config = put(saver, a="b")
            saver.put_writes(config, [("a", 5)], "task")
            assert saver.get_tuple(config) is not None
            rows = len(list(saver.list(thread())))
            saver.delete_thread("thread")
            return rows

        assert await asyncio.to_thread(work) == 1
        with pytest.raises(asyncio.InvalidStateError):
            saver.get_tuple(thread())
    kinds = [type(event).__name__ for event in spool.told()]
    assert kinds == ["Put", "Writes", "Read", "List", "Removal", "Read"]
    told = spool.told()
    assert told[0].document_bytes > 0
    assert told[3].rows == 1
    assert told[-1].error == "InvalidStateError"


def test_a_list_left_early_is_closed(saver: Any, spool: Spooled) -> None:
    """A list that is not read to its end says so, and holds nothing open."""
    statemeter.instrument(saver)
    for number in range(3):
        put(saver, a=number)
    rows = saver.list(thread(), filter={"step": 0}, limit=3)
    next(rows)
    between = saver.get_tuple(thread()) if isinstance(saver, InMemorySaver) else None
    rows.close()
    assert list(saver.list(None, limit=2))
    partly, whole = spool.of(events.List)
    assert (partly.rows, partly.complete, partly.filtered, partly.error) == (1, 0, 1, "")
    assert (whole.rows, whole.complete, whole.filtered) == (2, 1, 0)
    if between is not None:
        assert len(spool.of(events.Read)) == 1


async def test_an_async_list_left_early_is_closed(tmp_path: Path, spool: Spooled) -> None:
    """Closing the outer generator frees the saver's lock, for the next call."""
    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.sqlite")) as saver:
        statemeter.instrument(saver)
        for number in range(3):
            checkpoint = empty_checkpoint() | {"channel_values": {"a": number}}
            await saver.aput(thread(checkpoint_ns=""), checkpoint, {"step": 0}, {})
        rows = saver.alist(thread())
        await anext(rows)
        await rows.aclose()
        assert await asyncio.wait_for(saver.aget_tuple(thread()), 30) is not None
    assert [(event.rows, event.complete) for event in spool.of(events.List)] == [(1, 0)]


async def test_each_step_of_a_list_may_have_its_own_context(spool: Spooled) -> None:
    """A generator goes on in whatever context asks for its next row."""
    saver = statemeter.instrument(InMemorySaver())
    for number in range(4):
        put(saver, a=number)
    rows = saver.list(thread())
    contexts = [contextvars.copy_context() for _ in range(2)]
    for context in contexts:
        context.run(next, rows)
    assert len(list(rows)) == 2
    arows: AsyncIterator[Any] = saver.alist(thread())
    for _ in range(4):
        await asyncio.create_task(anext(arows))  # type: ignore[arg-type]
    with pytest.raises(StopAsyncIteration):
        await anext(arows)
    assert [event.rows for event in spool.of(events.List)] == [4, 4]


@pytest.mark.parametrize(
    "error",
    [
        ValueError("text of it"), GraphInterrupt(()), KeyboardInterrupt(), SystemExit(3),
        asyncio.CancelledError(), MemoryError(), StopIteration(),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_errors_are_those_of_the_saver(error: BaseException, spool: Spooled) -> None:
    """The very exception of the saver reaches its caller; only its class is told."""
    saver = statemeter.instrument(Failing())
    saver.error = error
    calls = [
        lambda: saver.get_tuple(thread()),
        lambda: put(saver, a=1),
        lambda: saver.put_writes(thread(checkpoint_ns="", checkpoint_id="1"), [("a", 1)], "t"),
        lambda: saver.delete_thread("thread"),
    ]
    if not isinstance(error, StopIteration):
        calls.append(lambda: list(saver.list(thread())))
    for call in calls:
        with pytest.raises(type(error)) as caught:
            call()
        assert caught.value is error
    assert {event.error for event in spool.told()} == {type(error).__name__}
    assert len(spool.told()) == len(calls)
    assert b"text of it" not in spool.content()


async def test_a_cancelled_call_says_so(tmp_path: Path, spool: Spooled) -> None:
    """Cancelling a task that waits for the saver cancels it, and the call tells of it."""
    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.sqlite")) as saver:
        statemeter.instrument(saver)
        await saver.setup()
        await saver.lock.acquire()
        task = asyncio.create_task(saver.aget_tuple(thread()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        saver.lock.release()
    assert spool.one(events.Read).error == "CancelledError"


def test_a_put_that_failed_tells_what_is_known(tmp_path: Path, spool: Spooled) -> None:
    """State or metadata that cannot be serialized are the saver's errors, and no fault of ours."""
    saver = statemeter.instrument(sqlite(tmp_path / "c.sqlite"))
    with pytest.raises(TypeError):
        put(saver, a=object())
    checkpoint = empty_checkpoint()
    with pytest.raises(TypeError):
        saver.put(thread(checkpoint_ns=""), checkpoint, {"step": object()}, {})  # type: ignore
    saver.conn.close()
    with pytest.raises(sqlite3.ProgrammingError):
        put(saver, a=1)
    told = spool.of(events.Put)
    assert [event.error for event in told] == ["TypeError", "TypeError", "ProgrammingError"]
    assert [event.document_bytes > 0 for event in told] == [False, True, True]
    assert [event.metadata_bytes > 0 for event in told] == [True, False, True]


def test_instrumenting_twice_is_once(saver: Any, spool: Spooled) -> None:
    """A second time changes nothing: no second event, no second saver."""
    statemeter.instrument(saver)
    cls, serializer = type(saver), saver.serde
    statemeter.instrument(saver)
    assert type(saver) is cls
    assert saver.serde is serializer
    put(saver, a=1)
    assert len(spool.of(events.Put)) == 1
    assert len({event.key for event in spool.of(events.Saver)}) == 1


def test_uninstrument_restores_everything(saver: Any, spool: Spooled) -> None:
    """Class, serializer and attributes are those of before, and nothing is told any more."""
    cls, serializer, attributes = type(saver), saver.serde, set(vars(saver))
    statemeter.instrument(saver)
    put(saver, a=1)
    assert statemeter.uninstrument(saver) is saver
    assert type(saver) is cls
    assert saver.serde is serializer
    assert set(vars(saver)) == attributes
    put(saver, a=2)
    assert len(spool.of(events.Put)) == 1
    assert statemeter.uninstrument(saver) is saver


def test_uninstrument_keeps_a_serializer_given_since(spool: Spooled) -> None:
    """What the application itself assigned after instrument() is not undone."""
    saver = statemeter.instrument(InMemorySaver())
    saver.serde = own = JsonPlusSerializer(pickle_fallback=True)
    statemeter.uninstrument(saver)
    assert saver.serde is own


def test_a_users_own_saver(spool: Spooled) -> None:
    """What a subclass implements is measured, with its own options and what it returns."""
    saver = statemeter.instrument(Pruning())
    put(saver, a=1)
    assert saver.get_tuple(thread(), consistent=True) is not None
    assert saver.consistent
    assert saver.prune(["thread", "other"], strategy="delete", dry=False) == 2
    assert saver.prune(iter(["thread"]), dry=True) == 0
    assert asyncio.run(saver.adelete_for_runs(["r1", "r2"])) == "2 runs"
    assert saver.copy_thread(target_thread_id=2, source_thread_id="one") == "one to 2"
    assert type(saver).aprune is BaseCheckpointSaver.aprune
    told = [(e.method, e.thread, e.subjects, e.strategy) for e in spool.of(events.Removal)]
    assert told == [
        ("prune", "", ["thread", "other"], "delete"),
        ("prune", "", [], "keep_latest"),
        ("delete_for_runs", "", ["r1", "r2"], ""),
        ("copy_thread", "one", ["2"], ""),
    ]
    assert spool.of(events.Saver)[0].class_name == "Pruning"
    assert spool.of(events.Saver)[0].backend == "memory"


def test_writes_given_as_an_iterator_reach_the_saver(spool: Spooled) -> None:
    """What can be gone through only once is left to the saver."""
    saver = statemeter.instrument(InMemorySaver())
    config = put(saver, a=1)
    saver.put_writes(config, iter([("a", 1), ("b", 2)]), "task")  # type: ignore[arg-type]
    found = saver.get_tuple(config)
    assert found is not None
    assert found.pending_writes == [("task", "a", 1), ("task", "b", 2)]
    assert spool.one(events.Writes).writes == []


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_is_measured_too(copied: Any, spool: Spooled) -> None:
    """A copy of a saver works, is instrumented, and tells under the name of its original."""
    saver = statemeter.instrument(InMemorySaver())
    put(saver, a=1)
    twin = copied(saver)
    assert type(twin) is type(saver)
    assert twin is not saver
    put(twin, a=2)
    assert len(list(twin.list(thread()))) == 2
    known = {event.key for event in spool.of(events.Saver)}
    assert {event.saver for event in spool.told()} <= known
    assert len(spool.of(events.Put)) == 2
    statemeter.uninstrument(twin)
    assert type(twin) is InMemorySaver
    put(saver, a=3)
    assert len(spool.of(events.Put)) == 3


def test_copies_of_one_database_have_one_key(tmp_path: Path, spool: Spooled) -> None:
    """Two savers on one file are one storage; two in memory are two."""
    one, two = (statemeter.instrument(sqlite(tmp_path / "c.sqlite")) for _ in range(2))
    statemeter.instrument(InMemorySaver())
    statemeter.instrument(InMemorySaver())
    told = spool.of(events.Saver)
    keys = [event.key for event in told]
    files = [event.database for event in told]
    assert len(set(keys)) == 3
    assert set(files) == {str(tmp_path / "c.sqlite"), ""}
    assert {event.label for event in told} >= {"c.sqlite"}
    one.conn.close()
    two.conn.close()


def test_a_class_that_cannot_be_changed_is_left_alone(
    spool: Spooled, caplog: pytest.LogCaptureFixture
) -> None:
    """A saver whose class refuses subclasses works on as it was, and a warning says so."""

    class Final(InMemorySaver):
        def __init_subclass__(cls) -> None:
            raise TypeError("final")

    from statemeter import faults

    saver = Final()
    serializer, attributes = saver.serde, set(vars(saver))
    assert statemeter.instrument(saver) is saver
    assert type(saver) is Final
    assert saver.serde is serializer
    assert set(vars(saver)) == attributes
    assert faults._counts == {"instrument(Final)": 1}
    assert "your graph is not affected" in caplog.text
    faults.reset()


def test_any_name_of_a_thread(spool: Spooled) -> None:
    """LangGraph takes numbers and any text as names; each gives events that can be read."""
    names: list[Any] = ["", "a\nb", "nul\0nul", "\ud800lone", "x" * 100_000, 7, "é" * 600, None]
    saver = statemeter.instrument(InMemorySaver())
    graph = statemeter.instrument(chat(saver))
    for name in names:
        put(saver, thread(name, checkpoint_ns=""), a=1)
        saver.delete_thread(name)
    for name in names[1:7]:
        graph.invoke({"messages": [("user", "hello")]}, thread(name))
    puts = [event.thread for event in spool.of(events.Put)][: len(names)]
    assert puts[:3] == names[:3]
    assert puts[3] == "?lone"
    assert puts[4].startswith("xxx")
    assert puts[4].endswith("(100000 characters)")
    assert puts[5:8] == ["7", "é" * 600, "None"]
    removed = [event.thread for event in spool.of(events.Removal)]
    assert removed == puts
    assert {event.thread for event in spool.of(events.Node)} >= {"7", "a\nb", "nul\0nul"}
    assert statemeter.stats()["dropped"] == {}
