"""Objects from blobs: the same bytes again, nothing imported, bombs refused."""

from __future__ import annotations

import dataclasses
import enum
import zlib
from typing import Any

import ormsgpack
import pytest
from langgraph.checkpoint.redis.jsonplus_redis import JsonPlusRedisSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import BaseModel, SecretStr

from collector.whatif.fidelity import Comparison
from collector.whatif.objects import Maker, Unreadable
from collector.whatif.safe import StandIn
from statemeter.serializers import CompressedSerializer
from tests.collector.viewer import corpus
from tests.collector.viewer.corpus import VALUES

OWN = JsonPlusSerializer()


class Model(BaseModel):
    number: int


@dataclasses.dataclass
class Place:
    name: str


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.parametrize("name", VALUES)
def test_bytes_written_again_are_the_same(name: str) -> None:
    """For every type that LangGraph serializes, and for classes of an application."""
    tag, blob = OWN.dumps_typed(VALUES[name])
    made = Maker().value(tag, blob)
    assert OWN.dumps_typed(made) == (tag, blob)


def test_stand_ins() -> None:
    """Objects of classes that are not in the list are counted, and hold their parts."""
    value = [Model(number=1), Place("here"), Colour.RED, SecretStr("s"), Model(number=2)]
    maker = Maker()
    made = maker.value(*OWN.dumps_typed(value))
    assert all(isinstance(one, StandIn) for one in made)
    assert maker.stand_ins == {
        f"{__name__}.Model": 2, f"{__name__}.Place": 1, f"{__name__}.Colour": 1,
        "pydantic.types.SecretStr": 1,
    }  # fmt: skip
    assert type(made[0]) is not Model
    assert OWN.dumps_typed(made) == OWN.dumps_typed(value)


def test_values_of_redis() -> None:
    """Its JSON gives messages, interrupts and sends; other classes are stand-ins."""
    serde = JsonPlusRedisSerializer()
    maker = Maker()
    for name in ("messages", "send", "interrupt"):
        made = maker.value(*serde.dumps_typed(VALUES[name]))
        loaded = OWN.loads_typed(OWN.dumps_typed(VALUES[name]))
        assert type(made) is type(loaded)
        if isinstance(made, list):
            assert [type(one) for one in made] == [type(one) for one in loaded]
    maker.value(*serde.dumps_typed([corpus.Place("x", (1, 2))]))
    assert maker.stand_ins == {"tests.collector.viewer.corpus.Place": 1}


def test_compressed_values() -> None:
    """Read as what was compressed."""
    value = {"text": "abc " * 500}
    for codec in ("zstd", "lz4", "zlib"):
        assert Maker().value(*CompressedSerializer(codec=codec).dumps_typed(value)) == value


def ext(code: int, content: Any) -> ormsgpack.Ext:
    return ormsgpack.Ext(code, ormsgpack.packb(content))


def nested(depth: int) -> bytes:
    made: Any = 1
    for _ in range(depth):
        made = ext(2, ("a.b", "C", {"x": made}))
    return ormsgpack.packb(made)


@pytest.mark.parametrize(
    ("tag", "blob"),
    [
        ("msgpack", b"\xc1"), ("msgpack", b"\xdd\xff\xff\xff\xff"), ("json", b"{"),
        ("pickle", b"cos\nsystem\n(S'true'\ntR."), ("msgpack+aes", b"x" * 40),
        ("zstd:msgpack", b"x"),
        ("msgpack", nested(60)), ("msgpack", ormsgpack.packb(ext(6, ("|O", [1], "C", b"x" * 8)))),
        ("msgpack", b"\xdd\x00\x60\x00\x00" + b"\x80" * 0x600000),
        ("zlib:msgpack", zlib.compress(b"\xdb\x10\x00\x00\x00" + b"a" * 0x10000000, 9)),
        ("own", b"x"), ("msgpack", ormsgpack.packb(ext(2, ("a", "b\0c", {})))),
    ],
    ids=["no msgpack", "cut", "no json", "pickle", "encrypted", "damaged", "deep", "object array",
         "six million maps", "bomb", "unknown", "odd name"],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(tag: str, blob: bytes) -> None:
    """One error for all of it, whose text holds nothing of the value."""
    with pytest.raises(Unreadable):
        Maker().value(tag, blob)


def test_constructors_run_for_the_list_alone() -> None:
    """A name is two texts: what it would do is not done."""
    maker = Maker()
    for module, name, given in (
        ("os", "system", "true"), ("builtins", "eval", "1"), ("subprocess", "Popen", ["true"]),
        ("datetime", "datetime", "x"), ("langgraph.types", "Send", "x"),
    ):  # fmt: skip
        made = maker.value("msgpack", ormsgpack.packb([ext(0, (module, name, given))]))
        assert isinstance(made[0], StandIn)
        assert maker.stand_ins[f"{module}.{name}"] == 1


def test_changes_are_told_by_type() -> None:
    """Types, keys and values; what is the same is not told."""
    found = Comparison()
    found.compare(
        {"a": (1, 2.0), 1: {3}, "same": [None, True, float("nan")], "b": b"x"},
        {"a": [1, 2.5], "1": [3], "same": [None, True, float("nan")], "b": "eA=="},
    )
    assert found.changes == {
        ("tuple", "list"): 1, ("float", "another value"): 1, ("int as key of a map", "str"): 1,
        ("set", "list"): 1, ("bytes", "str"): 1,
    }  # fmt: skip
    assert found.seen["tuple"] == 1
