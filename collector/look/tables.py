"""Answers of looks as text, for a terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from storage.looks import Allocations, Answer, Census, Chain, Lines, Recording
from storage.text_table import table

MOST = 30


def text(answer: Answer) -> str:
    """All that an answer tells, the most telling first."""
    for name, show in _SHOWS.items():
        found = getattr(answer, name)
        if found is not None:
            ended = f"\nThe look {answer.ended}." if answer.ended else ""
            return show(found) + ended
    return answer.problem


def _census(found: Census) -> str:
    estimated = f" (one in {found.every} was counted)" if found.every > 1 else ""
    rows = [
        {"objects": one.count, "change": one.change, "steady": _mark(one.steady), "type": one.name}
        for one in found.types[:MOST]
    ]
    containers = [
        {"elements": one.length, "change": one.change, "steady": _mark(one.steady),
         "type": one.name, "address": hex(one.address)}
        for one in found.containers[:MOST]
    ]  # fmt: skip
    return (
        f"{found.objects:,} objects{estimated}, {found.change:+,}\n\n{table(rows)}\n\n"
        f"Lists, dictionaries and sets:\n{table(containers)}"
    )


def _chain(found: Chain) -> str:
    shown = [f"{found.number:,} objects of type {found.name}"]
    for one in found.chains:
        lines = ["" if one.rooted else "(no beginning was found)"]
        for at, (name, note) in enumerate(one.nodes):
            edge = one.edges[at - 1] if at else ""
            lines.append(f"{'  ' * at}{edge + ' → ' if at else ''}{name} {note}".rstrip())
        shown.append("\n".join(lines))
    if not found.complete:
        shown.append("The search took too long and was ended.")
    return "\n".join(shown)


def _allocations(found: Allocations) -> str:
    rows = [
        {"change_bytes": one.change_bytes, "bytes": one.bytes, "blocks": one.blocks,
         "steady": _mark(one.steady), "line": place(one.file, one.line)}
        for one in found.lines[:MOST]
    ]  # fmt: skip
    return f"{found.bytes:,} bytes kept, {found.change_bytes:+,}\n\n{table(rows)}"


def _recording(found: Recording) -> str:
    rows = [
        {"bytes": one.bytes, "blocks": one.blocks, "function": one.function,
         "line": place(one.file, one.line)}
        for one in found.leaks[:MOST]
    ]  # fmt: skip
    return (
        f"{found.seconds:.1f} s, {found.allocations:,} allocations, peak {found.peak_bytes:,} "
        f"bytes, {found.kept.bytes:,} bytes not freed:\n\n{table(rows)}"
    )


def _lines(found: Lines) -> str:
    head = f"{found.function}, {place(found.file, found.first)}"
    took = f"{found.duration_us / 1000:,.1f} ms" if found.complete else "not over in time"
    rows = [
        {"line": one.line, "hits": one.hits, "change_bytes": one.change_bytes,
         "peak_bytes": one.peak_bytes, "held_bytes": one.held_bytes, "text": one.text}
        for one in found.lines
    ]  # fmt: skip
    error = f", ended with {found.error}" if found.error else ""
    return f"{head}: {took}{error}\n\n{table(rows)}"


def place(file: str, line: int) -> str:
    """A line by the end of its path, which is what tells files apart."""
    parts = file.replace("\\", "/").split("/")
    return f"{'/'.join(parts[-2:])}:{line}"


def _mark(steady: bool) -> str:
    return "grows" if steady else ""


_SHOWS: dict[str, Callable[[Any], str]] = {
    "census": _census, "chain": _chain, "allocations": _allocations, "recording": _recording,
    "lines": _lines,
}  # fmt: skip
