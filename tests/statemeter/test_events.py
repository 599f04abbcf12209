"""The event format: what is written can be read, by this version and by older and newer ones."""

from __future__ import annotations

import typing
from typing import Any

import msgspec
import pytest

from statemeter import events

KINDS: tuple[Any, ...] = typing.get_args(events.AnyEvent)


def smallest(kind: Any) -> list[Any]:
    """The shortest array that is an event of this kind."""
    values: list[Any] = [events.tag_of(kind)]
    for field in msgspec.structs.fields(kind):
        if not field.required:
            break
        values.append(_example(field.type))
    return values


def _example(wanted: Any) -> Any:
    if wanted is str:
        return "text"
    if wanted is msgspec.Raw:
        return {}
    if typing.get_origin(wanted) is list:
        return []
    if typing.get_origin(wanted) is dict:
        return {"reason": 1}
    return 1


@pytest.mark.parametrize("kind", KINDS, ids=events.tag_of)
def test_an_event_is_an_array_with_its_tag_first(kind: Any) -> None:
    """Fields added later are optional, so that a record of today's length can always be read."""
    array = smallest(kind)
    event = events.decode(events.encode(array))
    assert type(event) is kind
    assert (event.seq, event.at_us) == (1, 1)
    assert events.decode(msgspec.json.encode(event)) == event


@pytest.mark.parametrize("kind", KINDS, ids=events.tag_of)
def test_fields_of_a_newer_version_are_passed_over(kind: Any) -> None:
    """A newer probe may tell more than this collector knows."""
    fields = msgspec.structs.fields(kind)
    array = smallest(kind)
    array += [_example(field.type) for field in fields[len(array) - 1 :]]
    assert len(array) == 1 + len(fields)
    assert type(events.decode(events.encode([*array, "new", {"newer": 1}]))) is kind


@pytest.mark.parametrize("kind", KINDS, ids=events.tag_of)
def test_a_shorter_record_is_refused(kind: Any) -> None:
    """A record that lacks what every version has is damaged."""
    with pytest.raises(msgspec.ValidationError):
        events.decode(events.encode(smallest(kind)[:-1]))


def test_tags_are_unique() -> None:
    """The first element tells the kind."""
    tags = [events.tag_of(kind) for kind in KINDS]
    assert len(set(tags)) == len(tags) == 16


@pytest.mark.parametrize(
    "text",
    [
        b'["seal", 1, 99999999999999999999]', b'["seal", 1, -3]', b'["seal", "1", 1]',
        b'["seal", 1.5, 1]', b'["unknown", 1, 1]', b"[]", b"{}", b"null", b'["seal", NaN, 1]',
        b'["seal", 1, 9007199254740993]',
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused(text: bytes) -> None:
    """Numbers out of range and unknown tags never reach a store."""
    with pytest.raises(msgspec.DecodeError):
        events.decode(text)


def test_special_writes_are_those_of_langgraph() -> None:
    """The indices under which savers keep special writes are those of the installed version."""
    from langgraph.checkpoint.base import WRITES_IDX_MAP

    assert events.SPECIAL_WRITE_INDEX == WRITES_IDX_MAP
