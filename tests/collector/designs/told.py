"""A conversation as a probe would tell it, with sizes that can be added up by hand."""

from __future__ import annotations

from pathlib import Path

from tests.collector.made import Made, checkpoint_id, collect

ELEMENT = 400
"""Bytes of each message."""

FRAME = 600
"""Bytes of a document beside its values."""

HEADER = 3
"""Bytes of a list beside its elements, from 16 of them on."""


def listed(count: int) -> int:
    """Bytes of so many messages."""
    return count * ELEMENT + (1 if count < 16 else HEADER)


class Conversation:
    """One thread; every turn is a run with an input and two steps."""

    def __init__(self, made: Made, thread: str) -> None:
        self.made, self.thread = made, thread
        self.number = 0
        self.messages = 0
        self.step = -1
        self.run = 0

    def turn(self) -> None:
        """One run: the input, the step that takes it, and the answer."""
        self.run += 1
        self.put("input", {"__start__": ELEMENT + 20}, ["__start__"])
        self.writes("", ELEMENT + 1)
        self.messages += 1
        self.put("loop", {"branch:to:answer": 1}, ["messages", "branch:to:answer"])
        self.writes("answer", ELEMENT + 1)
        self.messages += 1
        self.put("loop", {}, ["messages"])

    def put(
        self, source: str, more: dict[str, int], written: list[str], *, parent: int | None = None
    ) -> None:
        """A checkpoint of the root graph; ``parent``: of a fork."""
        before = self.number if parent is None else parent
        self.number += 1
        channels: dict[str, int | None] = dict(more)
        if self.messages:
            channels["messages"] = listed(self.messages)
        lists = {}
        if "messages" in written:
            lists["messages"] = [self.messages, [[0, "HumanMessage", ELEMENT]]]
        values = sum(size or 0 for size in channels.values())
        self.made.line(
            "put", 1000, self.made.saver, "chat", self.run, self.thread, "",
            checkpoint_id(self.number), "", 100, "msgpack",
            checkpoint_id(before) if before else "", self.step, source, FRAME + values, 0, 20, 30,
            1, channels, written, lists,
        )  # fmt: skip
        self.step += 1

    def writes(self, node: str, size: int) -> None:
        """The pending write of a task to the messages."""
        self.made.line(
            "writes", 500, self.made.saver, "chat", self.run, self.thread, "",
            checkpoint_id(self.number), "", 50, "msgpack", f"task-{self.number}", node,
            [["messages", size]],
        )  # fmt: skip


def conversation(folder: Path, turns: int, thread: str = "chat") -> Path:
    """The store of such a thread."""
    made = Made(folder / "spool")
    told = Conversation(made, thread)
    for _ in range(turns):
        told.turn()
    made.write()
    store = folder / "store.sqlite"
    collect(folder / "spool", store)
    return store
