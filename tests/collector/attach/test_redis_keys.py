"""Keys of Redis in the order of their checkpoints."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from collector.attach import redis_keys


def made(number: int) -> list[bytes]:
    """Keys of checkpoints with different ids, in no order."""
    keys = [b"checkpoint:t:ns:%06d" % place for place in range(number)]
    random.Random(1).shuffle(keys)
    return keys


@pytest.mark.parametrize("most", [1, 7, 100, 1000])
def test_slices_give_every_key_once_in_order(most: int) -> None:
    """Whatever the size of a slice, though a scan gives some keys twice."""
    keys = made(150)

    def scan() -> Iterator[list[bytes]]:
        for begin in range(0, 150, 10):
            yield keys[begin : begin + 12]
        yield []

    slices = list(redis_keys.slices(scan, "", lambda _: True, most))
    assert [key for part in slices for _, key in part] == sorted(keys)
    assert max(map(len, slices)) <= most or len(slices) == 1


def test_slices_go_on_behind_a_place() -> None:
    """Of wanted keys alone."""
    keys = made(20)
    place = redis_keys.place_of(b"checkpoint:t:ns:%06d" % 9)
    (found,) = redis_keys.slices(lambda: iter([keys]), place, lambda key: not key.endswith(b"5"))
    assert [key[-2:] for _, key in found] == [b"%02d" % n for n in range(10, 20) if n != 15]


def test_places_tell_keys_of_one_id_apart() -> None:
    """Ids need not be different in different threads."""
    one, other = b"checkpoint:a:ns:1", b"checkpoint:b:ns:1"
    assert redis_keys.place_of(one) < redis_keys.place_of(other)
    assert redis_keys.id_of(one) == redis_keys.id_of(other) == "1"
