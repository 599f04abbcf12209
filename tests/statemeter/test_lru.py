"""``watch_cache``: the counters of ``functools.lru_cache`` are told, the function is left alone."""

from __future__ import annotations

import functools
import gc
import weakref
from pathlib import Path
from typing import Any

import pytest

import statemeter
from statemeter import events, probe
from tests.conftest import StartChild
from tests.statemeter.spooled import Spooled, read, segments, without_vitals


def values(spool: Spooled) -> list[dict[str, int]]:
    """What was told, in order."""
    return [event.values for event in spool.of(events.Gauges)]


def test_hits_misses_size_and_maximum(spool: Spooled) -> None:
    """What ``cache_info`` says is told, when it changed; the function itself is returned."""

    @functools.lru_cache(maxsize=2)
    def square(number: int) -> int:
        return number * number

    assert statemeter.watch_cache("squares", square) is square
    for number in (1, 1, 2, 3):
        square(number)
    assert values(spool)[-1] == {"hits": 1, "misses": 3, "size": 2, "maximum": 2}
    assert values(spool) == values(spool), "nothing new"
    square(3)
    assert values(spool)[-1] == {"hits": 2, "misses": 3, "size": 2, "maximum": 2}
    resource = spool.one(events.Resource)
    assert (resource.kind, resource.backend, resource.label) == ("lru", "python", "squares")
    assert resource.facts == {"maximum": 2}
    assert {event.resource for event in spool.of(events.Gauges)} == {resource.key}
    info = square.cache_info()
    assert (info.hits, info.misses, info.currsize, info.maxsize) == (2, 3, 2, 2)


def test_a_cache_without_maximum_and_a_method(spool: Spooled) -> None:
    """``functools.cache`` has no maximum; a method of an object is that of its class."""

    class Prices:
        @functools.cache  # noqa: B019
        def of(self, name: str) -> str:
            return name

    prices = Prices()
    of = prices.of
    assert statemeter.watch_cache("prices", of) is of
    del of
    gc.collect()
    prices.of("a")
    assert values(spool)[-1] == {"hits": 0, "misses": 1, "size": 1}


def test_clearing_never_lowers_a_counter(spool: Spooled) -> None:
    """After ``cache_clear`` counting goes on where it was, by whatever the counters show then."""
    cached = statemeter.watch_cache("names", functools.lru_cache(lambda name: name))
    for name in "aab":
        cached(name)
    assert values(spool)[-1] == {"hits": 1, "misses": 2, "size": 2, "maximum": 128}
    cached.cache_clear()
    for name in "aaaa":
        cached(name)
    assert values(spool)[-1] == {"hits": 4, "misses": 3, "size": 1, "maximum": 128}
    cached.cache_clear()
    assert values(spool)[-1] == {"hits": 4, "misses": 3, "size": 0, "maximum": 128}


def test_it_is_held_weakly(spool: Spooled) -> None:
    """What the application lets go of is gone, and no longer introduced."""
    cached: Any = statemeter.watch_cache("short", functools.lru_cache(lambda: 1))
    cached()
    before = values(spool)
    assert before[-1]["misses"] == 1
    gone = weakref.ref(cached)
    del cached
    gc.collect()
    assert gone() is None
    assert values(spool) == before
    assert {one.kind for one in probe.get().resources.alive()} == {"process"}
    statemeter.watch_cache("short", kept := functools.lru_cache(lambda: 2))
    assert kept() == 2


def test_a_name_belongs_to_one_function(spool: Spooled) -> None:
    """Another function cannot have it; the same one may be watched again."""

    @functools.cache
    def first() -> int:
        return 1

    @functools.cache
    def second() -> int:
        return 2

    for _ in range(2):
        statemeter.watch_cache("config", first)
    with pytest.raises(statemeter.UnusableName, match=r"'config'.*second.*belongs to .*first"):
        statemeter.watch_cache("config", second)
    assert len(spool.of(events.Resource)) == 1


def test_a_module_that_is_loaded_again(spool: Spooled) -> None:
    """Its new function takes the place of the old one, as at a reload: no error at import."""

    def load() -> Any:
        @functools.lru_cache
        def get() -> int:
            return 1

        return statemeter.watch_cache("get", get)

    old, new = load(), load()
    new()
    old()
    old()
    assert values(spool)[-1] == {"hits": 0, "misses": 1, "size": 1, "maximum": 128}
    assert len({event.resource for event in spool.of(events.Gauges)}) == 1


@pytest.mark.parametrize(
    ("name", "function", "error", "fix"),
    [
        ("plain", len, statemeter.NotInstrumentable, "Decorate it with functools.lru_cache"),
        ("nothing", None, statemeter.NotInstrumentable, "has no lru_cache"),
        (len, "name", statemeter.NotInstrumentable, r"watch_cache\('len', function\)"),
        ("", functools.cache(len), statemeter.UnusableName, "that is not empty"),
        (None, functools.cache(len), statemeter.UnusableName, "that is not empty"),
    ],
)
def test_what_cannot_be_watched(
    name: Any, function: Any, error: type[Exception], fix: str, spool: Spooled
) -> None:
    """The message names what was given and what to give instead."""
    with pytest.raises(error, match=fix):
        statemeter.watch_cache(name, function)


def test_a_decorator_over_the_cache(spool: Spooled) -> None:
    """It hides the cache: the message says where it is."""

    @functools.cache
    def inner() -> int:
        return 1

    @functools.wraps(inner)
    def outer() -> int:
        return inner()

    with pytest.raises(statemeter.NotInstrumentable, match=r"pass inner\.__wrapped__ instead"):
        statemeter.watch_cache("outer", outer)


def test_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """STATEMETER_ENABLED=0: no probe, no check, no error."""
    monkeypatch.setenv("STATEMETER_ENABLED", "0")
    monkeypatch.setattr(probe, "_probe", None)
    assert statemeter.watch_cache("", len) is len
    assert probe._probe is None


def test_a_forked_child_tells_of_itself(start_child: StartChild, isolated: Path) -> None:
    """What its parent had counted before the fork is not counted twice."""
    # From 3.12 on Python warns of any fork under threads, which is what is tested here.
    child = start_child("-W", "ignore::DeprecationWarning", "-m", "tests.statemeter.caching")
    assert child.wait(120) == 0, child.log_path.read_text("utf-8")  # type: ignore[attr-defined]
    told = [
        [event for event in without_vitals(read(paths)) if isinstance(event, events.Gauges)]
        for paths in segments(isolated / "spool").values()
    ]
    last = sorted(tuple(sorted(each[-1].values.items())) for each in told)
    parent = {"hits": 1, "misses": 2, "size": 2, "maximum": 10}
    child_did = {"hits": 2, "misses": 3, "size": 5, "maximum": 10}
    assert last == sorted(tuple(sorted(each.items())) for each in (parent, child_did))
    assert len({each[-1].resource for each in told}) == 1, "one cache of one application"
