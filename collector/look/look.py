"""One look at a process, from what is asked to an answer that can be shown."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from collector.inspection.errors import CouldNotLook
from collector.look import asking, folders, recording, words
from storage.looks import Allocations, Answer, Census, Chain, FunctionLine, Lines

_LINE_CHARACTERS = 200


def answer(
    spool: Path, named: str, request: dict[str, Any], finish: Callable[[], bool] = lambda: False
) -> Answer:
    """What a process found when it was asked.

    Args:
        spool: folder of the spool.
        named: pid or incarnation.
        request: a ``statemeter.looks.Look``: kind and settings.
        finish: asked some times a second: whether the result is wanted before its time.
    """
    try:
        folder, whose = folders.find(spool, named)
        with asking.asked(folder, whose, request, finish) as (told, name):
            problem = words.problem(told, whose)
            if problem:
                return Answer(problem=problem)
            return _found(request["kind"], told, folder / f"{name}.bin")
    except CouldNotLook as error:
        return Answer(problem=str(error))
    except msgspec.ValidationError:
        return Answer(problem="The process runs another version of Statemeter.")


def _found(kind: str, told: dict[str, Any], recorded: Path) -> Answer:
    common: dict[str, Any] = {
        "ended": words.ENDED.get(str(told.get("ended", "")), ""),
        "took_us": int(told.get("took_us", 0)),
    }
    if kind == "census":
        return Answer(census=msgspec.convert(told, Census), **common)
    if kind == "chain":
        return Answer(chain=msgspec.convert(told, Chain), **common)
    if kind == "allocations":
        return Answer(allocations=msgspec.convert(told, Allocations), **common)
    if kind == "recording":
        # By the name that we chose: what the process says of it is not taken for a path.
        return Answer(recording=recording.read(recorded, told), **common)
    return Answer(lines=_with_text(msgspec.convert(told, Lines)), **common)


def _with_text(lines: Lines) -> Lines:
    """Each line with its source, where the file can be read from here."""
    linecache.checkcache(lines.file)
    shown = [
        msgspec.structs.replace(
            one, text=linecache.getline(lines.file, one.line).rstrip()[:_LINE_CHARACTERS]
        )
        for one in _all_lines(lines)
    ]
    return msgspec.structs.replace(lines, lines=shown)


def _all_lines(lines: Lines) -> list[FunctionLine]:
    """From the first of the function to the last that ran, those between as well."""
    told = {one.line: one for one in lines.lines}
    if not told:
        return []
    last = max(told)
    if last - lines.first > 2_000:
        return lines.lines
    return [
        told.get(number, FunctionLine(number, 0, 0, 0, 0))
        for number in range(min(lines.first, *told), last + 1)
    ]
