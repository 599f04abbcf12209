"""Bytes by channel: of one checkpoint, and summed over a thread."""

from __future__ import annotations

import msgspec

from collector.held import is_time_ordered, plain_namespace
from collector.records import PutParts
from collector.threads import ChannelSums, ThreadState
from statemeter import events

encode = msgspec.json.Encoder().encode


def carried(parent: dict[str, int] | None, parts: PutParts) -> dict[str, int]:
    """Live bytes of a saver that writes what changed: the parent's, and over them the new ones."""
    sizes = dict(parent) if parent else {}
    for channel, size in parts.channels.items():
        if size is None:
            sizes.pop(channel, None)
        else:
            sizes[channel] = size
    return sizes


def known(parts: PutParts) -> tuple[dict[str, int], str]:
    """Channel bytes of a document that holds all channels, and the same as JSON."""
    if "null" not in parts.channels_json:
        return parts.channels, parts.channels_json  # type: ignore[return-value]
    sizes = {channel: size for channel, size in parts.channels.items() if size is not None}
    return sizes, encode(sizes).decode()


def written(event: events.Put, parts: PutParts) -> str:
    """The channels that a step wrote, as JSON; 0: all of the checkpoint's.

    A saver that writes what changed tells these alone, while the store has all that live.
    """
    known = parts.channels or not event.channels_unknown
    if parts.changed is None and not event.whole and known:
        return encode(list(parts.channels)).decode()
    return parts.changed_json


Added = tuple[dict[str, ChannelSums], int]
"""The sums by channel of a namespace, and bytes of the channels that a step wrote."""


def add(state: ThreadState, event: events.Put, parts: PutParts, sizes: dict[str, int]) -> Added:
    """Add a checkpoint to the thread's sums by channel."""
    plain = plain_namespace(event.ns)
    channels = state.channels.get(plain)
    if channels is None:
        channels = state.channels[plain] = {}
    if event.duration_us < 0 and _is_older(state, event.ns, event.checkpoint):
        return channels, _add_older(channels, parts, sizes)
    _add_newest(state, event, channels, sizes)
    return channels, _count(channels, parts, sizes)


def _add_newest(
    state: ThreadState, event: events.Put, channels: dict[str, ChannelSums], sizes: dict[str, int]
) -> None:
    """What lives now."""
    heads = state.heads
    if channels and heads.get(event.ns) != event.parent:
        for sums in channels.values():  # a fork, or another call of the subgraph
            sums[0] = 0
    heads[event.ns] = event.checkpoint
    for channel, size in sizes.items():
        known = channels.get(channel)
        if known is None:
            channels[channel] = [size, 0, 0, None]
        else:
            known[0] = size


def _count(channels: dict[str, ChannelSums], parts: PutParts, sizes: dict[str, int]) -> int:
    """What was written, and how often; how much that is."""
    written = 0
    for channel in parts.channels if parts.changed is None else parts.changed:
        sums = channels.get(channel)
        if sums is None:
            sums = channels[channel] = [0, 0, 0, None]
        size = sizes.get(channel)
        if size is None:
            sums[0] = 0  # emptied by this step
        else:
            sums[1] += size
            written += size
        sums[2] += 1
    for channel, count in parts.elements.items():
        if channel in channels:
            channels[channel][3] = count
    return written


def _is_older(state: ThreadState, ns: str, checkpoint: str) -> bool:
    """Whether a newer checkpoint of the namespace was told."""
    told = state.heads.get(ns) or ("" if ns else state.checkpoint)
    return checkpoint < told and is_time_ordered(checkpoint)


def _add_older(channels: dict[str, ChannelSums], parts: PutParts, sizes: dict[str, int]) -> int:
    """The same of one that was found after newer ones were told: live bytes stay as they are."""
    written = 0
    for channel in parts.channels if parts.changed is None else parts.changed:
        sums = channels.setdefault(channel, [0, 0, 0, None])
        size = sizes.get(channel, 0)
        sums[1] += size
        sums[2] += 1
        written += size
    return written


def withdraw(state: ThreadState, ns: str, written: dict[str, int]) -> None:
    """Take back that a checkpoint wrote these channels: it is about to be told again."""
    channels = state.channels.get(plain_namespace(ns), {})
    for channel, size in written.items():
        if channel in channels:
            channels[channel][1] -= size
            channels[channel][2] -= 1
