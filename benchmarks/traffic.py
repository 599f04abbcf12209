"""Made-up spools in the documented format: chat turns as a probe would tell them.

A turn has 4 puts, 3 put_writes, 1 get_tuple, 2 nodes and 1 run, 11 events of about 240 bytes; 30 %
of the puts tell of a list. Every second the process tells of itself.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec

from statemeter import events
from statemeter.spool import record

EVENTS_A_TURN = 11


class Traffic:
    """One incarnation of a process, and what it spools."""

    def __init__(
        self,
        seed: int = 0,
        *,
        backend: str = "sqlite",
        threads: int = 500,
        turn_us: int = 3_000,
        start_us: int | None = None,
    ) -> None:
        self._random = random.Random(seed)
        self.incarnation = uuid.UUID(int=self._random.getrandbits(128)).hex
        self.backend = backend
        self.saver = f"{self._random.getrandbits(48):012x}"
        self.seq = 0
        self._now_us = time.time_ns() // 1000 if start_us is None else start_us
        self._turn_us = turn_us
        self._threads = threads
        self._turns: dict[str, int] = {}
        self._last: dict[str, str] = {}
        self._runs = 0

    def new_incarnation(self) -> None:
        """Begin another life of the process: its numbers start again, its threads go on."""
        self.incarnation = uuid.UUID(int=self._random.getrandbits(128)).hex
        self.seq = self._runs = 0

    def introduction(self) -> list[bytes]:
        """The records that a segment begins with."""
        return [
            self._line("process", "bench", "host", 1, 0, "3.11", "1.2", "0.1"),
            self._line(
                "saver", self.saver, self.backend, "Saver",
                "channels" if self.backend == "memory" else "whole", "bench.sqlite",
            ),
        ]  # fmt: skip

    def seal(self, final: int = 0) -> bytes:
        """The last record of a segment."""
        return self._line("seal", final)

    def turns(self, count: int) -> Iterator[list[bytes]]:
        """The records of some turns."""
        for number in range(count):
            lines = self._turn(f"thread-{self._random.randrange(self._threads):06}")
            if number % max(1, 1_000_000 // self._turn_us) == 0:
                lines.append(self._line("sample", 90_000_000, self._now_us % 10**9, 9, 1, {}))
            yield lines

    def _turn(self, thread: str) -> list[bytes]:
        turn = self._turns[thread] = self._turns.get(thread, 0) + 1
        self._runs += 1
        self._now_us += self._turn_us
        lines = [self._call("read", thread, self._last.get(thread, ""), "", int(turn > 1), 900)]
        for step in range(4):
            checkpoint = self._checkpoint()
            lines.append(self._put(thread, checkpoint, turn, step))
            self._last[thread] = checkpoint
            if step < 3:
                task = str(uuid.UUID(int=self._random.getrandbits(128)))
                node = ("chat", "answer")[step % 2]
                writes = [["messages", 310], [f"branch:to:{node}", 1]]
                lines.append(
                    self._call("writes", thread, checkpoint, "msgpack", task, node, writes)
                )
                if step < 2:
                    lines.append(self._line(
                        "node", 1_200, self._runs, self.saver, thread, "", "chat", step, node, task,
                    ))  # fmt: skip
        run_id = str(uuid.UUID(int=self._random.getrandbits(128)))
        lines.append(self._line(
            "run", self._runs, 5_000, self.saver, thread, "chat", run_id, "done",
        ))  # fmt: skip
        return lines

    def _put(self, thread: str, checkpoint: str, turn: int, step: int) -> bytes:
        messages = 320 * (2 * turn + step // 2)
        channels: dict[str, int | None] = {"messages": messages, "__start__": 350, "topic": 24}
        changed: list[str] | int = ["messages", f"branch:to:{step}"]
        document, blobs, whole = messages + 900, 0, 1
        if self.backend == "memory":
            channels = {"messages": messages} if step else {"__start__": 350, "topic": 24}
            document, blobs, whole, changed = 700, sum(v or 0 for v in channels.values()), 0, 0
        elif step:
            channels[f"branch:to:{step}"] = 1
        lists = {}
        if self._random.random() < 0.3:
            elements = [[i, "langchain_core.messages.ai.AIMessage", 330] for i in range(3)]
            lists = {"messages": [2 * turn, elements]}
        return self._call(
            "put", thread, checkpoint, "msgpack", self._last.get(thread, ""), step, "loop",
            document, blobs, 180, 420, whole, channels, changed, lists,
        )  # fmt: skip

    def _call(
        self, tag: str, thread: str, checkpoint: str, serializer: str, *rest: object
    ) -> bytes:
        duration = 60 + int(self._random.expovariate(1 / 400))
        return self._line(
            tag, duration, self.saver, "chat", self._runs, thread, "", checkpoint, "",
            duration // 3, serializer, *rest,
        )  # fmt: skip

    def _line(self, tag: str, *fields: object) -> bytes:
        self.seq += 1
        self._now_us += 7
        return record(events.encode((tag, self.seq, self._now_us, *fields)))

    def _checkpoint(self) -> str:
        """A UUIDv6: sorts by time."""
        ticks = self._now_us * 10 + self.seq % 10 + 0x01B21DD213814000
        return (
            f"{ticks >> 28:08x}-{ticks >> 12 & 0xFFFF:04x}-6{ticks & 0xFFF:03x}-"
            f"8{self._random.getrandbits(12):03x}-{self._random.getrandbits(48):012x}"
        )


def write_spool(folder: Path, traffic: Traffic, count: int, segment_bytes: int = 8_000_000) -> int:
    """Spool at least ``count`` events, sealed, in segments; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    turns = traffic.turns(-(-count // EVENTS_A_TURN))
    number = 0
    more = True
    while more:
        number += 1
        name = f"{traffic.incarnation}-{number:06}.v{events.FORMAT}.spool"
        with (folder / name).open("wb") as file:
            file.writelines(traffic.introduction())
            more = False
            for lines in turns:
                file.writelines(lines)
                if file.tell() >= segment_bytes:
                    more = True
                    break
            file.write(traffic.seal(final=int(not more)))
    return traffic.seq


def event_of(line: bytes) -> events.AnyEvent:
    """The event of a record."""
    return events.decode(msgspec.Raw(line[9:-1]))
