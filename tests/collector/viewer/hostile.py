"""Blobs that want to do harm, and a child that decodes them within bounds and tells what happened.

``python -m tests.collector.viewer.hostile`` reads a JSON object: ``{"blobs": [[tag, base64], …],
"mutations": N, "seed": N}``, decodes that many changed copies of the blobs, or without a number the
hostile ones, and prints a ``Told`` as JSON.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import re
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from collector.viewer import bounds, decoding, delta
from collector.viewer.limits import Limits
from collector.viewer.redaction import Redaction
from collector.viewer.shapes import Damaged
from storage import conversation
from storage.values import Answer, Value, decode_answer, encode

MB = 1_048_576
BIG = 16 * MB
CANARY = "tests.collector.viewer.canary"

CALL = b'{"lc":2,"type":"constructor","id":["os","abort"]}'

Blob = tuple[str, bytes]


@dataclass
class Told:
    """What decoding did to its process."""

    blobs: int = 0
    decoded: int = 0
    """With data, and no problem."""
    imported: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    """Of the audit hook: imports, code, files, processes, sockets."""
    not_plain: list[str] = field(default_factory=list)
    """Types in the data that JSON has not."""
    refused: list[str] = field(default_factory=list)
    """What ormsgpack or json read and the decoder did not."""
    slowest: float = 0.0
    """Seconds of the processor for one blob."""
    slowest_blob: str = ""
    grown: int = 0
    """Most that the resident memory grew by while one blob was decoded, bytes."""
    grown_blob: str = ""
    longest_answer: int = 0
    """Bytes of JSON."""


def ext(code: int, *parts: Any) -> bytes:
    import ormsgpack

    content = ormsgpack.packb(parts)
    return b"\xc9" + struct.pack(">Ib", len(content), code) + content


def nested_ext(levels: int) -> bytes:
    blob = b"\xc0"
    for _ in range(levels):
        blob = b"\xc9" + struct.pack(">Ib", len(blob), 7) + blob
    return blob


def bson(content: bytes) -> bytes:
    return struct.pack("<i", len(content) + 5) + content + b"\0"


def nested_bson(levels: int) -> bytes:
    blob = bson(b"")
    for _ in range(levels):
        blob = bson(b"\x03a\0" + blob)
    return blob


def calls() -> dict[str, Blob]:
    """Blobs that name what would do harm if somebody called it."""
    named: dict[str, tuple[str, str, Any]] = {
        "os.system": ("os", "system", "touch /tmp/statemeter-was-here"),
        "exec": ("builtins", "exec", "raise SystemExit(9)"),
        "eval": ("builtins", "eval", "__import__('os').abort()"),
        "import": ("builtins", "__import__", CANARY),
        "canary": (CANARY, "Canary", "x"),
        "exit": ("os", "_exit", 9),
        "popen": ("subprocess", "Popen", ["true"]),
        "pickle": ("pickle", "loads", b"cos\nsystem\n(S'true'\ntR."),
        "empty names": ("", "", 1),
        "a path": ("os.path", "../../etc/passwd", 1),
    }
    blobs: dict[str, Blob] = {}
    for number, (name, (module, attribute, given)) in enumerate(named.items()):
        blobs[f"msgpack {name}"] = "msgpack", ext(number % 6, module, attribute, given, "method")
        envelope = {"lc": 2, "type": "constructor", "id": [*module.split("."), attribute]}
        content = json.dumps(envelope | {"args": [str(given)]})
        blobs[f"json {name}"] = "json", content.encode()
    return blobs


def small() -> dict[str, Blob]:
    """Blobs of some bytes that lie about what they are."""
    absurd = ("<f8", [2**40, 2**40], "C", b"12345678")
    return {
        "a list said huge": ("msgpack", b"\xdd\xff\xff\xff\xff\xc0"),
        "a map said huge": ("msgpack", b"\xdf\xff\xff\xff\xff\xc0\xc0"),
        "a text said huge": ("msgpack", b"\xdb\xff\xff\xff\xffabc"),
        "an extension said huge": ("msgpack", b"\xc9\xff\xff\xff\xff\x05abc"),
        "an absurd array": ("msgpack", ext(6, *absurd)),
        "an array of objects": ("msgpack", ext(6, "|O", [1], "C", b"12345678")),
        "an array of a strange type": ("msgpack", ext(6, "(9999999,)f8" * 20, [1], "C", b"1" * 9)),
        "a long name": ("msgpack", ext(5, "a" * 10**6, "b" * 10**6, {}, "x")),
        "no UTF-8": ("msgpack", b"\xda\xff\xff" + b"\xff" * 65535),
        "deep extensions": ("msgpack", nested_ext(20_000)),
        "deep documents": ("bson", nested_bson(20_000)),
        "a document said huge": ("bson", b"\xff\xff\xff\x7f\0"),
        "a document said negative": ("bson", b"\xff\xff\xff\xff\0"),
        "a pickle": ("pickle", b"cos\nsystem\n(S'true'\ntR."),
        "encrypted": ("msgpack+aes", b"\0" * 100),
        "an absurd tag": ("x" * 10**6, b"abc"),
    }


PAIR = b"\x04\0" + bson(b"\x02\0\x08\0\0\0msgpack\0" + b"\x05\0\x01\0\0\0\0\x80")
LIST_OF = b"\xdd\xff\xff\xff\xff"
REPEATED: dict[str, tuple[str, bytes, bytes, int, bytes]] = {
    "empty maps": ("msgpack", LIST_OF, b"\x80", BIG, b""),
    "empty lists": ("msgpack", LIST_OF, b"\x90", BIG, b""),
    "empty texts": ("msgpack", LIST_OF, b"\xa0", BIG, b""),
    "numbers": ("msgpack", LIST_OF, b"\x01", BIG, b""),
    "floats": ("msgpack", LIST_OF, b"\xcb" + bytes(8), BIG // 9, b""),
    "extensions": ("msgpack", LIST_OF, b"\xd4\x05\xc0", BIG // 3, b""),
    "objects": ("msgpack", LIST_OF, b"\xc7\x06\x05\x93\xa1a\xa1b\x80", BIG // 9, b""),
    "many keys": ("msgpack", b"\xdf\xff\xff\xff\xff", b"\xa1a\x90", BIG // 3, b""),
    "a map of lists": ("msgpack", b"\x81\xa1a" + LIST_OF, b"\x90", BIG, b""),
    "json map of lists": ("json", b'{"a":[', b"[],", BIG // 3, b"0]}"),
    "json map of texts": ("json", b'{"a":[', b'"",', BIG // 3, b'0]}'),
    "wide maps": ("msgpack", LIST_OF, b"\x81\xa4\xf0\x9f\x98\x80\x90", BIG // 7, b""),
    "equal keys": ("msgpack", b"\xdf\xff\xff\xff\xff", b"\xa1a\x01", BIG // 3, b""),
    "a long text": ("msgpack", b"\xdb\x01\x00\x00\x00", b"\xff", BIG, b""),
    "deep lists": ("msgpack", b"", b"\x91", 100_000, b"\xc0"),
    "deeper lists": ("msgpack", b"", b"\x91", BIG, b"\xc0"),
    "deep maps": ("msgpack", b"", b"\x81\xa1a", BIG // 3, b"\xc0"),
    "deep keys": ("msgpack", b"", b"\x81", BIG, b""),
    "deep and huge": ("msgpack", b"", LIST_OF, BIG // 5, b""),
    "json maps": ("json", b"[", b"{},", BIG // 3, b"0]"),
    "json constructors": ("json", b"[", CALL + b",", BIG // 50, b"0]"),
    "json deep": ("json", b"", b"[", BIG, b""),
    "json deep maps": ("json", b"", b'{"a":', BIG // 5, b""),
    "json quotes": ("json", b'"', b'\\"', BIG // 2, b'"'),
    "json backslashes": ("json", b'"', b"\\", BIG, b'"'),
    "json without an end": ("json", b'"', b"a", BIG, b""),
    "json digits": ("json", b"", b"9", BIG, b""),
    "json fraction": ("json", b"0.", b"9", BIG, b"e99999"),
    "json exponent": ("json", b"1e", b"9", BIG, b""),
    "json spaces": ("json", b"", b" ", BIG, b""),
    "json surrogates": ("json", b'["', b"\\ud800", BIG // 6, b'"]'),
    "json equal keys": ("json", b"{", b'"a":0,', BIG // 6, b'"a":0}'),
    "json wide": ("json", b'["', "😀".encode(), BIG // 4, b'"]'),
    "json wide texts": ("json", b"[", '"😀",'.encode(), BIG // 8, b"0]"),
    "bson nulls": ("bson", struct.pack("<i", BIG + 5), b"\x0a\0", BIG // 2, b"\0"),
    "bson maps": ("bson", struct.pack("<i", BIG // 7 * 7 + 5),
                  b"\x03\0\x05\0\0\0\0", BIG // 7, b"\0"),
    "bson pairs": ("bson", struct.pack("<i", BIG // len(PAIR) * len(PAIR) + 5), PAIR,
                   BIG // len(PAIR), b"\0"),
    "bson without a name's end": ("bson", struct.pack("<i", BIG + 6) + b"\x0a", b"a", BIG, b"\0"),
    "bytes": ("bytes", b"", b"\0", BIG, b""),
}  # fmt: skip
"""Blobs of 16 MB, most of them: tag, beginning, what is repeated, how often, end."""


def hostile() -> Iterator[tuple[str, Blob]]:
    """Name and blob; one at a time, because most are large."""
    yield from calls().items()
    yield from small().items()
    for name, (tag, begin, unit, count, end) in REPEATED.items():
        yield name, (tag, begin + unit * count + end)


def real() -> list[Blob]:
    """What LangGraph writes: every type, messages, whole checkpoints, metadata."""
    import bson as pymongo_bson
    from langgraph.checkpoint.mongodb.utils import dumps_metadata
    from langgraph.checkpoint.redis.jsonplus_redis import JsonPlusRedisSerializer
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    from tests.collector.viewer.corpus import MESSAGES, VALUES

    serde, redis = JsonPlusSerializer(), JsonPlusRedisSerializer()
    short = {name: value for name, value in VALUES.items() if " of many" not in name}
    short["text"] = short["text"][:3]
    checkpoint = {
        "v": 4, "id": "1f", "ts": "2026-01-01T00:00:00+00:00", "channel_versions": {"a": "1"},
        "channel_values": {"messages": MESSAGES, "a": {"b": [1, 2.5, "x"]}}, "versions_seen": {},
    }  # fmt: skip
    metadata = {"step": 1, "source": "loop", "parents": {}, "more": {"deep": MESSAGES[:2]}}
    found = [serde.dumps_typed(value) for value in (*short.values(), checkpoint, metadata)]
    for name in ("messages", "send", "interrupt", "map", "numbers", "document", "text"):
        found.append(redis.dumps_typed(short[name]))
    found += [redis.dumps_typed(value) for value in (checkpoint, metadata)] * 3
    documents = ({"metadata": dumps_metadata(serde, metadata)}, {"a": [1, 2.5, b"x", {"b": None}]})
    found += [("bson", pymongo_bson.encode(document)) for document in documents] * 5
    return [(tag, bytes(blob)) for tag, blob in found]


def mutated(blob: bytes, others: list[Blob], chance: random.Random) -> bytes:
    """A changed copy: bits, bytes, lengths, parts left out, doubled, or of another blob."""
    changed = bytearray(blob)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        at = chance.randrange(len(changed) + 1)
        end = min(len(changed), at + chance.choice((1, 1, 2, 4, 16, 200)))
        kind = chance.randrange(7)
        if kind == 0 and at < len(changed):
            changed[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            changed[at:end] = chance.randbytes(end - at)
        elif kind == 2:
            del changed[at:end]
        elif kind == 3:
            changed[at:at] = changed[at:end] * chance.choice((1, 2, 50))
        elif kind == 4:
            changed[at:at] = chance.choice(
                (b"\xdd\xff\xff\xff\xff", b"\xc9\xff\xff\xff\xff\x05", b"\x91" * 200, b"[" * 200,
                 b"\xc1", b'"', b"\\", b"\xff", b"\x80", CALL)
            )  # fmt: skip
        elif kind == 5:
            del changed[at:]
        else:
            other = chance.choice(others)[1]
            begin = chance.randrange(len(other) + 1)
            changed[at:end] = other[begin : begin + chance.randrange(300)]
    return bytes(changed)


def run(blobs: list[Blob] | None, mutations: int = 0, seed: int = 0) -> Told:
    """Have a child decode so many mutations of some blobs; None: the hostile ones as they are."""
    asked = {
        "blobs": [(tag, base64.b64encode(blob).decode()) for tag, blob in blobs or ()],
        "mutations": mutations,
        "seed": seed,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.collector.viewer.hostile"],
        input=json.dumps(asked), capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return Told(**json.loads(done.stdout))


WATCHED = (
    "import",
    "exec",
    "compile",
    "open",
    "os.",
    "subprocess.",
    "socket.",
    "pickle.",
    "ctypes.",
)
PLAIN = (str, int, float, bool, type(None))


def types_in(data: Any) -> set[str]:
    """Names of the types in some data that are none of JSON's."""
    found, todo = set(), [data]
    while todo:
        item = todo.pop()
        if type(item) is dict:
            todo += [*item, *item.values()]
        elif type(item) is list:
            todo += item
        elif type(item) not in PLAIN:
            found.add(type(item).__name__)
    return found


