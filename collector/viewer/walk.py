"""What delta channels are rebuilt from: pending writes of the ancestors, back to a snapshot.

The same walk as ``BaseCheckpointSaver.get_delta_channel_history`` of langgraph-checkpoint 4: from
the parent on, up to and with the first ancestor that holds a value of the channel.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from collector.viewer.raw import Blob, Found, Reader, Replay
from storage.values import Ask

MOST_ANCESTORS = 6_000
"""LangGraph writes a snapshot after 5000 super-steps at the latest."""
SECONDS = 5.0

Values = Callable[[Found], dict[str, Blob]]


def replays(
    reader: Reader, asked: Ask, found: Found, channels: Iterable[str], values: Values
) -> dict[str, Replay]:
    """Channel → what it is rebuilt from.

    Args:
        reader: of the database.
        asked: thread and namespace.
        found: the checkpoint.
        channels: those to rebuild.
        values: gives the channels of a checkpoint, wherever its backend keeps them.

    Raises:
        CouldNotLook: the database refused.
    """
    made = {channel: Replay() for channel in channels}
    seeking, seen, parent = set(made), {found.checkpoint}, found.parent
    ends = time.monotonic() + SECONDS
    while seeking and parent and parent not in seen:
        if len(seen) > MOST_ANCESTORS or time.monotonic() > ends:
            for channel in seeking:
                made[channel].complete = False
            break
        seen.add(parent)
        ancestor = reader.find(asked.thread, asked.ns, parent, seeking)
        if ancestor is None:
            break
        for channel in seeking:
            made[channel].ancestors += 1
            made[channel].complete &= not ancestor.more_writes
        for write in () if ancestor.unread else reversed(ancestor.writes):
            made[write.channel].writes.append(write.blob)
        for channel, blob in values(ancestor).items():
            if channel in seeking:
                made[channel].seed = blob
                seeking.discard(channel)
        parent = ancestor.parent
    for replay in made.values():
        replay.writes.reverse()
    return made
