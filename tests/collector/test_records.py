"""Records out of bytes, whole or damaged."""

from __future__ import annotations

import random
from typing import Any

import pytest

from benchmarks.traffic import Traffic
from collector import records
from statemeter import events
from statemeter.spool import record


def lines(count: int = 40) -> list[bytes]:
    """Good records, all of the bench's kinds."""
    traffic = Traffic(3)
    made = traffic.introduction()
    for turn in traffic.turns(-(-count // 11)):
        made += turn
    return made


def reasons(data: bytes) -> list[str]:
    return [bad.reason for bad in records.take(data, 10_000)[1]]


def test_good_records_are_events_in_order() -> None:
    made = lines()
    items, bad, used = records.take(b"".join(made), 10_000)
    assert [event.seq for event, _ in items] == list(range(1, len(made) + 1))
    assert (bad, used) == ([], sum(map(len, made)))


def test_limit_counts_lines_and_tells_where_it_stopped() -> None:
    made = lines()
    items, _, used = records.take(b"".join(made), 7)
    assert (len(items), used) == (7, sum(map(len, made[:7])))


def test_parts_of_a_put_are_decoded() -> None:
    fields: list[Any] = [
        "put", 1, 2, 3, "s", "g", 1, "t", "", "c", "", 4, "msgpack", "", 0, "loop", 90, 0, 5, 6, 1,
    ]  # fmt: skip
    line = record(events.encode([*fields, {"a": 1, "b": None}, ["a"], {"a": [7, [[0, "str", 1]]]}]))
    ((_, parts),), _, _ = records.take(line, 1)
    assert parts == records.PutParts(
        {"a": 1, "b": None}, ["a"], {"a": 7},
        '{"a":1,"b":null}', '["a"]', '{"a":[7,[[0,"str",1]]]}',
    )  # fmt: skip
    ((_, parts),), _, _ = records.take(record(events.encode([*fields, {"a": 1}])), 1)
    assert parts == records.PutParts({"a": 1}, None, {}, '{"a":1}', "0", "{}")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'["seal",1', "json"),
        (b"{}", "shape"),
        (b'["run"]', "shape"),
        (b'["run",1,2,"3",4,"s","t","g","r","done"]', "shape"),
        (b'["news",1,2]', "shape"),
        (b'["seal",1,99999999999999999999]', "range"),
        (b'["seal",1,-9]', "range"),
        (b'["run",1,2,3,4,"s","t\\u0000","g","r","done"]', "range"),
        (b'["run",1,2,3,4,"s","t\\ud800","g","r","done"]', "json"),
        (b'["seal",1,NaN]', "json"),
        (
            b'["put",1,2,3,"s","g",1,"t","","c","",4,"m","",0,"loop",9,0,5,6,1,{"a":"x"}]',
            "shape",
        ),
        (b'["put",1,2,3,"s","g",1,"t","","c","",4,"m","",0,"loop",9,0,5,6,1,[1]]', "shape"),
    ],
)
def test_record_that_is_none_tells_why(payload: bytes, reason: str) -> None:
    """Bad input is found before the transaction, with a reason, and harms no other record."""
    good = lines()
    data = b"".join([*good[:3], record(payload), *good[3:]])
    items, bad, used = records.take(data, 10_000)
    assert (len(items), used) == (len(good), len(data))
    assert [(b.reason, b.offset, b.length) for b in bad] == [
        (reason, sum(map(len, good[:3])), len(payload) + 9)
    ]


def test_escaped_backslash_is_no_nul() -> None:
    payload = b'["run",1,2,3,4,"s","t\\\\u0000","g","r","done"]'
    ((event, _),), _, _ = records.take(record(payload), 1)
    assert isinstance(event, events.Run)
    assert event.thread == "t\\u0000"


def test_too_long_record_is_not_taken_even_if_it_is_whole() -> None:
    line = record(events.encode(("seal", 1, 2, 0, "x" * events.RECORD_MAX_BYTES)))
    assert reasons(line) == ["too_long"]
    fits = record(events.encode(("seal", 1, 2, 0, "x" * (events.RECORD_MAX_BYTES - 30))))
    assert len(fits) <= events.RECORD_MAX_BYTES
    assert reasons(fits) == []


def test_empty_line_is_nothing() -> None:
    """A writer begins with LF after a short write."""
    made = lines()
    items, bad, _ = records.take(made[0] + b"\n" + made[1], 10)
    assert (len(items), bad) == (2, [])


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The data with one bit flipped."""
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def check_flips(count: int) -> None:
    made = lines(60)
    data = b"".join(made)
    good = {event.seq: event for event, _ in records.take(data, 10_000)[0]}
    chance = random.Random(11)
    for _ in range(count):
        spoilt = damaged(data, chance)
        items, _, _ = records.take(spoilt[: spoilt.rfind(b"\n") + 1], 10_000)
        assert len(items) >= len(good) - 2
        assert all(events.encode(good[event.seq]) == events.encode(event) for event, _ in items)


def test_flipped_bit_costs_two_records_at_most() -> None:
    """And no altered record is ever taken."""
    check_flips(300)


@pytest.mark.slow
def test_flipped_bits_at_length() -> None:
    """5,000 random corruptions (faults, row 6)."""
    check_flips(5_000)
