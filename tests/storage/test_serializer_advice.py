"""What is advised, from numbers that are given."""

from __future__ import annotations

from typing import Any

import pytest

from storage.serializer_advice import advise, code, front
from storage.serializer_trials import Candidate, Change, Trial

LOST = [Change(type="set", became="list", count=1)]


def one(name: str, size: float, us: float, spread: float = 0.05, **more: Any) -> Candidate:
    format_, *around = name.split("+")
    return Candidate(
        name=name, format=format_, bytes=size, dump_us=us / 2, load_us=us / 2,
        low_us=us * (1 - spread), high_us=us * (1 + spread),
        codec=next((part for part in around if part != "aes"), ""), encrypted="aes" in around,
        **more,
    )  # fmt: skip


def of(*candidates: Candidate, today: str = "msgpack", backend: str = "sqlite") -> Trial:
    return Trial(
        backend=backend, class_name="SqliteSaver", steps=10, of_steps=100, today=today,
        candidates=list(candidates),
    )  # fmt: skip


BASE = one("msgpack", 10_000, 5_000)


def test_the_smallest_that_loses_nothing() -> None:
    """Lossy ones, pickles and ciphers are not advised, however small."""
    trial = of(
        BASE, one("msgpack+zstd", 2_000, 5_600), one("msgpack+zlib", 1_990, 7_000),
        one("json+zlib", 500, 100, changes=LOST), one("pickle+zstd", 900, 400),
        one("msgpack+zstd+aes", 100, 100), one("msgspec+lz4", 4_000, 5_000),
    )  # fmt: skip
    advice = advise(trial)
    assert (advice.kind, advice.best, advice.base) == ("smaller", trial.of("msgpack+zstd"), BASE)
    assert (advice.saved_bytes, advice.saved_share) == (8_000, 0.8)
    assert advice.saved_us == pytest.approx(-600)
    assert advice.install == "pip install zstandard"


def test_what_takes_too_long_is_not_advised() -> None:
    """Half as much time again, or a millisecond, is the limit."""
    slow, quick = one("msgpack+zlib", 1_000, 8_000), one("msgpack+lz4", 3_000, 5_200)
    assert advise(of(BASE, slow, quick)).best is quick
    small = one("msgpack", 400, 20)
    assert advise(of(small, one("msgpack+zstd", 300, 1_000))).kind == "smaller"
    assert advise(of(small, one("msgpack+zstd", 300, 1_100))).kind == "stay"


def test_of_equals_the_one_with_less_to_change() -> None:
    """msgspec in LangGraph's place is not advised for a difference inside the noise."""
    trial = of(BASE, one("msgpack+zstd", 2_000, 5_000), one("msgspec+zstd", 2_000, 4_900))
    assert advise(trial).best is trial.of("msgpack+zstd")
    trial = of(BASE, one("msgpack+zstd", 2_000, 5_000), one("msgspec+zstd", 2_000, 2_000))
    assert advise(trial).best is trial.of("msgspec+zstd")


def test_faster_or_stay() -> None:
    """Where no bytes are saved, time may be; a tie is none."""
    trial = of(BASE, one("msgspec", 10_000, 2_000), one("msgpack+lz4", 9_500, 5_000))
    assert (advise(trial).kind, advise(trial).best) == ("faster", trial.of("msgspec"))
    trial = of(BASE, one("msgspec", 10_000, 4_000, spread=0.5))
    assert (advise(trial).kind, advise(trial).best) == ("stay", BASE)
    today = one("msgpack+zstd", 2_000, 5_600)
    assert advise(of(BASE, today, today="msgpack+zstd")).best is today


def test_savers_that_take_no_other() -> None:
    """RedisSaver's documents stay as they are."""
    trial = of(BASE, one("msgpack+zstd", 2_000, 5_600), today="", backend="redis")
    assert (advise(trial).kind, advise(trial).code) == ("fixed", "")
    assert advise(of(one("json", 1, 1))).kind == "unknown"


def test_the_front() -> None:
    """Those that no other beats in both."""
    trial = of(BASE, one("a", 5_000, 9_000), one("b", 5_000, 8_000), one("c", 20_000, 9_000),
               one("d", 20_000, 100, changes=LOST), one("e", 0, 0, failed="TypeError"))  # fmt: skip
    assert [c.name for c in front(trial)] == ["b", "msgpack", "d"]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("msgpack+zstd", 'CompressedSerializer(codec="zstd")'),
        ("msgspec", "MsgspecSerializer()"),
        ("msgspec+zlib", 'CompressedSerializer(MsgspecSerializer(), codec="zlib")'),
        ("msgpack", 'CompressedSerializer(codec="none")'),
    ],
)
def test_the_code_runs(name: str, line: str) -> None:
    """What is to be pasted makes that serializer, for each saver."""
    import sqlite3

    for class_name in ("SqliteSaver", "InMemorySaver"):
        text = code(class_name, one(name, 1, 1))
        assert f"adopt(saver, {line})" in text
        space: dict[str, Any] = {"connection": sqlite3.connect(":memory:", check_same_thread=False)}
        exec(
            "from langgraph.checkpoint.sqlite import SqliteSaver\n"
            "from langgraph.checkpoint.memory import InMemorySaver\n" + text,
            space,
        )
        assert type(space["saver"]).__name__ == class_name
        assert type(space["saver"].serde).__name__ == line.partition("(")[0]
        space["connection"].close()
