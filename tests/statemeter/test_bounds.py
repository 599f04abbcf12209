"""What the probe keeps does not grow with use: it is weak, or the oldest goes."""

from __future__ import annotations

import functools
import gc
import tracemalloc
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from langchain_core.embeddings import DeterministicFakeEmbedding
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore

import statemeter
from statemeter import (
    cache_calls,
    demand,
    embeddings,
    faults,
    hints,
    probe,
    records,
    resident,
    store_calls,
    subclass,
)  # fmt: skip
from statemeter.calls import RunScope
from statemeter.introduction import SaverInfo
from tests.statemeter.graphs import chat, thread
from tests.statemeter.spooled import Spooled

MANY = 10_000
IN_HAND = 10
"""Objects that frames of some thread may still name."""
_FOLDER = Path(statemeter.__file__).parent


def kept() -> dict[str, int]:
    """How much of each is kept now, once what was queued is written and garbage is gone."""
    assert statemeter.flush(30)
    gc.collect()
    target = probe.get()
    of_target: dict[str, Iterable[Any]] = {
        "savers": target.savers,
        "resources": target.resources._known,
        "gauges": target.gauges._gauges,
        "queue": target.queue,
        "pending": target._pending,
    }
    of_modules: dict[str, Iterable[Any]] = {
        "classes": subclass._made,
        "stores": store_calls._measured,
        "embeddings": embeddings._kept,
        "demands": demand._demands,
    }
    return {name: len(list(things)) for name, things in (of_target | of_modules).items()}


def use(number: int) -> None:
    """Each kind of object once, as an application makes it for one request: then it is gone."""

    class OwnSaver(InMemorySaver):
        """A class made for one request, too."""

    embed = DeterministicFakeEmbedding(size=2)
    store = InMemoryStore(index={"embed": embed, "dims": 2})
    graph = chat(OwnSaver(), store=store, cache=InMemoryCache())
    statemeter.instrument(graph)
    graph.invoke({"messages": [("user", "hello")]}, thread(number))
    store.put(("a",), "k", {"text": "x"})
    engine = statemeter.instrument(sqlalchemy.create_engine("sqlite://"))
    with engine.connect():
        pass
    engine.dispose()
    statemeter.watch_cache(f"kept {number}", functools.lru_cache(str))


def test_nothing_is_kept_of_objects_that_are_gone(spool: Spooled) -> None:
    """Savers, classes, graphs, stores, embeddings, caches, pools, functions: of 60 of each no more
    is left than a thread may have in hand."""
    before = kept()
    for number in range(60):
        use(number)
    after = kept()
    newest = {"classes": subclass._newest.maxlen}
    for name, count in after.items():
        assert count <= before[name] + IN_HAND + (newest.get(name) or 0), name


def test_ten_thousand_savers_leave_nothing(spool: Spooled) -> None:
    """A saver for each request: none is introduced again once it is gone."""
    for _ in range(MANY):
        statemeter.instrument(InMemorySaver())
    assert kept()["savers"] <= IN_HAND


def test_gauges_of_what_is_gone_are_let_go_without_a_spool(
    spool: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the spool takes nothing, nobody reads them: adding one lets the others go."""
    monkeypatch.setattr(probe.get().writer, "open", _fail)
    for number in range(100):
        statemeter.watch_cache(f"kept {number}", functools.lru_cache(str))
    assert len(probe.get().gauges._gauges) <= IN_HAND


def _fail() -> None:
    raise OSError


def blocks() -> int:
    """Blocks of memory that lines of the probe took and nobody gave back."""
    kept()
    taken = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, f"{_FOLDER}/*")])
    return sum(row.count for row in taken.statistics("filename"))


def test_ten_thousand_threads_leave_nothing(spool: Spooled) -> None:
    """Memory that the probe takes does not grow with the threads of a conversation."""
    saver = InMemorySaver()
    statemeter.instrument(saver)
    checkpoint: Any = {
        "id": "1", "channel_values": {}, "channel_versions": {}, "versions_seen": {}
    }  # fmt: skip
    counts = []
    tracemalloc.start()
    try:
        for _ in range(resident.KEPT):
            resident.look()  # the ring is full from the beginning
        for count in (1000, MANY):
            for number in range(count):
                config: Any = thread(f"{count} {number}", checkpoint_ns="")
                saver.put(config, checkpoint, {"step": 1, "source": "loop"}, {})
                saver.delete_thread(f"{count} {number}")
                if number % 1000 == 0:
                    assert statemeter.flush(30)
            counts.append(blocks())
    finally:
        tracemalloc.stop()
    assert counts[1] < counts[0] + MANY // 100


def test_what_is_remembered_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Misses of caches, texts, tasks, advice and faults: the oldest goes, or no more are taken."""
    monkeypatch.setattr(embeddings, "_embedded", type(embeddings._embedded)())
    for number in range(0, embeddings.REMEMBERED + MANY, 1000):
        texts = tuple(map(str, range(number, number + 1000)))
        embeddings._known(1, texts, remember=True)
    assert len(embeddings._embedded) == embeddings.REMEMBERED
    newest = str(embeddings.REMEMBERED + MANY - 1)
    assert embeddings._known(1, (newest, "0"), remember=False) == 1

    scope = RunScope(1, "graph", None, "thread")
    monkeypatch.setattr(records, "_node_of_task", {})
    for number in range(MANY):
        records.node(1, (0, 0, scope, "t", "", 1, "node", f"task {number}", "", 0))
    assert len(records._node_of_task) <= records._NODE_MEMORY

    monkeypatch.setattr(hints, "_said", set())
    info = SaverInfo("redis", "RedisSaver", "whole", "", "", 1)
    for number in range(1000):
        info.label = str(number)
        hints.tell(info, _down())
    assert len(hints._said) == hints._MOST

    faults.reset()
    for number in range(1000):
        try:
            raise ValueError
        except ValueError:
            faults.fault(f"instrument(Class{number})")
    assert (faults.total(), len(faults._counts)) == (1000, faults._MOST + 1)
    faults.reset()


def _down() -> Exception:
    import redis

    return redis.ConnectionError("down")


def test_misses_of_a_cache_are_forgotten(spool: Spooled) -> None:
    """A key that is asked for in a run and never set is not kept for good."""
    call = cache_calls.CacheCall(None, "get", info=_Numbered(), scope=RunScope(1, "g", None, "t"))
    for number in range(MANY):
        cache_calls._remember(call, [(("node",), str(number))])
    assert len(cache_calls._asked) == cache_calls.ASKED_KEPT
    assert (1, (("node",), str(MANY - 1))) in cache_calls._asked
    cache_calls._asked.clear()


class _Numbered:
    number = 1