def accepted(tag: str, blob: bytes, ormsgpack: Any) -> bool:
    """Whether the library that LangGraph uses reads the bytes."""
    try:
        if tag == "msgpack":
            ormsgpack.unpackb(blob, ext_hook=lambda code, data: None,
                              option=ormsgpack.OPT_NON_STR_KEYS)  # fmt: skip
        elif tag == "json":
            json.loads(blob.decode())
        else:
            return False
    except (ValueError, TypeError, RecursionError):
        return False
    return True


class Memory:
    """The largest resident memory of this process, bytes, since it was last set back."""

    def __init__(self) -> None:
        # Opened before the audit hook, which takes every other file for a fault.
        self._status = os.open("/proc/self/status", os.O_RDONLY)
        self._refs = os.open("/proc/self/clear_refs", os.O_WRONLY)

    def set_back(self) -> None:
        os.write(self._refs, b"5")

    def largest(self) -> int:
        found = re.search(rb"VmHWM:\s+(\d+) kB", os.pread(self._status, 100_000, 0))
        assert found
        return int(found[1]) * 1024


def todo(asked: dict[str, Any]) -> Iterator[tuple[str, str, bytes, int]]:
    """(name, tag, blob, length of which the blob is the beginning) of all that is asked for."""
    chance = random.Random(asked["seed"])
    blobs = [(tag, base64.b64decode(blob)) for tag, blob in asked["blobs"]]
    for number in range(asked["mutations"]):
        tag, blob = blobs[number % len(blobs)]
        blob = mutated(blob, blobs, chance)
        yield str(number), tag, blob, chance.choice((-1, -1, -1, len(blob) + 1000))
    if not asked["mutations"]:
        for name, (tag, blob) in hostile():
            yield name, tag, blob, -1


