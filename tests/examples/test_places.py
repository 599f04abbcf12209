"""``--backends`` of the demo: what it takes, what it says, and that one server never stops others.

All five at work: ``tests/browser/test_backends.py``.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from examples.demo import places, traffic
from examples.demo.__main__ import parse
from examples.demo.places import Place

SECRET = "hunter2secret"


def test_a_wrong_list_is_refused_without_being_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is no backend, or half a URL: what is allowed, never what was given."""
    for text in (f"sqlite,oracle://me:{SECRET}@db/x", f"redis://me:a,{SECRET}@db", "redis://"):
        with pytest.raises(SystemExit) as ended:
            parse(["--backends", text])
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert "postgresql://" in said
        assert SECRET not in said
    assert parse(["--backends", " memory, redis://db/1 "]).backends == ["memory", "redis://db/1"]


async def test_a_missing_server_leaves_the_others(
    tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite and memory are always there; of a server that is down one line is said."""
    monkeypatch.setenv("STATEMETER_ENABLED", "0")
    said: list[str] = []
    url = f"mongodb://me:{SECRET}@127.0.0.1:{free_port}/x"
    monkeypatch.setattr(places.on_mongodb, "CONNECT_MS", 500)
    async with AsyncExitStack() as stack:
        found = await places.open_places(stack, [url], tmp_path / "demo.sqlite", said.append)
        assert [place.url for place in found] == ["sqlite", "memory"]
        assert len(traffic.open_offices_at(found, seed=1)) == 2 * len(traffic.PLANS)
    (line,) = said
    assert line.startswith(f"Left out: mongodb://127.0.0.1:{free_port}/x: ")
    assert SECRET not in line


async def test_threads_of_an_earlier_demo_are_found(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a server their names begin with a prefix; numbers go on, so that none is mixed up."""
    monkeypatch.setenv("STATEMETER_ENABLED", "0")
    url = redis_url.replace("redis://", "valkey://")
    database = tmp_path / "demo.sqlite"
    (plan,) = [plan for plan in traffic.PLANS if plan.prefix == "refund"]
    names = []
    for _ in range(2):
        async with AsyncExitStack() as stack:
            place = (await places.open_places(stack, [url], database, pytest.fail))[-1]
            office = traffic.Office(plan, place.saver, 1, place.earlier, place=place)
            thread = office.thread(threads=1)
            assert thread is not None
            await office.visit(thread, pause_seconds=0)
            names.append(thread.name)
    assert names == ["demo-refund-1001", "demo-refund-1002"]
    async with AsyncExitStack() as stack:
        place = (await places.open_places(stack, [url], database, pytest.fail))[-1]
        for name in names:
            place.saver.delete_thread(name)


def test_a_server_that_goes_away_is_said_once() -> None:
    """After some failed turns in a row it is left alone, with one line."""
    place = Place(f"redis://:{SECRET}@db:6379/0", "redis", None, None, places.PREFIX)
    said = [place.failed(ConnectionError(SECRET)) for _ in range(places.FAILURES + 2)]
    lines = [line for line in said if line]
    assert len(lines) == 1
    assert place.down
    assert lines[0].startswith("redis://db:6379/0: ")
    assert "The others go on." in lines[0]
    assert SECRET not in lines[0]
