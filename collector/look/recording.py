"""What memray recorded, as trees of calls: read here, so that the application has no work of it.

memray's own page would load scripts from servers of others; its reporter makes the tree, the pages
draw it.
"""

from __future__ import annotations

import html
from collections import Counter
from pathlib import Path
from typing import Any

from collector.inspection.errors import CouldNotLook
from storage.looks import Flame, Frame, Leak, Recording

MOST_FRAMES = 1_500
MOST_LEAKS = 100
_MOST_RECORDS = 200_000

INSTALL = "pip install 'statemeter[memory]'"


def read(path: Path, told: dict[str, Any]) -> Recording:
    """The trees of a recording.

    Args:
        path: memray's file.
        told: what the process told of it: ``seconds``, ``run``, ``package`` (folder of the probe),
            ``memray`` (its version there).

    Raises:
        CouldNotLook: memray is missing here, or cannot read the file.
    """
    try:
        from memray import FileReader  # noqa: PLC0415 (needed for this alone)
    except ImportError:
        raise CouldNotLook(f"memray is missing beside the dashboard: {INSTALL}") from None
    own = str(told.get("package", ""))
    try:
        reader = FileReader(path)
        try:
            kept = _of_application(reader.get_leaked_allocation_records(merge_threads=True), own)
            peak = _of_application(
                reader.get_high_watermark_allocation_records(merge_threads=True), own
            )
            metadata = reader.metadata
        finally:
            reader.close()
        return Recording(
            seconds=told["seconds"], run=bool(told["run"]),
            allocations=metadata.total_allocations, peak_bytes=metadata.peak_memory,
            peak=_flame(peak), kept=_flame(kept), leaks=_leaks(kept),
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise CouldNotLook(
            f"memray here cannot read what memray {told.get('memray', '')} of the application "
            f"wrote ({error}): install the same version in both."
        ) from None


def _of_application(records: Any, own: str) -> list[Any]:
    """All but what the threads of the probe allocate, the largest first."""
    found = sorted(records, key=lambda one: -one.size)[:_MOST_RECORDS]
    return [one for one in found if not _is_own(one, own)]


def _is_own(record: Any, own: str) -> bool:
    """Whether the probe allocated it: in a line of its own, or in one of its threads."""
    stack = record.stack_trace()
    if not own or not stack:
        return False
    ours = [Path(file).name for _, file, _ in stack if file.startswith(own)]
    threads = {"control.py", "looks.py"}
    return stack[0][1].startswith(own) or bool(threads & set(ours)) or _of_thread(stack, own)


def _of_thread(stack: Any, own: str) -> bool:
    """Whether the outermost line that is none of ``threading`` is the probe's thread."""
    outermost = [file for _, file, _ in stack if Path(file).name != "threading.py"]
    return bool(outermost) and outermost[-1] == str(Path(own, "probe.py"))


def _flame(records: list[Any]) -> Flame:
    """The tree of calls, without boxes that would be too narrow."""
    from memray.reporters.flamegraph import FlameGraphReporter  # noqa: PLC0415

    report = FlameGraphReporter.from_snapshot(records, memory_records=[], native_traces=False)
    nodes, strings = report.data["nodes"], report.data["strings"]
    sizes = nodes["value"]
    if not sizes:
        return Flame()
    drawn = set(sorted(range(len(sizes)), key=lambda at: -sizes[at])[:MOST_FRAMES])
    frames: list[Frame] = []
    left_out = 0
    waiting = [(0, -1)]
    while waiting:
        at, parent = waiting.pop()
        if at not in drawn:
            left_out += sizes[at]
            continue
        name, file = (html.unescape(strings[nodes[key][at]]) for key in ("function", "filename"))
        if at == 0:
            name, file = "all", ""
        frames.append(
            Frame(parent, name, file, nodes["lineno"][at], sizes[at], nodes["n_allocations"][at])
        )
        inner = sorted(nodes["children"][at], key=sizes.__getitem__)  # the largest comes first
        waiting += [(child, len(frames) - 1) for child in inner]
    return Flame(frames=frames, bytes=sizes[0], left_out_bytes=left_out)


def _leaks(records: list[Any]) -> list[Leak]:
    sizes: Counter[tuple[str, str, int]] = Counter()
    blocks: Counter[tuple[str, str, int]] = Counter()
    for record in records:
        stack = record.stack_trace(1)
        place = stack[0] if stack else ("(native)", "", 0)
        sizes[place] += record.size
        blocks[place] += record.n_allocations
    return [Leak(*place, size, blocks[place]) for place, size in sizes.most_common(MOST_LEAKS)]
