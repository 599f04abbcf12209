"""Checkpoints of an attached database as steps to be done again, read-only.

Which there are is in the store; what they hold is read from the database by the reader of its
kind (``collector.viewer``). Nothing of them is decoded into objects (``repack``), and nothing is
written anywhere but into the corners of the comparison, which are removed in the end.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from collector.compare import repack
from collector.compare.replay import Step, Writes
from collector.inspection import drivers, url
from collector.inspection.errors import CouldNotLook
from collector.jobs.errors import CannotRun
from collector.viewer.raw import Blob, Found, Reader
from storage import sources
from storage.queries_recorded import Recorded

EACH = 20
"""Checkpoints that one connection reads: the readers bound what they fetch at once."""


class Missing:
    """What could not be taken along, counted."""

    def __init__(self) -> None:
        self.large = 0
        """Values that are too large to be fetched whole."""
        self.opaque = 0
        """Values of another serializer: one piece of bytes each."""
        self.gone = 0
        """Checkpoints that are in the store, and no longer in the database."""

    def notes(self) -> Iterator[str]:
        """In words, for the result."""
        yield (
            "Objects inside the checkpoints (messages, for one) are moved as bytes: what making "
            "them costs an application on reading is not measured. RedisSaver keeps JSON: it "
            "gets them as plain fields, so that their sizes there are near the real ones."
        )
        if self.opaque:
            yield (
                f"{self.opaque:,} values are of another serializer than msgpack (JSON, pickle, "
                "encrypted): moved as one piece of bytes each."
            )
        if self.large:
            yield f"{self.large:,} values were too large to be fetched, and are left out."
        if self.gone:
            yield f"{self.gone:,} checkpoints are no longer in the database, and are left out."


def steps(
    spool: Path, key: str, threads: list[tuple[str, list[Recorded]]], missing: Missing,
    tick: Callable[[str], None],
) -> list[list[Step]]:  # fmt: skip
    """Threads of a database, as they lie there.

    Args:
        spool: has the database's URL.
        key: of the database.
        threads: ids, with the calls that the store knows of.
        missing: is told what could not be taken along.
        tick: is called with what is done now; may raise.

    Raises:
        CannotRun: the database cannot be read.
    """
    try:
        source = sources.load(spool, key)
        address = url.parse(source.url)
        module = drivers.module("collector.viewer", address)
        made = []
        for thread, calls in threads:
            puts = [call for call in calls if call.operation == "put"]
            found: list[Step] = []
            for start in range(0, len(puts), EACH):
                tick(f"reading {source.shown}: {thread}, {start} of {len(puts)} checkpoints")
                with module.connected(address) as reader:
                    found += _read(reader, thread, puts[start : start + EACH], missing)
            made.append(found)
    except (CouldNotLook, sources.SourceError) as error:
        raise CannotRun(str(error)) from None
    return [one for one in made if one]


def _read(reader: Reader, thread: str, puts: list[Recorded], missing: Missing) -> Iterator[Step]:
    for call in puts:
        found = reader.find(thread, call.ns, call.checkpoint, None)
        document = None if found is None else _document(found)
        if found is None or document is None:
            missing.gone += 1
            continue
        values = document.get("channel_values") or {}
        for name, blob in found.channels.items():
            if blob.type == "empty":
                continue
            if not blob.whole:
                missing.large += 1
                continue
            values[name] = _value(blob, missing)
        versions = document.get("channel_versions") or {}
        document |= {"channel_values": values, "channel_versions": versions}
        document.setdefault("versions_seen", {})
        changed = versions if call.changed is None else call.changed
        yield Step(
            call.ns, found.parent, document, _metadata(found.metadata, call),
            {name: versions[name] for name in changed if name in versions},
            list(_writes(found, call, missing)),
        )  # fmt: skip


def _document(found: Found) -> dict[str, Any] | None:
    blob = found.document
    if not blob.whole:
        return None
    with contextlib.suppress(ValueError):
        made = json.loads(blob.content) if blob.type == "json" else repack.unpacked(blob.content)
        return made if isinstance(made, dict) and "id" in made else None
    return None


def _metadata(blob: Blob, call: Recorded) -> dict[str, Any]:
    if blob.type == "json" and blob.whole:
        with contextlib.suppress(ValueError):
            made = json.loads(blob.content)
            if isinstance(made, dict):
                return made
    return {"source": call.source or "loop", "step": call.step or 0, "parents": {}}


def _writes(found: Found, call: Recorded, missing: Missing) -> Iterator[Writes]:
    by_task: dict[str, list[tuple[str, Any]]] = {}
    for write in found.writes:
        if not write.blob.whole:
            missing.large += 1
            continue
        by_task.setdefault(write.task, []).append((write.channel, _value(write.blob, missing)))
    for task, values in by_task.items():
        yield Writes(call.ns, found.checkpoint, task, values)


def _value(blob: Blob, missing: Missing) -> Any:
    if blob.type == "json":
        with contextlib.suppress(ValueError):
            return repack.plain(json.loads(blob.content))
    made, known = repack.value(blob.type, blob.content)
    missing.opaque += not known
    return made