def made(tag: str, blob: bytes, length: int, other: Value) -> tuple[Value, bytes]:
    """The value, and the answer after all that the viewer does with it, and pages with that."""
    value = decoding.plain(tag, blob, Limits(), length)
    rebuilt = delta.rebuild(other, [value, other, value])
    redacted = [Redaction().value(delta.unwrapped(one)) for one in (value, rebuilt)]
    delta.missing(["a"], [], value.data)
    with contextlib.suppress(Damaged):
        decoding.parts(tag, blob, Limits())
    line = encode(Answer(document=redacted[0], channels={"rebuilt": redacted[1]}))
    for shown in decode_answer(line).channels.values():
        conversation.messages(shown)
    return value, line


def main() -> None:
    import ormsgpack

    asked = json.loads(sys.stdin.read())
    told, memory, before_it = Told(), Memory(), Value()
    bounds.set_limits()
    before = set(sys.modules)

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if event.startswith(WATCHED) and len(told.events) < 100:
            told.events.append(f"{event} {args!r}"[:300])

    sys.addaudithook(watch)
    for name, tag, blob, length in todo(asked):
        memory.set_back()
        at_first, begin = memory.largest(), time.process_time()
        value, line = made(tag, blob, length, before_it)
        seconds, grown = time.process_time() - begin, memory.largest() - at_first
        before_it = value if asked["mutations"] else before_it
        told.blobs += 1
        told.decoded += value.known
        told.longest_answer = max(told.longest_answer, len(line))
        if seconds > told.slowest:
            told.slowest, told.slowest_blob = seconds, name
        if grown > told.grown:
            told.grown, told.grown_blob = grown, name
        told.not_plain += sorted(types_in(value.data) - set(told.not_plain))
        if asked["mutations"] and not value.known and accepted(tag, blob, ormsgpack):
            told.refused.append(f"{tag} {value.problem} {blob!r}"[:600])
    told.imported = sorted(set(sys.modules) - before)
    print(json.dumps(asdict(told)))


if __name__ == "__main__":
    main()
