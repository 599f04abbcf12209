"""``with_allowlist``: the copies that LangGraph makes of a saver are measured, on every saver."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

import statemeter
from statemeter import events, subclass
from tests.conftest import StartChild
from tests.statemeter.opened import OPENERS, OWN_SERIALIZER, Servers, opened
from tests.statemeter.spooled import Spooled, read, segments

ALLOWED = ("some.module", "Name")
STRICT: Any = {"allowed_msgpack_modules": None}

# AsyncRedisSaver calls what its own dependency redisvl will change (0.27).
pytestmark = pytest.mark.filterwarnings("ignore:get_async_redis_connection will become async")


def shape(clone: Any, saver: Any) -> Any:
    """What a copy is, seen from outside."""
    inner = getattr(clone.serde, "serde", clone.serde)
    return (
        clone is saver,
        clone.serde is saver.serde,
        type(clone).__name__,
        type(clone.serde).__name__,
        inner._allowed_msgpack_modules,
    )


@pytest.mark.parametrize("name", OPENERS)
async def test_a_copy(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, spool: Spooled
) -> None:
    """It has a serializer of its own, its calls are told, and the original stays as it is."""
    strict = {} if name in OWN_SERIALIZER else {"serde": JsonPlusSerializer(**STRICT)}
    async with opened(name, Servers(request, tmp_path), **strict) as saver:
        bare = shape(saver.with_allowlist({ALLOWED}), saver)
        statemeter.instrument(saver)
        serializer = saver.serde
        clone = saver.with_allowlist({ALLOWED})
        assert shape(clone, saver) == bare
        if strict:
            assert bare[-1] == {ALLOWED}
            assert clone is not saver
        assert subclass.is_instrumented(clone)
        assert subclass.is_instrumented(clone.serde)
        assert saver.serde is serializer
        statemeter.uninstrument(clone)
        assert not subclass.is_instrumented(clone.serde)
        if clone is not saver:
            assert subclass.is_instrumented(saver)
            assert subclass.is_instrumented(saver.serde)


def test_strict_on_servers(
    start_child: StartChild, isolated: Path, postgres_database: str, mongo_url: str
) -> None:
    """With LANGGRAPH_STRICT_MSGPACK savers on servers do the same, bare and instrumented."""
    child = start_child(
        "-W", "error", "-m", "tests.statemeter.strict", postgres_database, mongo_url,
        env={"LANGGRAPH_STRICT_MSGPACK": "true"},
    )  # fmt: skip
    assert child.wait(60) == 0, child.log_path.read_text("utf-8")  # type: ignore[attr-defined]
    (paths,) = segments(isolated / "spool").values()
    told = read(paths)
    assert len([event for event in told if isinstance(event, events.Put)]) == 4 * 5
    backends = {event.backend for event in told if isinstance(event, events.Saver)}
    assert backends == {"memory", "sqlite", "postgres", "mongodb"}
