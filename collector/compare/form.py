"""A comparison that a form asks for: one JSON line on standard input, one on standard output.

``{"name": …, "backends": ["memory", "sqlite", URL, …], "asked": {…}}`` comes in, URLs with their
passwords, which are therefore in no list of processes; ``{"id": …}`` goes out, the job's. ``asked``
is ``storage.comparisons.Asked`` without its targets.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from collector.compare import targets
from collector.inspection.errors import BadAddress
from storage import comparisons, jobs
from storage.comparisons import KIND


def ask(line: str, spool: Path, store: str) -> str:
    """Leave the job; its answer, JSON.

    Raises:
        BadAddress: one of the backends is none.
        ValueError: what is asked for makes no sense.
        JobUnwritable: the spool refuses it.
    """
    told: dict[str, Any] = json.loads(line)
    names = [name.strip() for name in told["backends"]]
    for name in names:
        if name == "-" or name.startswith("env:"):
            raise BadAddress("A form takes memory, sqlite and URLs.")
    found, secrets = targets.named([name for name in names if name])
    asked = comparisons.convert({**told["asked"], "targets": msgspec.to_builtins(found)})
    secrets |= {"store": store, "spool": str(spool)}
    request = jobs.ask(
        spool, KIND, str(told.get("name") or ""), msgspec.to_builtins(asked), secrets
    )  # fmt: skip
    return json.dumps({"id": request.id})
