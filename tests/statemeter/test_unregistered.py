"""Types outside LangGraph's allowlist: counted by type as they are read; no value is kept."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde import event_hooks
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

import statemeter
from statemeter import unregistered
from tests.statemeter.spooled import Spooled

NAME = f"{__name__}.Order"


@dataclasses.dataclass
class Order:
    number: int


@pytest.fixture(autouse=True)
def alone(spool: Spooled) -> Iterator[None]:
    unregistered.stop()
    yield
    unregistered.stop()


def config(thread: str) -> Any:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}


def checkpoint(**values: Any) -> Any:
    return {"v": 4, "id": "1", "ts": "", "channel_values": values,
            "channel_versions": dict.fromkeys(values, "1"), "versions_seen": {}}  # fmt: skip


def stored(serde: Any = None) -> Any:
    """An instrumented saver that holds three orders, and the config that reads them."""
    saver = statemeter.instrument(InMemorySaver(**({"serde": serde} if serde else {})))
    held = checkpoint(orders=[Order(n) for n in range(3)], note="plain")
    return saver, saver.put(config("t"), held, {}, held["channel_versions"])


def test_objects_are_counted_as_they_are_read() -> None:
    """As many as LangGraph tells another listener of; what is written is none."""
    saver, at = stored()
    assert unregistered.read() == {"msgpack_types": 0}
    heard: list[Any] = []
    leave = event_hooks.register_serde_event_listener(heard.append)
    try:
        for _ in range(2):
            assert saver.get_tuple(at).checkpoint["channel_values"]["orders"][2] == Order(2)
    finally:
        leave()
    assert len(heard) == 6
    assert unregistered.read() == {"msgpack_types": 1, f"msgpack_allowed:{NAME}": 6}
    unregistered.forget()
    assert unregistered.read() == {"msgpack_types": 0}


def test_what_is_blocked_is_counted_as_such() -> None:
    """With an allowlist without it, the value that comes back is no object."""
    saver, at = stored(JsonPlusSerializer(allowed_msgpack_modules=None))
    assert saver.get_tuple(at).checkpoint["channel_values"]["orders"][0] != Order(0)
    assert unregistered.read() == {"msgpack_types": 1, f"msgpack_blocked:{NAME}": 3}


def test_allowed_types_are_not_told() -> None:
    """An allowlist that names the type leaves nothing to count."""
    saver, at = stored(JsonPlusSerializer(allowed_msgpack_modules=[(__name__, "Order")]))
    assert saver.get_tuple(at).checkpoint["channel_values"]["orders"] == [
        Order(n) for n in range(3)
    ]
    assert unregistered.read() == {"msgpack_types": 0}


def test_nobody_listens_when_all_is_uninstrumented() -> None:
    """LangGraph has the listeners that it had before; nothing is told then."""
    before = list(event_hooks._listeners)
    saver, _ = stored()
    assert len(event_hooks._listeners) == len(before) + 1
    statemeter.instrument(saver)
    assert len(event_hooks._listeners) == len(before) + 1
    statemeter.uninstrument(saver)
    unregistered.stop()  # as when no other saver is left in this process
    assert event_hooks._listeners == before
    assert unregistered.read() == {}


def test_bounds() -> None:
    """Types beyond the bound, and a name without end, cost nothing more."""
    unregistered.start()
    for number in range(unregistered.KNOWN + 50):
        for _ in range(1 + number % 2):
            event_hooks.emit_serde_event(
                {"kind": "msgpack_blocked", "module": "m" * 500, "name": f"Type{number}"}
            )
    told = unregistered.read()
    assert told.pop("msgpack_types") == unregistered.KNOWN
    assert max(map(len, told)) <= unregistered.NAME_CHARS + len("msgpack_blocked:")
    assert len(told) <= unregistered.TOLD


def test_more_than_can_wait() -> None:
    """What is read between two looks of the probe is bounded, and no more is counted than waits."""
    unregistered.start()
    event = {"kind": "msgpack_blocked", "module": "m", "name": "n"}
    for _ in range(unregistered.WAITING + 5):
        event_hooks.emit_serde_event(event)  # type: ignore[arg-type]
        assert len(unregistered._heard) <= unregistered.WAITING
    assert unregistered.read()["msgpack_blocked:m.n"] >= unregistered.WAITING
    assert not unregistered._heard


def test_an_event_of_another_kind() -> None:
    """A kind that nobody knows yet changes nothing."""
    unregistered.start()
    event_hooks.emit_serde_event({"kind": "new", "module": "m", "name": "n"})
    assert unregistered.read() == {"msgpack_types": 0}


def test_log_records_pass(caplog: pytest.LogCaptureFixture) -> None:
    """What LangGraph logs is logged, whatever its arguments are; types are told of it alone."""
    logger = logging.getLogger(unregistered.LOGGER)
    before = list(logger.filters)
    unregistered.start()
    logger.warning("%s of another kind", "one")
    logger.warning(f"{unregistered.LOGGED} from checkpoint (%s)", "app", "Order", "TypeError")
    assert len(caplog.messages) == 2
    assert unregistered.read() == {"msgpack_types": 1, "msgpack_changed:app.Order": 1}
    unregistered.stop()
    assert logger.filters == before
