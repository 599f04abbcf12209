"""Which channels a step wrote, where a store does not tell, and where values lie.

InMemorySaver and PostgresSaver write the channels that changed, and the store has the live bytes of
all. Stores filled by earlier versions do not tell which ones these were. It follows from
LangGraph's own rule: the channels of the pending writes under the parent checkpoint, and every one
whose size is another. The bytes of the call say whether that is all.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

from storage.history_writes import parsed

_TRIED = 10
"""Channels among which the ones that a sum needs are looked for."""


def tells(row: Any) -> bool:
    """Whether a row of ``operations`` names the channels that the put wrote."""
    return str(row.changed).startswith("[")


def changed_of(
    row: Any, values: dict[str, int], parent: dict[str, int] | None, wrote: set[str], layout: str
) -> frozenset[str]:
    """The channels that a put wrote: those that it told, else those that follow from its bytes.

    Args:
        row: of ``operations``.
        values: live bytes by channel.
        parent: those of its parent, None where it is not known.
        wrote: channels of the pending writes under the parent.
        layout: of the saver.
    """
    if tells(row):
        return frozenset(parsed(row.changed, []))
    if layout == "whole" or parent is None:
        return frozenset(values)
    names = {name for name, size in values.items() if parent.get(name) != size}
    names |= {name for name in wrote if name in values or name in parent}
    names |= parsed(row.lists, {}).keys() & values.keys()
    names |= parent.keys() - values.keys()
    return frozenset(names)


def settled(
    values: dict[str, int], parent: dict[str, int], written: frozenset[str], unwritten: int
) -> frozenset[str]:
    """The channels that a put wrote, where the bytes of the call tell of others than the writes do:
    one that was written with the size it had (durability ``exit`` keeps no writes), or not written
    though a task that failed wrote it.

    Args:
        values: live bytes by channel, of those that are blobs.
        parent: those of its parent.
        written: as of ``changed_of``.
        unwritten: bytes of the blobs that it uses and did not write.
    """
    same = [name for name, size in values.items() if size and parent.get(name) == size]
    off = unwritten - sum(size for name, size in values.items() if name not in written)
    if off < 0:
        more = _fitting({name: values[name] for name in same if name not in written}, -off)
        return written | more
    if off > 0:
        return written - _fitting({name: values[name] for name in same if name in written}, off)
    return written


def _fitting(sizes: dict[str, int], wanted: int) -> frozenset[str]:
    """The fewest of these that add up to a number of bytes; none where nothing does."""
    names = sorted(sizes, key=lambda name: -sizes[name])[:_TRIED]
    for number in range(1, len(names) + 1):
        for chosen in combinations(names, number):
            if sum(sizes[name] for name in chosen) == wanted:
                return frozenset(chosen)
    return frozenset()


class Inline:
    """Finds the channels whose values PostgreSQL keeps inside the document: what a put did not
    write and does not hold as blobs."""

    def __init__(self, looks: bool) -> None:
        self._looks = looks
        self._inline: set[str] = set()
        self._blobs: set[str] = set()

    @property
    def inline(self) -> frozenset[str]:
        """Those found so far."""
        return frozenset(self._inline - self._blobs)

    def add(
        self, unwritten: int, values: dict[str, int], written: frozenset[str], lists: str
    ) -> None:
        """Learn from a checkpoint.

        Args:
            unwritten: bytes of the blobs that it uses and did not write.
            values: live bytes by channel.
            written: channels that it wrote.
            lists: its lists, as JSON: these are never inside.
        """
        if not self._looks:
            return
        self._blobs |= parsed(lists, {}).keys()
        rest = {
            name: size
            for name, size in values.items()
            if size and name not in written and name not in self._inline
        }
        unwritten -= sum(size for name, size in rest.items() if name in self._blobs)
        open_ = [name for name in rest if name not in self._blobs]
        if not open_ or unwritten < 0:
            return
        for number in range(min(len(open_), _TRIED) + 1):
            for chosen in combinations(open_[:_TRIED], number):
                if sum(rest[name] for name in chosen) == unwritten:
                    self._blobs |= set(chosen)
                    self._inline |= set(open_[:_TRIED]) - set(chosen)
                    return
